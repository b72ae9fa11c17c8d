//! Windows of old days: made, kept, read in place of samples, and gone when they must be.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use skopos_core::metric::{
    DownsampledSeries, FloatWindow, MetricAdmin as _, MetricSource as _, ResolutionLimit, Selection, window_end_ms,
};
use skopos_core::{Matcher, QueryBudget, TenantId, TimeRange};

use super::{HOUR_MS, append, read};
use crate::{DownsampleOptions, MetricStore, MetricStoreOptions};

const DAY_MS: i64 = 24 * HOUR_MS;
const MINUTE_MS: i64 = 60_000;
const FIVE_MINUTES: ResolutionLimit = ResolutionLimit {
    preferred_ms: 5 * MINUTE_MS,
    max_ms: i64::MAX,
};

/// Five minutes after two days, an hour after three; samples live ten days, windows twenty and for
/// ever.
fn options(root: &Path) -> MetricStoreOptions {
    let days = |days: u64| Duration::from_hours(24 * days);
    let mut options = MetricStoreOptions::new(root);
    options.limits.retention = days(10);
    options.downsample = vec![
        DownsampleOptions {
            retention: Some(days(20)),
            ..DownsampleOptions::new(Duration::from_mins(5), days(2))
        },
        DownsampleOptions {
            retention: Some(Duration::ZERO),
            ..DownsampleOptions::new(Duration::from_hours(1), days(3))
        },
    ];
    options
}

fn open(root: &Path) -> MetricStore {
    MetricStore::open(options(root)).expect("opens")
}

/// A sample each minute of the first day.
fn samples() -> Vec<(i64, f64)> {
    (0..24 * 60).map(|i| (i * MINUTE_MS + 7, (i % 100) as f64)).collect()
}

fn windows(store: &MetricStore, job: &str, range: TimeRange, resolution: ResolutionLimit) -> DownsampledSeries {
    let matchers = [Matcher::equal("job", job)];
    let selection = Selection {
        matchers: &matchers,
        range,
        step_ms: 0,
        resolution,
    };
    let tenant = store.tenant(&TenantId::default());
    let found = tenant.select_downsampled(&selection, &QueryBudget::unbounded());
    found.expect("reads").pop().unwrap_or_default()
}

fn lengths(store: &MetricStore) -> Vec<i64> {
    let state = store.shared.storage.manifest().state();
    let mut lengths: Vec<i64> = state
        .parts
        .iter()
        .map(|part| crate::downsample::resolution_of(part))
        .collect();
    lengths.sort_unstable();
    lengths
}

#[test]
fn windows_stand_beside_samples_and_then_for_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = open(folder.path());
    append(&store, "a", &samples());
    store.flush().expect("flushes");
    store.maintain(3 * DAY_MS).expect("maintains");
    assert_eq!(lengths(&store), [0, 5 * MINUTE_MS]);
    store.maintain(4 * DAY_MS).expect("maintains");
    assert_eq!(lengths(&store), [0, 5 * MINUTE_MS, HOUR_MS]);
    assert_eq!(
        read(&store, "a", TimeRange::ALL),
        samples(),
        "samples answer while they are there"
    );
    let preferred = windows(&store, "a", TimeRange::ALL, FIVE_MINUTES);
    assert_eq!((preferred.series.len(), preferred.windows.len()), (0, 288));
    let total: f64 = preferred.windows.iter().map(|window| window.count).sum();
    assert!((total - 1440.0).abs() < f64::EPSILON);
    drop(store);
    store = open(folder.path());
    assert_eq!(
        windows(&store, "a", TimeRange::ALL, FIVE_MINUTES),
        preferred,
        "after a restart"
    );
    store.maintain(11 * DAY_MS).expect("maintains");
    assert_eq!(lengths(&store), [5 * MINUTE_MS, HOUR_MS], "samples are too old");
    assert_eq!(windows(&store, "a", TimeRange::ALL, ResolutionLimit::KEPT), preferred);
    assert_eq!(windows(&store, "a", TimeRange::ALL, ResolutionLimit::RAW).windows, []);
    assert_eq!(
        read(&store, "a", TimeRange::ALL).len(),
        2 * 288,
        "first and last of each"
    );
    let tenant = store.tenant(&TenantId::default());
    assert_eq!(tenant.series(&[], TimeRange::ALL).expect("lists").len(), 1);
    store.maintain(21 * DAY_MS).expect("maintains");
    assert_eq!(lengths(&store), [HOUR_MS]);
    let hours = windows(&store, "a", TimeRange::ALL, ResolutionLimit::KEPT);
    assert_eq!(hours.windows.len(), 24);
    store.maintain(1000 * DAY_MS).expect("maintains");
    assert_eq!(lengths(&store), [HOUR_MS], "kept for ever");
}

#[test]
fn samples_wait_for_their_windows() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    append(&store, "a", &samples());
    store.flush().expect("flushes");
    // Nothing was maintained for a long time.
    store.maintain(15 * DAY_MS).expect("maintains");
    assert_eq!(lengths(&store), [5 * MINUTE_MS, HOUR_MS]);
}

#[test]
fn a_tenant_keeps_windows_as_long_as_it_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = options(folder.path());
    let day = Duration::from_hours(24);
    options.tenant_retention.insert(TenantId::default(), 4 * day);
    options.downsample[1]
        .tenant_retention
        .insert(TenantId::default(), 6 * day);
    let store = MetricStore::open(options).expect("opens");
    append(&store, "a", &samples());
    store.flush().expect("flushes");
    store.maintain(4 * DAY_MS).expect("maintains");
    assert_eq!(lengths(&store), [0, 5 * MINUTE_MS, HOUR_MS]);
    store.maintain(6 * DAY_MS).expect("maintains");
    assert_eq!(
        lengths(&store),
        [HOUR_MS],
        "windows of five minutes go with the samples"
    );
    store.maintain(8 * DAY_MS).expect("maintains");
    assert!(lengths(&store).is_empty());
}

#[test]
fn windows_follow_samples_that_come_late_and_merges() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = options(folder.path());
    options.limits.out_of_order_window = Duration::from_hours(24 * 10);
    let store = MetricStore::open(options).expect("opens");
    append(&store, "a", &samples());
    append(&store, "b", &samples()[..10]);
    store.flush().expect("flushes");
    store.maintain(4 * DAY_MS).expect("maintains");
    append(&store, "b", &[(HOUR_MS, 7.0)]);
    store.flush().expect("flushes");
    assert_eq!(
        windows(&store, "b", TimeRange::ALL, FIVE_MINUTES).windows,
        [],
        "windows that lack a sample do not answer"
    );
    assert_eq!(read(&store, "b", TimeRange::ALL).len(), 11);
    store.maintain(4 * DAY_MS).expect("maintains");
    assert_eq!(lengths(&store), [0, 5 * MINUTE_MS, HOUR_MS]);
    assert_eq!(windows(&store, "b", TimeRange::ALL, FIVE_MINUTES).windows.len(), 3);
}

#[test]
fn what_is_deleted_is_not_in_windows() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = open(folder.path());
    let delete = |store: &MetricStore, job: &str, range| {
        let tenant = store.tenant(&TenantId::default());
        tenant
            .delete_series(&[Matcher::equal("job", job)], range)
            .expect("deletes");
    };
    for job in ["a", "b", "c"] {
        append(&store, job, &samples());
    }
    store.flush().expect("flushes");
    store.maintain(4 * DAY_MS).expect("maintains");
    // Samples are there: windows are made anew of what is left.
    delete(&store, "a", TimeRange::ALL);
    delete(&store, "b", TimeRange::new(0, HOUR_MS + MINUTE_MS));
    let count = |store: &MetricStore, job: &str, limit| -> f64 {
        let found = windows(store, job, TimeRange::ALL, limit);
        found.series.len() as f64 + found.windows.iter().map(|window| window.count).sum::<f64>()
    };
    let expected = |store: &MetricStore| {
        ["a", "b", "c"].map(|job| [FIVE_MINUTES, ResolutionLimit::KEPT].map(|limit| count(store, job, limit) as u32))
    };
    let left = [[0, 0], [1379, 1379], [1440, 1440]];
    assert_eq!(expected(&store), left);
    store.clean_tombstones().expect("cleans");
    assert_eq!(expected(&store), left);
    assert_eq!(lengths(&store), [0, 5 * MINUTE_MS, HOUR_MS]);
    store.maintain(11 * DAY_MS).expect("maintains");
    assert_eq!(expected(&store), left, "samples are gone");
    // Windows alone: those that hold some of it go whole.
    delete(&store, "c", TimeRange::new(0, HOUR_MS + MINUTE_MS));
    let gone = f64::from(13 * 5);
    let close = |store: &MetricStore| (count(store, "c", FIVE_MINUTES) - (1440.0 - gone)).abs() < f64::EPSILON;
    assert!(close(&store), "{}", count(&store, "c", FIVE_MINUTES));
    store.clean_tombstones().expect("cleans");
    assert!(close(&store));
    drop(store);
    store = open(folder.path());
    assert!(close(&store));
    assert_eq!(expected(&store)[0], [0, 0]);
}

#[test]
fn windows_that_cannot_be_written_leave_all_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = open(folder.path());
    append(&store, "a", &samples());
    store.flush().expect("flushes");
    let obstacle = folder
        .path()
        .join("parts/default/metrics/1970-01-01/0-0-0-0-3600s.parquet");
    std::fs::create_dir_all(obstacle.join("x")).expect("creates");
    store
        .maintain(15 * DAY_MS)
        .expect_err("windows of an hour have no place");
    assert_eq!(
        lengths(&store),
        [0],
        "neither is live, and samples stay though they are old"
    );
    assert_eq!(read(&store, "a", TimeRange::ALL), samples());
    drop(store);
    std::fs::remove_dir_all(&obstacle).expect("removes");
    // What was written without being live is gone.
    store = open(folder.path());
    assert!(
        !folder
            .path()
            .join("parts/default/metrics/1970-01-01/0-0-0-0-300s.parquet")
            .exists()
    );
    store.maintain(15 * DAY_MS).expect("maintains");
    assert_eq!(lengths(&store), [5 * MINUTE_MS, HOUR_MS]);
}

#[test]
fn a_lost_manifest_is_made_anew_with_windows() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    append(&store, "a", &samples());
    store.flush().expect("flushes");
    store.maintain(4 * DAY_MS).expect("maintains");
    let before = windows(&store, "a", TimeRange::ALL, FIVE_MINUTES);
    drop(store);
    std::fs::remove_file(folder.path().join("manifest/metrics.json")).expect("removes");
    let store = open(folder.path());
    assert_eq!(lengths(&store), [0, 5 * MINUTE_MS, HOUR_MS]);
    assert_eq!(windows(&store, "a", TimeRange::ALL, FIVE_MINUTES), before);
    assert_eq!(read(&store, "a", TimeRange::ALL), samples());
}

#[test]
fn the_seam_between_days_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    // On the minute: the first sample of a day ends a window of the day before.
    let three_days: Vec<(i64, f64)> = (0..3 * 24 * 60).map(|i| (i * MINUTE_MS, 1.0)).collect();
    append(&store, "a", &three_days);
    store.flush().expect("flushes");
    // The first two days have windows alone, the third samples alone.
    store.maintain(12 * DAY_MS + HOUR_MS).expect("maintains");
    assert_eq!(lengths(&store).iter().filter(|length| **length == 0).count(), 1);
    let found = windows(&store, "a", TimeRange::ALL, ResolutionLimit::KEPT);
    let counted: f64 = found.windows.iter().map(|window| window.count).sum();
    assert_eq!((counted as usize, found.series.len()), (2 * 24 * 60, 24 * 60));
    assert!(found.windows.is_sorted_by_key(|window| window.first_ms));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn windows_say_what_samples_say(gaps in proptest::collection::vec((1i64..400_000, -50.0f64..50.0), 1..400)) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(folder.path());
        let mut at_ms = 0;
        let samples: Vec<(i64, f64)> = gaps.into_iter().map(|(gap_ms, value)| { at_ms += gap_ms; (at_ms, value) }).collect();
        append(&store, "a", &samples);
        store.flush().expect("flushes");
        store.maintain(at_ms + 5 * DAY_MS).expect("maintains");
        for resolution_ms in [5 * MINUTE_MS, HOUR_MS] {
            let limit = ResolutionLimit { preferred_ms: resolution_ms, max_ms: i64::MAX };
            let found = windows(&store, "a", TimeRange::ALL, limit);
            prop_assert_eq!(found.series.len(), 0);
            let mut ends: Vec<i64> = samples.iter().map(|sample| window_end_ms(sample.0, resolution_ms)).collect();
            ends.dedup();
            // Midnight parts a window in two: its last instant is of the next day.
            let mut merged: Vec<FloatWindow> = Vec::new();
            for window in &found.windows {
                match merged.last_mut() {
                    Some(last) if last.end_ms() == window.end_ms() => {
                        let sum = last.sum + window.sum;
                        last.extend_but_sum(window);
                        last.sum = sum;
                    }
                    _ => merged.push(*window),
                }
            }
            prop_assert_eq!(merged.iter().map(FloatWindow::end_ms).collect::<Vec<_>>(), ends);
            for window in merged {
                let within = |sample: &&(i64, f64)| window.after_ms() < sample.0 && sample.0 <= window.end_ms();
                let values: Vec<f64> = samples.iter().filter(within).map(|sample| sample.1).collect();
                let sum: f64 = values.iter().sum();
                prop_assert!((window.sum - sum).abs() < 1e-9);
                prop_assert_eq!(window.count as usize, values.len());
                prop_assert_eq!(window.min.to_bits(), values.iter().copied().fold(f64::INFINITY, f64::min).to_bits());
                prop_assert_eq!(window.max.to_bits(), values.iter().copied().fold(f64::NEG_INFINITY, f64::max).to_bits());
                prop_assert_eq!((window.first, window.last), (values[0], values[values.len() - 1]));
                // `up` is a gauge here, whose falls are not kept.
                prop_assert!(window.lost.abs() < f64::EPSILON);
            }
        }
    }
}
