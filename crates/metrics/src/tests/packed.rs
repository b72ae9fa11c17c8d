//! Packed floats: the same as batches, whatever is known, gone or refused.

use skopos_core::metric::PackedFloats;

use super::*;

/// A batch of one store, told by the numbers of its series.
fn packed(series: &[(u8, i64, f64)]) -> PackedFloats {
    let mut floats = PackedFloats::default();
    for (job, timestamp_ms, value) in series {
        floats.push(&labels(&job.to_string()), *timestamp_ms, *value);
    }
    floats
}

fn everything(store: &MetricStore) -> Vec<(String, Vec<i64>, Vec<u64>)> {
    let all = [Matcher::equal("__name__", "up")];
    let selection = Selection {
        matchers: &all,
        range: TimeRange::ALL,
        step_ms: 0,
        resolution: ResolutionLimit::KEPT,
    };
    let found = store
        .tenant(&TenantId::default())
        .select(&selection, &QueryBudget::unbounded())
        .expect("reads");
    let shown = found.into_iter().map(|series| {
        let bits = series.values.iter().map(|value| value.to_bits());
        (series.labels.to_string(), series.timestamps_ms, bits.collect())
    });
    shown.collect()
}

#[test]
fn a_series_that_went_is_not_taken_for_the_one_in_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let sink = store.tenant(&TenantId::default());
    for at in [1, 2] {
        sink.append_packed(&packed(&[(1, at, 1.0), (2, at, 2.0), (3, at, 3.0)]))
            .expect("appends");
    }
    store.maintain(10 * HOUR_MS).expect("maintains");
    assert_eq!(store.stats().series, 0, "the numbers are free");
    for at in [11 * HOUR_MS, 12 * HOUR_MS] {
        sink.append_packed(&packed(&[(3, at, 3.5), (9, at, 9.5), (1, at, 1.5), (2, at, 2.5)]))
            .expect("appends");
    }
    let recent = TimeRange::new(10 * HOUR_MS, 20 * HOUR_MS);
    for (job, value) in [("1", 1.5), ("2", 2.5), ("3", 3.5), ("9", 9.5)] {
        assert_eq!(
            read(&store, job, recent),
            [(11 * HOUR_MS, value), (12 * HOUR_MS, value)],
            "job {job}"
        );
    }
}

#[test]
fn labels_that_are_none_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let mut floats = PackedFloats::default();
    floats.push_label(b"__name__", b"\xff");
    floats.push_point(1, 1.0);
    floats.push_point(2, 1.0);
    assert!(floats.end_series());
    floats.push(&labels("a"), 1, 1.0);
    let report = store
        .tenant(&TenantId::default())
        .append_packed(&floats)
        .expect("appends");
    assert_eq!(report.stored, 1);
    assert_eq!(
        (report.refused[0].reason, report.refused[0].count),
        ("invalid_labels", 2)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn packed_floats_are_taken_as_batches_are(
        batches in proptest::collection::vec(
            proptest::collection::vec((0u8..8, 0i64..100_000, 0u8..3), 0..12), 1..12),
        window_s in 0u64..60,
        max_series in 0usize..8,
        restart_at in 0usize..12,
    ) {
        let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
        let options = folders.each_ref().map(|folder| {
            let mut options = MetricStoreOptions::new(folder.path());
            options.limits.out_of_order_window = std::time::Duration::from_secs(window_s);
            options.max_series = max_series;
            options
        });
        let mut stores = options.clone().map(|options| MetricStore::open(options).expect("opens"));
        for (at, batch) in batches.iter().enumerate() {
            let batch: Vec<_> = batch.iter().map(|(job, time, value)| (*job, *time, f64::from(*value))).collect();
            let floats = packed(&batch);
            let [one, other] = stores.each_ref().map(|store| store.tenant(&TenantId::default()));
            let reports = (one.append_packed(&floats).expect("appends"), other.append(floats.to_batch()).expect("appends"));
            prop_assert_eq!(&reports.0, &reports.1);
            prop_assert_eq!(reports.0.stored + reports.0.refused_count(), batch.len() as u64);
            if at == restart_at {
                drop(stores);
                stores = options.clone().map(|options| MetricStore::open(options).expect("opens"));
            }
        }
        prop_assert_eq!(everything(&stores[0]), everything(&stores[1]));
    }
}
