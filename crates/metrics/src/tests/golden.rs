//! Data directories of earlier versions stay readable: `testdata/<version>` each.

use std::path::{Path, PathBuf};

use skopos_core::metric::{MetricSource as _, Selection, Series};
use skopos_core::sample::is_stale;
use skopos_core::{QueryBudget, TenantId, TimeRange};

use super::open;
use crate::MetricStore;

/// A copy to work on: opening changes the directory.
fn copied(version: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("data");
    copy(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(version),
        &root,
    );
    (folder, root)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("creates");
    for entry in std::fs::read_dir(from).expect("is there") {
        let entry = entry.expect("reads");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copies");
        }
    }
}

fn all(store: &MetricStore) -> Vec<Series> {
    let selection = Selection {
        matchers: &[],
        range: TimeRange::ALL,
        step_ms: 0,
    };
    let tenant = store.tenant(&TenantId::default());
    tenant.select(&selection, &QueryBudget::unbounded()).expect("reads")
}

/// What every version's directory holds: 300 scrapes in a part, ten in the log.
fn check(store: &MetricStore) {
    let found = all(store);
    let names: Vec<String> = found.iter().map(|series| series.labels.to_string()).collect();
    assert_eq!(
        names,
        [
            r#"{__name__="latency_seconds", job="a"}"#,
            r#"{__name__="up", job="a"}"#,
            r#"{__name__="up", job="b"}"#
        ]
    );
    let histograms = &found[0].histograms;
    let counts: Vec<f64> = histograms.iter().map(|histogram| histogram.count).collect();
    assert_eq!(counts, [4.0, 104.0, 204.0, 304.0]);
    assert_eq!(histograms[2].positive_buckets, [1.0, 2.0, 200.0]);
    for series in &found[1..] {
        assert_eq!(series.timestamps_ms, (0..310).map(|i| i * 15_000).collect::<Vec<_>>());
        for (value, i) in series.values.iter().zip(0u32..) {
            assert!(
                if i == 250 {
                    is_stale(*value)
                } else {
                    *value == f64::from(i) / 4.0
                },
                "{i}: {value}"
            );
        }
    }
    let metadata = store.tenant(&TenantId::default()).metadata(Some("up")).expect("reads");
    assert_eq!(metadata[0].help, "Whether it is.");
}

#[test]
fn version_1_is_read_and_merged_into_the_present_one() {
    let (_folder, root) = copied("v1");
    let store = open(&root);
    assert_eq!(store.replay_report().samples, 21);
    check(&store);
    store.flush().expect("flushes");
    check(&store);
    // A day long gone: its parts become one.
    store.maintain(10 * 86_400_000).expect("maintains");
    assert_eq!(store.stats().parts, 1);
    check(&store);
    drop(store);
    check(&open(&root));
}

#[test]
fn version_2_is_read() {
    let (_folder, root) = copied("v2");
    let store = open(&root);
    assert_eq!(store.replay_report().samples, 21);
    check(&store);
    let exemplars = store.tenant(&TenantId::default()).exemplars(&[], TimeRange::ALL);
    let times: Vec<i64> = exemplars.expect("reads")[0]
        .1
        .iter()
        .map(|exemplar| exemplar.timestamp_ms)
        .collect();
    assert_eq!(
        times,
        [0],
        "the log's has the time of its sample, and repeats the part's"
    );
}
