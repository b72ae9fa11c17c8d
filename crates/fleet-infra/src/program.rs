//! A real program under a service's wing: found, started, its lines logged, started again when it ends, ended with us.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use skopos_fleet_frame::FleetError;
use skopos_log_macros::{self as log, chain};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

/// Pause before a program that ended is started again.
const RESTART_PAUSE: Duration = Duration::from_secs(1);
/// Time to end after the signal; less than the frame's own limit.
const STOP_LIMIT: Duration = Duration::from_secs(4);
/// Where programs are beside `PATH`, in which daemons' folders may be missing.
const FOLDERS: [&str; 4] = ["/usr/local/bin", "/usr/bin", "/usr/local/sbin", "/usr/sbin"];
/// Starts a program that the kernel ends with us, however we end.
const TIE: &str = "setpriv";

/// How a program is asked to end, by us and by the kernel when we are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// SIGTERM, as most programs want it.
    Term,
    /// SIGINT, for a server that takes SIGTERM as "when the last client has left": PostgreSQL.
    Int,
}

impl Farewell {
    fn name(self) -> &'static str {
        match self {
            Self::Term => "TERM",
            Self::Int => "INT",
        }
    }

    fn signal(self) -> Signal {
        match self {
            Self::Term => Signal::TERM,
            Self::Int => Signal::INT,
        }
    }
}

/// The first of these names that is installed, looked for in `first`, in `PATH` and in the usual folders.
pub(crate) fn find(names: &[&str], first: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = first
        .iter()
        .cloned()
        .chain(std::env::split_paths(&path))
        .chain(FOLDERS.map(PathBuf::from))
        .collect();
    let files = names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    files.into_iter().find(|file| file.is_file())
}

/// A command for the program, tied to this process and run as `user` where one is given.
pub(crate) fn command(program: &Path, user: Option<(u32, u32)>, farewell: Farewell) -> Command {
    let mut command = match (find(&[TIE], &[]), user) {
        (None, None) => Command::new(program),
        (None, Some((uid, gid))) => {
            let mut command = Command::new(program);
            command.uid(uid).gid(gid);
            command
        }
        (Some(tie), user) => {
            let mut command = Command::new(tie);
            command.args(["--pdeathsig", farewell.name()]);
            if let Some((uid, gid)) = user {
                command.args([
                    "--reuid",
                    &uid.to_string(),
                    "--regid",
                    &gid.to_string(),
                    "--clear-groups",
                ]);
            }
            command.arg("--").arg(program);
            command
        }
    };
    // What the demo is told (such as PGDATA of somebody else) is not for its stores.
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Keeps a program running until told to stop.
pub(crate) async fn keep(
    name: &'static str,
    farewell: Farewell,
    mut command: impl FnMut() -> Command,
    stop: &CancellationToken,
) -> Result<(), FleetError> {
    loop {
        let mut child = spawn(name, &mut command())?;
        tokio::select! {
            status = child.wait() => {
                log::error!(program = name, how = said(status), "the program ended unasked and is started again");
            }
            () = stop.cancelled() => {
                end(name, farewell, &mut child).await;
                return Ok(());
            }
        }
        tokio::select! {
            () = tokio::time::sleep(RESTART_PAUSE) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

/// Runs a program to its end; an error where it does not succeed.
pub(crate) async fn run(name: &'static str, mut command: Command) -> Result<(), FleetError> {
    let status = spawn(name, &mut command)?.wait().await;
    match status {
        Ok(status) if status.success() => Ok(()),
        status => Err(needed(
            format!("run {name}; its log lines above say why"),
            std::io::Error::other(said(status)),
        )),
    }
}

/// An error about what the service needs.
pub(crate) fn needed(action: String, source: impl std::error::Error + Send + Sync + 'static) -> FleetError {
    FleetError::Needed {
        action,
        source: Box::new(source),
    }
}

fn spawn(name: &'static str, command: &mut Command) -> Result<Child, FleetError> {
    let mut child = command
        .spawn()
        .map_err(|source| needed(format!("start {name}"), source))?;
    log::info!(program = name, pid = child.id(), "program started");
    if let Some(stdout) = child.stdout.take() {
        tokio::spawn(log_lines(name, stdout));
    }
    if let Some(stderr) = child.stderr.take() {
        tokio::spawn(log_lines(name, stderr));
    }
    Ok(child)
}

/// What the program prints becomes log lines of ours.
async fn log_lines(name: &'static str, from: impl AsyncRead + Unpin) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if !line.trim().is_empty() {
            log::info!(program = name, "{}", line.trim_end());
        }
    }
}

async fn end(name: &'static str, farewell: Farewell, child: &mut Child) {
    let pid = child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    if let Some(pid) = pid
        && let Err(error) = kill_process(pid, farewell.signal())
    {
        log::warn!(
            program = name,
            error = chain(&error),
            "the program could not be asked to end"
        );
    }
    if tokio::time::timeout(STOP_LIMIT, child.wait()).await.is_err() {
        log::warn!(program = name, "the program did not end in time and is killed");
        drop(child.kill().await);
    }
}

fn said(status: std::io::Result<ExitStatus>) -> String {
    status.map_or_else(|error| error.to_string(), |status| status.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_where_they_are() {
        assert!(find(&["sh"], &[]).is_some());
        assert_eq!(find(&["no-such-program-anywhere"], &[]), None);
        let folder = tempfile::tempdir().expect("a folder");
        let own = folder.path().join("sh");
        std::fs::write(&own, "").expect("a file");
        assert_eq!(find(&["sh"], &[folder.path().to_owned()]), Some(own));
    }

    #[tokio::test]
    async fn a_program_that_fails_is_an_error_and_one_that_is_kept_ends_with_us() {
        let shell = find(&["sh"], &[]).expect("a shell");
        let mut failing = command(&shell, None, Farewell::Term);
        failing.args(["-c", "exit 3"]);
        assert!(run("sh", failing).await.is_err());

        let stop = CancellationToken::new();
        stop.cancel();
        let sleeping = || {
            let mut sleeping = command(&shell, None, Farewell::Int);
            sleeping.args(["-c", "exec sleep 600"]);
            sleeping
        };
        keep("sh", Farewell::Int, sleeping, &stop).await.expect("it was ended");
    }
}
