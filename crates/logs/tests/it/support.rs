//! Batches and scans for the tests.

use std::ops::ControlFlow;
use std::path::Path;

use skopos_core::log::{Direction, LogBatch, LogEntry, LogSelection, LogSink as _, LogSource as _, StreamBatch};
use skopos_core::metric::AppendReport;
use skopos_core::time::TimeRangeNs;
use skopos_core::{Labels, MatchOp, Matcher, QueryBudget, TenantId};
use skopos_logs::{LogStore, LogStoreOptions};

pub(crate) fn open(root: &Path) -> LogStore {
    LogStore::open(LogStoreOptions::new(root)).expect("the store opens")
}

pub(crate) fn entry(timestamp_ns: i64, line: impl Into<String>, metadata: &[(&str, &str)]) -> LogEntry {
    LogEntry {
        timestamp_ns,
        line: line.into(),
        structured_metadata: Labels::from_pairs(metadata.iter().copied()),
    }
}

pub(crate) fn append(store: &LogStore, job: &str, entries: Vec<LogEntry>) -> AppendReport {
    let labels = Labels::from_pairs([("job", job)]);
    let batch = LogBatch {
        streams: vec![StreamBatch { labels, entries }],
    };
    let tenant = store.tenant(&TenantId::default());
    tenant.append(batch).expect("the batch is appended")
}

/// What a test asks for.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) jobs: String,
    pub(crate) range: TimeRangeNs,
    pub(crate) direction: Direction,
    pub(crate) line_contains: Vec<String>,
    pub(crate) has_labels: Vec<(String, String)>,
    pub(crate) limit: usize,
}

impl Default for Ask {
    fn default() -> Self {
        Self {
            jobs: ".+".to_owned(),
            range: TimeRangeNs::ALL,
            direction: Direction::Forward,
            line_contains: Vec::new(),
            has_labels: Vec::new(),
            limit: usize::MAX,
        }
    }
}

/// Entries with their job, in the order in which the store gives them.
pub(crate) fn scan(store: &LogStore, ask: &Ask) -> Vec<(String, LogEntry)> {
    let matchers = [Matcher::new(MatchOp::Regex, "job", ask.jobs.as_str()).expect("the pattern compiles")];
    let selection = LogSelection {
        matchers: &matchers,
        range: ask.range,
        direction: ask.direction,
        line_contains: &ask.line_contains,
        has_labels: &ask.has_labels,
    };
    let mut found = Vec::new();
    let mut visit = |labels: &Labels, entry: &LogEntry| {
        found.push((labels.get("job").to_owned(), entry.clone()));
        if found.len() >= ask.limit {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let tenant = store.tenant(&TenantId::default());
    tenant
        .scan(&selection, &QueryBudget::unbounded(), &mut visit)
        .expect("the scan succeeds");
    found
}
