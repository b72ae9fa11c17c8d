//! The store as a whole: order, restart, flush, limits, and a naive model beside it.

use std::ops::ControlFlow;
use std::path::Path;

use proptest::prelude::*;
use skopos_core::limits::{LimitSet, Limits, TenantLimits};
use skopos_core::log::{Direction, LogBatch, LogEntry, LogSelection, LogSink as _, LogSource as _, StreamBatch};
use skopos_core::metric::AppendReport;
use skopos_core::time::TimeRangeNs;
use skopos_core::{Labels, Matcher, QueryBudget, TenantId};

use crate::{LogStore, LogStoreOptions};

const DAY_NS: i64 = 86_400_000_000_000;

fn open(root: &Path) -> LogStore {
    LogStore::open(LogStoreOptions::new(root)).expect("opens")
}

fn append(store: &LogStore, job: &str, lines: &[(i64, &str)]) -> AppendReport {
    let entries = lines.iter().map(|(timestamp_ns, line)| LogEntry {
        timestamp_ns: *timestamp_ns,
        line: (*line).to_owned(),
        structured_metadata: Labels::from_pairs([("trace_id", *line)]),
    });
    let stream = StreamBatch {
        labels: Labels::from_pairs([("job", job)]),
        entries: entries.collect(),
    };
    store
        .tenant(&TenantId::default())
        .append(LogBatch { streams: vec![stream] })
        .expect("appends")
}

fn scan(store: &LogStore, direction: Direction, range: TimeRangeNs, limit: usize) -> Vec<(i64, String)> {
    let matchers = [Matcher::new(skopos_core::MatchOp::Regex, "job", ".+").expect("compiles")];
    let selection = LogSelection {
        matchers: &matchers,
        range,
        direction,
        line_contains: &[],
        has_labels: &[],
    };
    let mut found = Vec::new();
    let mut visit = |_: &Labels, entry: &LogEntry| {
        found.push((entry.timestamp_ns, entry.line.clone()));
        if found.len() >= limit {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let tenant = store.tenant(&TenantId::default());
    tenant
        .scan(&selection, &QueryBudget::unbounded(), &mut visit)
        .expect("scans");
    found
}

fn texts(entries: &[(i64, String)]) -> Vec<&str> {
    entries.iter().map(|entry| entry.1.as_str()).collect()
}

#[test]
fn entries_come_in_time_order_over_streams_and_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    append(&store, "a", &[(10, "1"), (30, "3")]);
    append(&store, "b", &[(DAY_NS + 1, "5")]);
    assert_eq!(store.flush().expect("flushes").parts, 2, "one part for each day");
    append(&store, "b", &[(40, "4"), (20, "2")]);
    assert_eq!(
        texts(&scan(&store, Direction::Forward, TimeRangeNs::ALL, 9)),
        ["1", "2", "3", "4", "5"]
    );
    assert_eq!(
        texts(&scan(&store, Direction::Backward, TimeRangeNs::ALL, 3)),
        ["5", "4", "3"]
    );
    assert_eq!(
        texts(&scan(&store, Direction::Forward, TimeRangeNs::new(20, 40), 9)),
        ["2", "3"]
    );
}

#[test]
fn a_restart_replays_what_is_in_no_part() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    append(&store, "a", &[(1, "x")]);
    store.flush().expect("flushes");
    append(&store, "a", &[(2, "y")]);
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.replay_report().entries, 1);
    assert_eq!(
        texts(&scan(&store, Direction::Forward, TimeRangeNs::ALL, 9)),
        ["x", "y"]
    );
    let stats = store
        .tenant(&TenantId::default())
        .stats(&[], TimeRangeNs::ALL)
        .expect("reads");
    assert_eq!((stats.streams, stats.entries, stats.bytes), (1, 2, 2));
}

#[test]
fn repeated_entries_and_limits() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = LogStoreOptions::new(folder.path());
    options.limits = TenantLimits::uniform(Limits {
        max_line_size: 4,
        max_global_streams_per_user: 1,
        ..Limits::default()
    });
    let store = LogStore::open(options).expect("opens");
    append(&store, "a", &[(1, "x"), (1, "x"), (1, "y")]);
    assert_eq!(
        texts(&scan(&store, Direction::Forward, TimeRangeNs::ALL, 9)),
        ["x", "y"]
    );
    assert_eq!(
        append(&store, "a", &[(2, "too long")]).refused[0].reason,
        "line_too_long"
    );
    assert_eq!(append(&store, "b", &[(2, "z")]).refused[0].reason, "stream_limit");
}

#[test]
fn maintenance_flushes_and_retires() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = LogStoreOptions::new(folder.path());
    options.retention = std::time::Duration::from_hours(1);
    let store = LogStore::open(options).expect("opens");
    append(&store, "a", &[(1, "x")]);
    assert_eq!(store.maintain(60_000).expect("maintains").parts, 0);
    assert_eq!(store.maintain(31 * 60_000).expect("maintains").parts, 1);
    store.maintain(10 * 3_600_000).expect("maintains");
    assert_eq!(scan(&store, Direction::Forward, TimeRangeNs::ALL, 9), []);
}

#[test]
fn what_comes_faster_than_the_limit_is_refused_and_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = TenantLimits::default();
    let store = LogStore::open(LogStoreOptions {
        limits: limits.clone(),
        ..LogStoreOptions::new(folder.path())
    });
    let store = store.expect("opens");
    let narrow = Limits {
        ingestion_rate: 1,
        ingestion_burst_size: 20,
        ..Limits::default()
    };
    limits.replace(LimitSet {
        everyone: narrow,
        ..LimitSet::default()
    });
    let report = append(&store, "a", &[(1, "this line and its metadata"), (2, "go as one")]);
    assert_eq!((report.stored, report.refused_count()), (0, 2));
    assert_eq!(report.refused[0].reason, "rate_limited");
    limits.replace(LimitSet::default());
    assert_eq!(append(&store, "a", &[(1, "this line and its metadata")]).stored, 1);
}

#[test]
fn a_tenants_retention_stands_before_the_stores() {
    let folder = tempfile::tempdir().expect("a folder");
    let brief = Limits {
        retention_period: Some(std::time::Duration::from_mins(5)),
        ..Limits::default()
    };
    let acme = TenantId::new("acme").expect("an id");
    let mut options = LogStoreOptions::new(folder.path());
    options.limits.replace(LimitSet {
        everyone: Limits::default(),
        tenants: [(acme.clone(), brief)].into(),
    });
    options.retention = std::time::Duration::from_hours(1);
    let store = LogStore::open(options).expect("opens");
    let entry = LogEntry {
        timestamp_ns: 1,
        line: "x".to_owned(),
        structured_metadata: Labels::default(),
    };
    let stream = StreamBatch {
        labels: Labels::from_pairs([("job", "a")]),
        entries: vec![entry],
    };
    for tenant in [acme.clone(), TenantId::default()] {
        let batch = LogBatch {
            streams: vec![stream.clone()],
        };
        store.tenant(&tenant).append(batch).expect("appends");
    }
    store.flush().expect("flushes");
    assert_eq!(store.stats().parts, 2);
    store.maintain(10 * 60_000).expect("maintains");
    assert_eq!(
        store.stats().parts,
        1,
        "the tenant's part is gone, the other is kept for an hour"
    );
}

#[derive(Debug, Clone)]
enum Step {
    Append { job: u8, timestamp_ns: i64 },
    Flush,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0u8..3, 0i64..3 * DAY_NS).prop_map(|(job, timestamp_ns)| Step::Append { job, timestamp_ns }),
        1 => Just(Step::Flush),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_store_equals_a_naive_model(steps in proptest::collection::vec(step(), 1..50)) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = open(folder.path());
        let mut model = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Append { job, timestamp_ns } => {
                    let line = number.to_string();
                    append(&store, &job.to_string(), &[(timestamp_ns, line.as_str())]);
                    model.push((timestamp_ns, line));
                }
                Step::Flush => { store.flush().expect("flushes"); }
                Step::Restart => {
                    drop(store);
                    store = open(folder.path());
                }
            }
        }
        let by_time = |entries: &[(i64, String)]| entries.iter().map(|entry| entry.0).collect::<Vec<_>>();
        let forward = scan(&store, Direction::Forward, TimeRangeNs::ALL, usize::MAX);
        prop_assert!(by_time(&forward).is_sorted());
        let backward = scan(&store, Direction::Backward, TimeRangeNs::ALL, usize::MAX);
        prop_assert!(by_time(&backward).iter().rev().is_sorted());
        for mut read in [forward, backward] {
            read.sort();
            model.sort();
            prop_assert_eq!(&read, &model);
        }
    }
}
