//! A child process appends and flushes and is killed at a random moment, again and again. Nothing
//! that it was told to be stored may be missing, and nothing may be there twice.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Ask, append, entry, open, scan};

const FOLDER: &str = "SKOPOS_LOGS_CRASH_FOLDER";
const ROUND: &str = "SKOPOS_LOGS_CRASH_ROUND";
const ROUNDS: u64 = 12;
const STREAMS: u64 = 3;
const ENTRIES: u64 = 7;

fn line(round: u64, batch: u64, number: u64) -> String {
    format!("round={round} batch={batch} number={number} {}", "x".repeat(200))
}

/// The child: appends until it is killed and says each batch that was acknowledged.
#[test]
fn child_appends_until_killed() {
    let (Ok(folder), Ok(round)) = (std::env::var(FOLDER), std::env::var(ROUND)) else {
        return;
    };
    let round: u64 = round.parse().expect("the parent gives a number");
    let store = open(folder.as_ref());
    let mut out = std::io::stdout();
    for batch in 0u64.. {
        // Times go back and forth, so that entries come out of order.
        let time = |number: u64| (batch * 100 + (number * 37) % 50) as i64;
        let entries = (0..ENTRIES).map(|number| entry(time(number), line(round, batch, number), &[("trace_id", "ab")]));
        append(&store, &(batch % STREAMS).to_string(), entries.collect());
        writeln!(out, "acknowledged {batch}").expect("the parent reads");
        out.flush().expect("the parent reads");
        if batch % 40 == 39 {
            store.flush().expect("the head is flushed");
        }
    }
}

/// Runs the child until it has acknowledged `enough` batches, kills it, and gives the number of
/// batches that were acknowledged.
fn run_and_kill(folder: &Path, round: u64, enough: u64) -> u64 {
    let mut child = Command::new(std::env::current_exe().expect("the test has a path"))
        .args(["--exact", "crash::child_appends_until_killed", "--nocapture"])
        .env(FOLDER, folder)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the child starts");
    let lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
    let mut acknowledged = 0;
    for line in lines.map_while(Result::ok) {
        // The harness writes to the same line before the first batch.
        let batch = line
            .split_once("acknowledged ")
            .and_then(|(_, batch)| batch.parse::<u64>().ok());
        let before = acknowledged;
        acknowledged = batch.map_or(acknowledged, |batch| batch + 1);
        if before < enough && acknowledged >= enough {
            child.kill().expect("the child is killed with SIGKILL");
        }
        // Lines that were written before the kill are still read and count as well.
    }
    child.wait().expect("the child ends");
    acknowledged
}

/// Asserts that the store has each acknowledged line once, and gives how many others it has.
fn check(folder: &Path, acknowledged: &[u64]) -> u64 {
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for (_, entry) in scan(&open(folder), &Ask::default()) {
        *found.entry(entry.line).or_default() += 1;
    }
    for (round, batches) in (0u64..).zip(acknowledged) {
        for batch in 0..*batches {
            for number in 0..ENTRIES {
                let line = line(round, batch, number);
                assert_eq!(found.remove(&line), Some(1), "{line}");
            }
        }
    }
    assert!(found.values().all(|count| *count == 1), "nothing is there twice");
    found.len() as u64
}

#[test]
fn nothing_acknowledged_is_lost_by_kills() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        let enough = 1 + (round * 7919) % 170;
        let batches = run_and_kill(folder.path(), round, enough);
        assert!(batches >= enough, "round {round} ended early at {batches}");
        acknowledged.push(batches);
        // At most the batch that was under way when the child was killed, of each round.
        let others = check(folder.path(), &acknowledged);
        assert!(others <= (round + 1) * ENTRIES, "{others} more");
    }
    let total: u64 = acknowledged.iter().sum::<u64>() * ENTRIES;
    writeln!(
        std::io::stderr(),
        "{ROUNDS} kills, {total} acknowledged entries, none missing"
    )
    .expect("stderr is open");
}
