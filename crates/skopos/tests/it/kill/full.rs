//! A disk that is full, really, under remote write and scrapes: a file system in memory of a few
//! megabytes. Where the system lets the test mount one (`unshare --user`, or root), it is mounted in
//! a namespace of its own; where not, as in containers, their small `/dev/shm` serves.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::target::{METRIC, Target, failed_scrapes, gaps};
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
const REFUSED_SCRAPED: &str = r#"skopos_ledger_items_total{door="scrape",outcome="rejected",reason="write_failed",signal="metrics",tenant="default"}"#;
/// Scrapes of a time of the test, at least: more than a series of the target lasts.
const LEAST_SCRAPES: usize = 12;
/// The file system in memory that is there without mounting.
const SHARED_MEMORY: &str = "/dev/shm";
/// As much of it as a test may take; containers are given this much by default.
const SHARED_MEMORY_BYTES: u64 = 64 << 20;

/// A small file system. One that was mounted lives as long as the process that holds its namespace.
struct SmallDisk {
    holder: Option<Child>,
    /// What stands before a command that has to see it.
    enter: Vec<String>,
    folder: tempfile::TempDir,
}

impl SmallDisk {
    fn find() -> Self {
        // As a user with a namespace of users, else as root without, else what is there.
        Self::mount("-Urm", "--user --preserve-credentials")
            .or_else(|| Self::mount("-m", ""))
            .or_else(Self::shared_memory)
            .expect("the test needs to mount a tmpfs (unshare -Urm, or as root), or a /dev/shm of at most 64 MiB")
    }

    fn mount(unshare: &str, enter: &str) -> Option<Self> {
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
        let process = format!("nsenter {enter} --mount --target {}", holder.id());
        let disk = Self {
            enter: process.split_whitespace().map(str::to_owned).collect(),
            holder: Some(holder),
            folder,
        };
        (line.trim() == "mounted").then_some(disk)
    }

    fn shared_memory() -> Option<Self> {
        let all = rustix::fs::statvfs(SHARED_MEMORY).ok()?;
        let is_small = all.f_blocks * all.f_frsize <= SHARED_MEMORY_BYTES;
        let folder = is_small.then(|| tempfile::tempdir_in(SHARED_MEMORY).ok())??;
        Some(Self {
            holder: None,
            enter: vec!["env".to_owned()],
            folder,
        })
    }

    /// A command that runs a program where the disk is mounted.
    fn inside(&self, program: &str) -> Command {
        let mut command = Command::new(&self.enter[0]);
        command.args(&self.enter[1..]).arg(program).stdin(Stdio::null());
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

    async fn start(&self, configuration: &str, log: &Path) -> Program {
        let program = self.inside(env!("CARGO_BIN_EXE_skopos"));
        let log = File::options().append(true).create(true).open(log).expect("a log");
        let flags: Vec<&str> = FLAGS.into_iter().chain(["--config.file", configuration]).collect();
        Program::start_by(program, &self.folder.path().join("data"), &flags, log.into()).await
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if let Some(holder) = &mut self.holder {
            drop(holder.kill());
            drop(holder.wait());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_answered_told_and_survived() {
    let disk = SmallDisk::find();
    let outside = tempfile::tempdir().expect("a folder");
    let log = outside.path().join("log");
    let told = |text: &str| std::fs::read_to_string(&log).expect("reads").contains(text);
    let target = Target::start().await;
    let configuration = target.configure(outside.path());
    let program = disk.start(&configuration, &log).await;
    let mut ids = Vec::new();
    push_some(&program, &mut ids, 100).await;
    scrapes(&target).await;

    let shown_before = target.take_shown();
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
    scrapes(&target).await;
    eventually("refused scrapes are booked", async || {
        (program.metric(REFUSED_SCRAPED).await > 0.0).then_some(())
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
    target.take_shown();
    assert!(told("takes records again"));
    push_some(&program, &mut ids, 300_000).await;
    scrapes(&target).await;
    program.kill();
    let shown_after = target.take_shown();

    let program = disk.start(&configuration, &log).await;
    let stored = write::stored(&program, NAME).await;
    let scraped = write::stored(&program, METRIC).await;
    let failed = failed_scrapes(&program).await;
    println!(
        "acknowledged {} before, on and after a full disk; stored {}; shown {} before and {} after it, scraped {}, failed scrapes {failed}",
        ids.len(),
        stored.len(),
        shown_before.len(),
        shown_after.len(),
        scraped.len(),
    );
    assert_eq!(stored, ids);
    let once: BTreeSet<u64> = scraped.iter().copied().collect();
    assert_eq!(once.len(), scraped.len(), "a scrape is there twice");
    let gaps = gaps(&shown_before, &once) + gaps(&shown_after, &once);
    assert!(
        gaps <= failed,
        "{shown_before:?} and {shown_after:?} of which {scraped:?}"
    );
}

async fn scrapes(target: &Target) {
    let before = target.shown();
    eventually("scrapes", async || {
        (target.shown() >= before + LEAST_SCRAPES).then_some(())
    })
    .await;
}

async fn push_some(program: &Program, ids: &mut Vec<u64>, first: u64) {
    for id in first..first + 50 {
        let (status, body) = write::push(program, NAME, id).await;
        assert_eq!(status, 204, "{body}");
        ids.push(id);
    }
}
