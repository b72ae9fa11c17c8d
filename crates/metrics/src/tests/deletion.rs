//! Deleting series, cleaning after it, snapshots, and what is many.

use skopos_core::metric::{MetricAdmin as _, MetricSource as _, NameCount, SnapshotHead};
use skopos_core::{Matcher, TenantId, TimeRange};

use super::{HOUR_MS, append, open, read};
use crate::MetricStore;

fn delete(store: &MetricStore, job: &str, range: TimeRange) -> u64 {
    let tenant = store.tenant(&TenantId::default());
    let report = tenant.delete_series(&[Matcher::equal("job", job)], range);
    report.expect("deletes").samples
}

/// Samples on both sides of a flush, a deletion over both, and more with deleted times after it.
#[test]
fn what_is_deleted_stays_so_and_what_comes_later_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = open(folder.path());
    append(&store, "a", &[(1000, 1.0), (2000, 2.0), (3000, 3.0)]);
    append(&store, "b", &[(1000, 1.0)]);
    store.flush().expect("flushes");
    append(&store, "a", &[(4000, 4.0), (5000, 5.0)]);
    assert_eq!(delete(&store, "a", TimeRange::new(2000, 4000)), 3);
    let expected = [(1000, 1.0), (5000, 5.0)];
    assert_eq!(read(&store, "a", TimeRange::ALL), expected);
    drop(store);
    store = open(folder.path());
    assert_eq!(read(&store, "a", TimeRange::ALL), expected, "after a restart");
    assert_eq!(read(&store, "b", TimeRange::ALL), [(1000, 1.0)]);
    store.flush().expect("flushes");
    let report = store.clean_tombstones().expect("cleans");
    assert_eq!((report.parts, report.samples, report.tombstones), (1, 2, 1));
    assert_eq!(read(&store, "a", TimeRange::ALL), expected, "cleaned");
    assert_eq!(store.clean_tombstones().expect("cleans").tombstones, 0);
    store.maintain(100 * HOUR_MS).expect("maintains");
    assert_eq!(store.stats().series, 0, "all in parts");
    assert_eq!(read(&store, "a", TimeRange::ALL), expected, "merged");
    drop(store);
    assert_eq!(read(&open(folder.path()), "a", TimeRange::ALL), expected);
}

#[test]
fn a_merge_leaves_out_what_was_deleted() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    for at_ms in [1000, 2000] {
        append(&store, "a", &[(at_ms, 1.0)]);
        store.flush().expect("flushes");
    }
    delete(&store, "a", TimeRange::new(0, 1000));
    append(&store, "a", &[(3000, 1.0)]);
    store.maintain(100 * HOUR_MS).expect("maintains");
    assert_eq!(store.stats().parts, 1);
    assert_eq!(read(&store, "a", TimeRange::ALL), [(2000, 1.0), (3000, 1.0)]);
    assert_eq!(store.clean_tombstones().expect("cleans").tombstones, 0, "none is left");
}

#[test]
fn deleted_series_are_not_listed() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    append(&store, "a", &[(1000, 1.0)]);
    store.flush().expect("flushes");
    delete(&store, "a", TimeRange::ALL);
    let tenant = store.tenant(&TenantId::default());
    assert_eq!(tenant.series(&[], TimeRange::ALL).expect("reads"), []);
}

#[test]
fn a_snapshot_is_a_data_directory() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    append(&store, "a", &[(1000, 1.0)]);
    let tenant = store.tenant(&TenantId::default());
    let empty = tenant.snapshot("empty", SnapshotHead::Skip).expect("copies");
    let full = tenant.snapshot("full", SnapshotHead::Include).expect("copies");
    append(&store, "a", &[(2000, 2.0)]);
    assert_eq!(read(&open(&full), "a", TimeRange::ALL), [(1000, 1.0)]);
    assert_eq!(read(&open(&empty), "a", TimeRange::ALL), []);
    assert!(
        tenant.snapshot("full", SnapshotHead::Skip).is_err(),
        "the name is taken"
    );
    assert!(tenant.snapshot("../x", SnapshotHead::Skip).is_err());
}

#[test]
fn cardinality_counts_what_the_head_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    for job in ["a", "b", "c"] {
        append(&store, job, &[(1000, 1.0)]);
    }
    let found = store.tenant(&TenantId::default()).cardinality(2).expect("counts");
    assert_eq!(
        (found.series, found.label_pairs, found.created, found.chunks),
        (3, 4, 3, 3)
    );
    let count = |name: &str, count| NameCount {
        name: name.to_owned(),
        count,
    };
    assert_eq!(found.series_by_metric, [count("up", 3)]);
    assert_eq!(found.created_by_metric, [count("up", 3)]);
    assert_eq!(found.values_by_label, [count("job", 3), count("__name__", 1)]);
    assert_eq!(found.series_by_pair, [count("__name__=up", 3), count("job=a", 1)]);
}
