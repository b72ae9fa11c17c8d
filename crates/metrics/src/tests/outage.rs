//! A disk that takes nothing for a while: what was refused leaves no trace that harms what comes
//! later, and what a failed flush wrote does not stay.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use skopos_core::metric::{
    Exemplar, MetricBatch, MetricMetadata, MetricSample, MetricSink as _, MetricSource as _, MetricType, MetricValue,
    SeriesBatch,
};
use skopos_core::{Labels, Matcher, TenantId, TimeRange, WriteError};

use super::{append, open, read};
use crate::MetricStore;

/// Lets the log of a store refuse records until it is dropped: its next segment can be opened, but
/// `/dev/full` takes no byte.
struct FullDisk {
    segment: PathBuf,
}

impl FullDisk {
    fn begin(store: &MetricStore, root: &Path) -> Self {
        let name = format!("{:020}.wal", store.next_log_offset().0);
        let segment = root.join("wal").join("metrics").join(name);
        std::os::unix::fs::symlink("/dev/full", &segment).expect("links");
        store.flush().expect_err("the next segment takes no byte");
        Self { segment }
    }
}

impl Drop for FullDisk {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.segment));
    }
}

/// A series that is new, with metadata and an exemplar that are new.
fn fresh(timestamp_ms: i64) -> MetricBatch {
    MetricBatch {
        series: vec![SeriesBatch {
            labels: Labels::from_pairs([("__name__", "fresh_total"), ("job", "new")]),
            samples: vec![MetricSample {
                timestamp_ms,
                value: MetricValue::Float(timestamp_ms as f64),
            }],
            exemplars: vec![Exemplar {
                labels: Labels::from_pairs([("trace_id", "7")]),
                value: 1.0,
                timestamp_ms: 1500,
            }],
            ..SeriesBatch::default()
        }],
        metadata: vec![MetricMetadata {
            metric: "fresh".into(),
            metric_type: MetricType::Counter,
            help: "new".into(),
            unit: String::new(),
        }],
    }
}

#[test]
fn what_a_refused_write_brought_first_is_in_the_log_with_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    append(&store, "known", &[(1000, 1.0)]);
    let tenant = store.tenant(&TenantId::default());
    let full = FullDisk::begin(&store, folder.path());
    for _ in 0..2 {
        let refused = tenant.append(fresh(2000)).expect_err("no space");
        assert!(
            matches!(&refused, WriteError::Wal { reason } if reason.contains("disk is full")),
            "{refused}"
        );
    }
    drop(full);
    assert_eq!(tenant.append(fresh(3000)).expect("appends").refused_count(), 0);
    append(&store, "known", &[(3000, 3.0)]);
    drop((tenant, store));
    let store = open(folder.path());
    let tenant = store.tenant(&TenantId::default());
    let matchers = [Matcher::equal("job", "new")];
    let found = tenant.series(&matchers, TimeRange::new(3000, 3000)).expect("reads");
    assert_eq!(found.len(), 1, "the series is in the log");
    assert_eq!(
        tenant.exemplars(&matchers, TimeRange::ALL).expect("reads")[0].1.len(),
        1
    );
    assert_eq!(tenant.metadata(Some("fresh")).expect("reads")[0].help, "new");
    assert_eq!(read(&store, "known", TimeRange::ALL), [(1000, 1.0), (3000, 3.0)]);
    assert_eq!(store.replay_report().lost_records, 0);
}

#[test]
fn a_new_series_is_not_forgotten_before_its_first_sample() {
    const SERIES: u64 = 2000;
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                store.shared.forget(0);
            }
        });
        for number in 0..SERIES {
            append(&store, &number.to_string(), &[(1000, 1.0)]);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert_eq!(store.stats().samples, SERIES);
}

/// Files of parts, whole or not, below a data directory.
fn part_files(root: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(root) else {
        return 0;
    };
    let count = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.expect("reads").path();
        if path.is_dir() { part_files(&path) } else { 1 }
    };
    entries.map(count).sum()
}

#[test]
fn parts_of_a_flush_that_failed_do_not_fill_the_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let parts = folder.path().join("parts");
    // A folder where the manifest is written before it is put in place.
    let obstacle = folder.path().join("manifest").join("metrics.json.tmp");
    std::fs::create_dir(&obstacle).expect("creates");
    for at_ms in [1000, 2000, 3000] {
        append(&store, "a", &[(at_ms, 1.0)]);
        store.flush().expect_err("the manifest has no place");
        assert_eq!(part_files(&parts), 0);
    }
    std::fs::remove_dir(&obstacle).expect("removes");
    store.flush().expect("flushes");
    assert_eq!(part_files(&parts), 1);
    drop(store);
    let store = open(folder.path());
    let expected = [(1000, 1.0), (2000, 1.0), (3000, 1.0)];
    assert_eq!(read(&store, "a", TimeRange::ALL), expected);
}

#[test]
fn a_start_removes_pieces_of_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    append(&store, "a", &[(1000, 1.0)]);
    store.flush().expect("flushes");
    drop(store);
    let parts = folder.path().join("parts");
    let piece = parts.join("default/metrics/1970-01-01/0-0-1-5.parquet#1");
    std::fs::write(&piece, "PAR1").expect("writes");
    let foreign = parts.join("default/metrics/1970-01-01/notes#1");
    std::fs::write(&foreign, "").expect("writes");
    let store = open(folder.path());
    assert!(!piece.exists() && foreign.exists());
    assert_eq!(read(&store, "a", TimeRange::ALL), [(1000, 1.0)]);
}
