//! A process that appends and flushes is killed again and again: what it said was stored is there
//! once, whatever it was doing.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use skopos_core::span::{SpanBatch, TraceSink, TraceSource};
use skopos_core::{QueryBudget, TenantId};
use skopos_traces::{TraceStore, TraceStoreOptions};

use crate::spans::{resources, trace, trace_id};

const DIR: &str = "SKOPOS_TRACES_CRASH_DIR";
const FIRST: &str = "SKOPOS_TRACES_CRASH_FIRST";
const ROUNDS: u64 = 12;

fn open(dir: &Path) -> TraceStore {
    TraceStore::open(TraceStoreOptions {
        compact_parts: 3,
        wal_segment_bytes: 64 * 1024,
        ..TraceStoreOptions::new(dir)
    })
    .expect("the store opens")
}

/// The process that is killed: runs only if the test below started it.
#[test]
fn child() {
    let (Ok(dir), Ok(first)) = (std::env::var(DIR), std::env::var(FIRST)) else {
        return;
    };
    let store = open(Path::new(&dir));
    let tenant = store.tenant(&TenantId::default());
    let resources = resources();
    let first: u64 = first.parse().expect("a number");
    let mut out = std::io::stdout();
    for number in first.. {
        let spans = trace(number, &resources);
        let report = tenant.append(SpanBatch { spans }).expect("the log takes it");
        assert_eq!(report.stored, 8);
        writeln!(out, "stored {number}").expect("the parent reads");
        out.flush().expect("the parent reads");
        if number % 7 == 6 {
            store.flush().expect("the disk takes it");
        }
    }
}

/// Starts the child, kills it after some traces; gives the number after the last that it stored.
fn run_and_kill(dir: &Path, first: u64, traces: u64) -> u64 {
    let mut child = Command::new(std::env::current_exe().expect("a test has a path"))
        .args(["crash::child", "--exact", "--nocapture"])
        .env(DIR, dir)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the child starts");
    let mut last = None;
    for line in BufReader::new(child.stdout.take().expect("it is piped")).lines() {
        let line = line.expect("text");
        // The harness may print on the line where the test's output starts.
        let Some((_, number)) = line.rsplit_once("stored ") else {
            continue;
        };
        let number: u64 = number.parse().expect("a number");
        last = Some(number);
        if number + 1 == first + traces {
            child.kill().expect("it runs");
        }
    }
    child.wait().expect("it ended");
    last.expect("something was stored") + 1
}

#[test]
fn nothing_stored_is_lost_or_doubled() {
    let dir = tempfile::tempdir().expect("there is a temporary directory");
    let mut stored = 0;
    for round in 0..ROUNDS {
        let next = run_and_kill(dir.path(), stored, 5 + round * 3 % 11);
        let store = open(dir.path());
        let tenant = store.tenant(&TenantId::default());
        let resources = resources();
        for number in 0..next {
            let found = tenant
                .trace(trace_id(number), &QueryBudget::unbounded())
                .expect("it is readable");
            assert_eq!(found, trace(number, &resources), "trace {number} after round {round}");
        }
        let stats = store.stats();
        let held = stats.spans + stats.rows;
        // The child may have stored more than it could say.
        assert!(
            held >= next * 8 && held.is_multiple_of(8),
            "{held} spans, at least {} were stored",
            next * 8
        );
        stored = held / 8;
        store.maintain(i64::MAX / 2).expect("the disk takes it");
        store.close().expect("the disk takes it");
    }
    assert!(stored >= ROUNDS * 5, "{stored} traces");
}
