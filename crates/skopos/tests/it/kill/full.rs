//! A disk that is full, really: a file system in memory of a few megabytes, mounted in a namespace of
//! its own, which any user may make where the system lets users do so (`unshare --user`).

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::write;
use crate::program::Program;
use crate::webhook::eventually;

const NAME: &str = "kill_full";
/// Flushes are tried on the full disk too.
const FLAGS: [&str; 6] = [
    "--self.scrape-interval",
    "0s",
    "--storage.flush-after",
    "500ms",
    "--storage.maintenance-interval",
    "200ms",
];
const REFUSED: &str = r#"skopos_storage_wal_failures_total{operation="append",signal="metrics"}"#;

/// A small file system that lives as long as the process that holds its namespace.
struct SmallDisk {
    holder: Child,
    enter: Vec<String>,
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// `None` where the system lets nobody mount.
    fn mount() -> Option<Self> {
        // As a user with a namespace of users, else as root without.
        let ways = [("-Urm", "--user --preserve-credentials"), ("-m", "")];
        ways.into_iter()
            .find_map(|(unshare, enter)| Self::mount_by(unshare, enter))
    }

    fn mount_by(unshare: &str, enter: &str) -> Option<Self> {
        const MOUNT: &str = "mount -t tmpfs -o size=12m skopos \"$0\" && echo mounted && exec cat";
        let folder = tempfile::tempdir().expect("a folder");
        let mut holder = Command::new("unshare")
            .args([unshare, "sh", "-c", MOUNT])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut line = String::new();
        let stdout = holder.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).expect("reads");
        let enter = enter.split_whitespace().map(str::to_owned);
        let process = ["--mount".to_owned(), "--target".to_owned(), holder.id().to_string()];
        let disk = Self {
            enter: enter.chain(process).collect(),
            holder,
            folder,
        };
        (line.trim() == "mounted").then_some(disk)
    }

    /// A command that runs a program where the disk is mounted.
    fn inside(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(&self.enter).arg(program).stdin(Stdio::null());
        command
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let mut command = self.inside("sh");
        command
            .args(["-c", "cat /dev/zero > \"$0/ballast\""])
            .arg(self.folder.path());
        let done = command.stderr(Stdio::null()).status().expect("it runs");
        assert!(!done.success(), "no disk is without end");
    }

    fn make_room(&self) {
        let ballast = self.folder.path().join("ballast");
        let done = self.inside("rm").arg(ballast).status().expect("it runs");
        assert!(done.success());
    }

    async fn start(&self, log: &Path) -> Program {
        let program = self.inside(env!("CARGO_BIN_EXE_skopos"));
        let log = File::options().append(true).create(true).open(log).expect("a log");
        Program::start_by(program, &self.folder.path().join("data"), &FLAGS, log.into()).await
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_answered_told_and_survived() {
    let Some(disk) = SmallDisk::mount() else {
        println!("left out: this system lets no test mount a file system (unshare -Urm)");
        return;
    };
    let logs = tempfile::tempdir().expect("a folder");
    let log = logs.path().join("log");
    let told = |text: &str| std::fs::read_to_string(&log).expect("reads").contains(text);
    let program = disk.start(&log).await;
    let mut ids = Vec::new();
    push_some(&program, &mut ids, 100).await;

    disk.fill();
    let mut next = 100_000;
    // Until the last page that the log has is full.
    let refusal = loop {
        let (status, body) = write::push(&program, NAME, next).await;
        if status != 204 {
            break (status, body);
        }
        ids.push(next);
        next += 1;
    };
    assert_eq!(refusal.0, 503, "senders repeat it: {}", refusal.1);
    assert!(refusal.1.contains("the disk is full"), "{}", refusal.1);
    assert!(program.metric(REFUSED).await > 0.0);
    eventually("the log tells of it", async || told("takes no records").then_some(())).await;
    eventually("a flush was tried", async || {
        told("failed to maintain the stores").then_some(())
    })
    .await;
    assert_eq!(
        write::stored(&program, NAME).await,
        ids,
        "it lives, and answers queries"
    );

    disk.make_room();
    next = 200_000;
    eventually("a write is taken again", async || {
        (write::push(&program, NAME, next).await.0 == 204).then_some(())
    })
    .await;
    ids.push(next);
    assert!(told("takes records again"));
    push_some(&program, &mut ids, 300_000).await;
    program.kill();

    let program = disk.start(&log).await;
    let stored = write::stored(&program, NAME).await;
    println!(
        "acknowledged {} before, on and after a full disk; stored {}",
        ids.len(),
        stored.len()
    );
    assert_eq!(stored, ids);
}

async fn push_some(program: &Program, ids: &mut Vec<u64>, first: u64) {
    for id in first..first + 50 {
        let (status, body) = write::push(program, NAME, id).await;
        assert_eq!(status, 204, "{body}");
        ids.push(id);
    }
}
