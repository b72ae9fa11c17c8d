//! Real servers in folders of their own, on Unix sockets, so that no port is fixed or raced for.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A server that does not answer by then will not.
const START_LIMIT: Duration = Duration::from_mins(1);

/// A server and its folder; both go with it.
pub(crate) struct Server {
    child: Child,
    folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().expect("the server runs");
        self.child.wait().expect("the server ends");
    }
}

impl Server {
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn wait_for(mut self, socket: &str) -> Self {
        let (socket, started) = (self.folder.path().join(socket), Instant::now());
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                panic!(
                    "the server ended with {status} before it listened on {}",
                    socket.display()
                );
            }
            assert!(
                started.elapsed() < START_LIMIT,
                "nothing listens on {}",
                socket.display()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        self
    }
}

fn spawn(command: &mut Command, install: &str) -> Child {
    let spawned = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    spawned.unwrap_or_else(|error| panic!("start {command:?}: {error}; install it with {install}"))
}

/// `redis-server` on `redis.sock`.
pub(crate) fn redis() -> Server {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new("redis-server");
    command
        .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
        .arg(folder.path().join("redis.sock"));
    let child = spawn(&mut command, "apt-get install redis-server");
    Server { child, folder }.wait_for("redis.sock")
}

/// PostgreSQL on `.s.PGSQL.5432`, with user and database `postgres`. It refuses to run as root, so it runs as `postgres`.
pub(crate) fn postgres() -> Server {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let is_root = std::fs::metadata("/proc/self").expect("a Linux system").uid() == 0;
    if is_root {
        let mut chown = Command::new("chown");
        run(chown.arg("postgres").arg(folder.path()), "apt-get install postgresql");
    }
    let as_postgres = |program: &str| {
        let program = postgres_program(program);
        if !is_root {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
            .arg(program);
        command
    };
    let data = folder.path().join("data");
    let mut initdb = as_postgres("initdb");
    let options = [
        "--auth=trust",
        "--username=postgres",
        "--no-sync",
        "--encoding=UTF8",
        "--locale=C",
        "-D",
    ];
    run(initdb.args(options).arg(&data), "apt-get install postgresql");
    let mut command = as_postgres("postgres");
    command
        .args(["-c", "listen_addresses=", "-c", "fsync=off", "-k"])
        .arg(folder.path())
        .arg("-D")
        .arg(&data);
    let child = spawn(&mut command, "apt-get install postgresql");
    Server { child, folder }.wait_for(".s.PGSQL.5432")
}

fn run(command: &mut Command, install: &str) {
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("run {command:?}: {error}; install it with {install}"));
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Debian keeps the server's programs by version, outside of the path.
fn postgres_program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut programs: Vec<PathBuf> = versions.map(|version| version.path().join("bin").join(name)).collect();
    programs.retain(|program| program.exists());
    programs.sort();
    programs.pop().unwrap_or_else(|| PathBuf::from(name))
}
