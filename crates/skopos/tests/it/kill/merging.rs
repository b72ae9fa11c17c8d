//! Kills the server while it takes remote write, scrapes, flushes, merges and retires, again and
//! again: every acknowledged sample is there once, scrapes are missing only of when it was down, and
//! no file is left that the manifest does not know.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::target::{METRIC, Target, failed_scrapes, gaps};
use super::write;
use crate::program::Program;
use crate::webhook::eventually;

const ROUNDS: u64 = 5;
const IDS_PER_ROUND: u64 = 1_000_000;
/// Scrapes of a round, at least.
const LEAST_SCRAPES: usize = 5;
/// Acknowledged writes of a round, at least.
const LEAST_WRITES: usize = 50;
const HOUR_MS: i64 = 3_600_000;

/// Parts are written, merged and retired within a second.
const BUSY: [&str; 8] = [
    "--self.scrape-interval",
    "0s",
    "--storage.flush-after",
    "200ms",
    "--storage.maintenance-interval",
    "100ms",
    "--storage.retention.time",
    "2h",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flushes_merges_and_retention_lose_and_double_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let target = Target::start().await;
    let configuration = target.configure(folder.path());
    let flags: Vec<&str> = BUSY.into_iter().chain(["--config.file", &configuration]).collect();
    let mut acknowledged = BTreeSet::new();
    let mut shown = Vec::new();
    for round in 0..ROUNDS {
        let program = Program::start(&data, &flags).await;
        acknowledged.extend(busy_round(program, &target, round).await);
        shown.push(target.take_shown());
    }
    let program = Program::start(&data, &flags).await;
    let stored = write::stored(&program, "kill_merged").await;
    let scraped: BTreeSet<u64> = write::stored(&program, METRIC).await.into_iter().collect();
    let failed = failed_scrapes(&program).await;
    program.stop().await;
    let once: BTreeSet<u64> = stored.iter().copied().collect();
    println!(
        "killed {ROUNDS} times; acknowledged {}, stored {}; shown {:?}, scraped {}, failed scrapes {failed}",
        acknowledged.len(),
        stored.len(),
        shown.iter().map(Vec::len).collect::<Vec<_>>(),
        scraped.len(),
    );
    assert_eq!(once.len(), stored.len(), "a sample is there twice");
    assert_eq!(acknowledged.difference(&once).collect::<Vec<_>>(), Vec::<&u64>::new());
    let gaps: usize = shown.iter().map(|round| gaps(round, &scraped)).sum();
    assert!(gaps <= failed, "{shown:?} of which {scraped:?}");
    assert_eq!(part_files(&data.join("parts")), listed_parts(&data));
}

/// Writes until parts were merged and retired and the target was scraped, and kills the server in the
/// middle of it; gives the ids that were acknowledged.
async fn busy_round(program: Program, target: &Target, round: u64) -> BTreeSet<u64> {
    let url = format!("{}/api/v1/write", program.url);
    // Older than retention keeps.
    let old_ms = (super::now_ns() / 1_000_000) as i64 - 60 * HOUR_MS;
    let old = write::request(&reqwest::Client::new(), &url, "kill_retired", round * 100, old_ms);
    let old = old.send().await.expect("an answer").status();
    assert!(old.is_success(), "{old}");
    let stop = Arc::new(AtomicBool::new(false));
    let taken = Arc::new(AtomicUsize::new(0));
    let writing = write_until(url, round * IDS_PER_ROUND, Arc::clone(&taken), Arc::clone(&stop));
    let writing = tokio::spawn(writing);
    for cause in ["compaction", "retention"] {
        let removed = format!(r#"skopos_storage_parts_removed_total{{cause="{cause}",signal="metrics"}}"#);
        eventually(&removed, async || (program.metric(&removed).await > 0.0).then_some(())).await;
    }
    eventually("scrapes", async || (target.shown() >= LEAST_SCRAPES).then_some(())).await;
    eventually("writes", async || {
        (taken.load(Ordering::Relaxed) >= LEAST_WRITES).then_some(())
    })
    .await;
    program.kill();
    stop.store(true, Ordering::Relaxed);
    writing.await.expect("the task ends")
}

async fn write_until(url: String, first: u64, taken: Arc<AtomicUsize>, stop: Arc<AtomicBool>) -> BTreeSet<u64> {
    let client = reqwest::Client::new();
    let mut acknowledged = BTreeSet::new();
    let mut id = first;
    while !stop.load(Ordering::Relaxed) {
        let now_ms = (super::now_ns() / 1_000_000) as i64;
        let answer = write::request(&client, &url, "kill_merged", id, now_ms).send().await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            acknowledged.insert(id);
            taken.fetch_add(1, Ordering::Relaxed);
        }
        id += 1;
    }
    acknowledged
}

/// All files of the metrics' parts.
fn part_files(dir: &Path) -> BTreeSet<PathBuf> {
    let metrics = dir.join("default").join("metrics");
    let days = std::fs::read_dir(metrics)
        .expect("days")
        .map(|day| day.expect("reads").path());
    let files = days.flat_map(|day| std::fs::read_dir(day).expect("a day"));
    files.map(|file| file.expect("reads").path()).collect()
}

fn listed_parts(data: &Path) -> BTreeSet<PathBuf> {
    let text = std::fs::read(data.join("manifest").join("metrics.json")).expect("reads");
    let manifest: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let parts = manifest["parts"].as_array().expect("parts");
    let path = |part: &serde_json::Value| data.join("parts").join(part["path"].as_str().expect("a path"));
    parts.iter().map(path).collect()
}
