//! Data directories of earlier versions stay readable: `testdata/<version>` each.

use std::path::{Path, PathBuf};

use skopos_core::metric::{MetricSource as _, ResolutionLimit, Selection, Series};
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
        resolution: ResolutionLimit::KEPT,
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

/// A day in windows of five minutes whose samples are gone: a counter with a reset, a series that went
/// stale, native histograms.
#[test]
fn windows_of_version_2_are_read() {
    let (_folder, root) = copied("v2-windows");
    let store = open(&root);
    let selection = Selection {
        matchers: &[],
        range: TimeRange::ALL,
        step_ms: 0,
        resolution: ResolutionLimit::KEPT,
    };
    let tenant = store.tenant(&TenantId::default());
    let found = tenant.select_downsampled(&selection, &QueryBudget::unbounded());
    let found = found.expect("reads");
    let [latency, total] = &found[..] else {
        panic!("two series: {found:?}");
    };
    assert_eq!(
        latency.series.labels.to_string(),
        r#"{__name__="latency_seconds", job="a"}"#
    );
    let histograms: Vec<_> = latency
        .histogram_windows
        .iter()
        .map(|window| (window.count, window.kept.len()))
        .collect();
    assert_eq!(histograms, [(19, 2), (20, 4), (20, 2), (1, 1)]);
    let sums: Vec<f64> = latency
        .histogram_windows
        .iter()
        .filter_map(|window| Some(window.sum.as_ref()?.count))
        .collect();
    assert_eq!(sums, [570.0, 960.0, 1170.0, 90.0]);
    assert_eq!(total.windows.len(), 3);
    let window = total.windows[1];
    assert_eq!(
        (window.first_ms, window.last_ms, window.count),
        (315_000, 600_000, 20.0)
    );
    assert_eq!(
        (window.first, window.last, window.min, window.max),
        (20.0, 9.0, 0.0, 29.0)
    );
    assert_eq!((window.lost, window.resets, window.sum), (29.0, 1.0, 290.0));
    assert_eq!(total.windows[2].stale_ms, Some(915_000));
}
