//! Queries over downsampled data beside the same over samples.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use skopos_core::histogram::{FloatHistogram, Span};
use skopos_core::metric::{
    MetricBatch, MetricSample, MetricSink as _, MetricSource, MetricValue, SeriesBatch, SourceResolution,
};
use skopos_core::{Labels, QueryBudget, TenantId};
use skopos_metrics::{DownsampleOptions, MetricStore, MetricStoreOptions};
use skopos_promql::{Engine, QueryOutput, Value};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A store that has windows of both lengths beside samples, which go after ten days.
fn open(root: &Path) -> MetricStore {
    let day = Duration::from_hours(24);
    let mut options = MetricStoreOptions::new(root);
    options.limits.retention = 10 * day;
    options.downsample = [Duration::from_mins(5), Duration::from_hours(1)]
        .map(|resolution| DownsampleOptions {
            retention: Some(Duration::ZERO),
            ..DownsampleOptions::new(resolution, day)
        })
        .to_vec();
    MetricStore::open(options).expect("opens")
}

fn append(store: &MetricStore, pairs: &[(&str, &str)], samples: Vec<(i64, MetricValue)>) {
    let samples = samples
        .into_iter()
        .map(|(timestamp_ms, value)| MetricSample { timestamp_ms, value });
    let batch = MetricBatch {
        series: vec![SeriesBatch {
            labels: Labels::from_pairs(pairs.iter().copied()),
            samples: samples.collect(),
            ..SeriesBatch::default()
        }],
        metadata: Vec::new(),
    };
    let report = store.tenant(&TenantId::default()).append(batch).expect("appends");
    assert_eq!(report.refused_count(), 0);
}

fn floats(store: &MetricStore, pairs: &[(&str, &str)], samples: &[(i64, f64)]) {
    let samples = samples
        .iter()
        .map(|(time_ms, value)| (*time_ms, MetricValue::Float(*value)));
    append(store, pairs, samples.collect());
}

fn run(store: &MetricStore, query: &str, resolution: SourceResolution, steps: (i64, i64, i64)) -> QueryOutput {
    let engine = Engine::default().with_source_resolution(resolution);
    let source = store.tenant(&TenantId::default());
    let source: &dyn MetricSource = &*source;
    let (start_ms, end_ms, step_ms) = steps;
    let output = engine.range(source, query, start_ms, end_ms, step_ms, &QueryBudget::unbounded());
    output.expect("the query is valid")
}

/// Series, times and values of a result.
fn points(output: &QueryOutput) -> Vec<(String, i64, f64)> {
    let Value::Matrix(series) = &output.value else {
        return Vec::new();
    };
    let points = series.iter().flat_map(|series| {
        let pairs = series.timestamps_ms.iter().zip(&series.values);
        pairs.map(|(time_ms, value)| (series.labels.to_string(), *time_ms, *value))
    });
    points.collect()
}

fn is_close(a: f64, b: f64) -> bool {
    (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

fn assert_same(store: &MetricStore, query: &str, resolution: SourceResolution, steps: (i64, i64, i64)) {
    let (raw, found) = (
        run(store, query, SourceResolution::Raw, steps),
        run(store, query, resolution, steps),
    );
    assert!(!found.stats.windows.is_empty(), "{query} reads windows");
    assert!(raw.stats.windows.is_empty());
    let (raw, found) = (points(&raw), points(&found));
    assert_eq!(raw.len(), found.len(), "{query}\n{raw:?}\n{found:?}");
    for (raw, found) in raw.iter().zip(&found) {
        let same = raw.0 == found.0 && raw.1 == found.1 && is_close(raw.2, found.2);
        assert!(same, "{query}: {raw:?} {found:?}");
    }
}

/// What windows say as samples do, where ranges begin and end with windows.
const EXACT: [&str; 17] = [
    "x",
    "rate(x[1h])",
    "increase(x[1h])",
    "delta(x[2h])",
    "sum_over_time(x[1h])",
    "count_over_time(x[3h])",
    "avg_over_time(x[1h])",
    "min_over_time(x[1h])",
    "max_over_time(x[2h])",
    "first_over_time(x[1h])",
    "last_over_time(x[1h])",
    "present_over_time(x[1h])",
    "resets(x[2h])",
    "ts_of_last_over_time(x[1h])",
    "sum by (job) (rate(x[1h] offset 2h))",
    "rate(x[1h] @ 7200)",
    "absent_over_time(x[1h])",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn aligned_ranges_are_exact(
        gaps in proptest::collection::vec((1i64..300_000, -3.0f64..40.0), 200..800),
        stale_at in 0usize..200,
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(folder.path());
        let (mut at_ms, mut value) = (0, 0.0);
        let mut samples = Vec::new();
        for (position, (gap_ms, growth)) in gaps.into_iter().enumerate() {
            at_ms += gap_ms;
            value = if growth < -2.0 { 0.0 } else { value + growth.max(0.0) };
            let is_stale = position == stale_at;
            samples.push((at_ms, if is_stale { skopos_core::sample::STALE_NAN } else { value }));
        }
        floats(&store, &[("__name__", "x"), ("job", "a")], &samples);
        store.flush().expect("flushes");
        store.maintain(at_ms + 3 * DAY_MS).expect("maintains");
        let end_ms = (at_ms / HOUR_MS + 4) * HOUR_MS;
        for query in EXACT {
            // Windows of an hour hold no sample between their ends.
            for resolution_ms in [5 * MINUTE_MS, HOUR_MS] {
                let steps = (HOUR_MS, end_ms, HOUR_MS);
                assert_same(&store, query, SourceResolution::AtMost(resolution_ms), steps);
            }
        }
        let steps = (5 * MINUTE_MS, end_ms, 5 * MINUTE_MS);
        assert_same(&store, "rate(x[5m])", SourceResolution::AtMost(5 * MINUTE_MS), steps);
        assert_same(&store, "x", SourceResolution::AtMost(5 * MINUTE_MS), steps);
    }
}

/// A counter that grows by 10 each 15 s for three days and is reset every seven hours.
fn counter() -> Vec<(i64, f64)> {
    let resets_ms = 7 * HOUR_MS;
    (0..3 * DAY_MS / 15_000)
        .map(|i| i * 15_000)
        .map(|at_ms| (at_ms, (at_ms % resets_ms / 15_000) as f64 * 10.0))
        .collect()
}

/// Ranges that do not begin with windows are shifted by less than one window; so a rate is off by no
/// more than what its counter does in one window at both ends.
#[test]
fn rates_of_other_ranges_are_close() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    floats(&store, &[("__name__", "x"), ("job", "a")], &counter());
    store.flush().expect("flushes");
    store.maintain(5 * DAY_MS).expect("maintains");
    let steps = (6 * HOUR_MS + 77_000, 2 * DAY_MS, 13 * MINUTE_MS);
    for (query, resolution_ms, bound) in [
        ("rate(x[1h])", 5 * MINUTE_MS, 0.002),
        ("increase(x[6h])", HOUR_MS, 0.002),
        ("rate(x[17m])", 5 * MINUTE_MS, 0.02),
    ] {
        let raw = points(&run(&store, query, SourceResolution::Raw, steps));
        let found = points(&run(&store, query, SourceResolution::AtMost(resolution_ms), steps));
        assert_eq!(raw.len(), found.len());
        for (raw, found) in raw.iter().zip(&found) {
            assert!((raw.2 - found.2).abs() <= bound * raw.2, "{query}: {raw:?} {found:?}");
        }
    }
}

#[test]
fn a_query_over_the_seam_has_no_gap_and_counts_nothing_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    floats(&store, &[("__name__", "x"), ("job", "a")], &counter());
    store.flush().expect("flushes");
    // Two days have windows alone, the last samples alone.
    store.maintain(12 * DAY_MS + HOUR_MS).expect("maintains");
    let all = run(
        &store,
        "count_over_time(x[3d])",
        SourceResolution::Kept,
        (3 * DAY_MS - 1, 3 * DAY_MS, DAY_MS),
    );
    let counted = points(&all)[0].2;
    assert!((counted - 3.0 * 5760.0).abs() <= 20.0, "{counted}");
    let steps = (HOUR_MS, 3 * DAY_MS - HOUR_MS, 7 * MINUTE_MS);
    let found = run(&store, "rate(x[1h])", SourceResolution::Kept, steps);
    assert!(found.stats.read_samples > 0 && found.stats.windows.contains_key(&(5 * MINUTE_MS)));
    let found = points(&found);
    assert_eq!(
        found.len() as i64,
        (steps.1 - steps.0) / steps.2 + 1,
        "a point at each step"
    );
    for point in &found {
        assert!((point.2 - 10.0 / 15.0).abs() < 0.01, "{point:?}");
    }
    let instant = points(&run(&store, "x", SourceResolution::Kept, steps));
    assert_eq!(instant.len(), found.len());
}

#[test]
fn short_ranges_are_widened_and_what_is_estimated_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    floats(&store, &[("__name__", "x_total"), ("job", "a")], &counter());
    store.flush().expect("flushes");
    store.maintain(20 * DAY_MS).expect("maintains");
    let steps = (HOUR_MS, 6 * HOUR_MS, 10 * MINUTE_MS + 7000);
    let rate = run(&store, "rate(x_total[1m])", SourceResolution::Kept, steps);
    for point in points(&rate) {
        assert!((point.2 - 10.0 / 15.0).abs() < 0.05, "{point:?}");
    }
    let info = r#"PromQL info: range of 1m was widened to downsampled windows of 5m for metric name "x_total" (1:6)"#;
    assert_eq!(rate.infos, [info]);
    let count = points(&run(
        &store,
        "count_over_time(x_total[1m])",
        SourceResolution::Kept,
        steps,
    ));
    assert!(count.iter().all(|point| (point.2 - 4.0).abs() < 0.1), "{count:?}");
    let quantile = run(
        &store,
        "quantile_over_time(0.5, x_total[1h])",
        SourceResolution::Kept,
        steps,
    );
    assert_eq!(quantile.infos.len(), 1);
    assert!(quantile.infos[0].contains("approximated"), "{:?}", quantile.infos);
    let none = run(&store, "rate(x_total[1h])", SourceResolution::Raw, steps);
    assert_eq!(points(&none), [], "no samples are left");
}

#[test]
fn quantiles_of_classic_buckets_are_exact_when_aligned() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    for (le, share) in [("0.1", 0.3), ("1", 0.8), ("+Inf", 1.0)] {
        let samples: Vec<(i64, f64)> = counter()
            .iter()
            .map(|(at_ms, value)| (*at_ms, (value * share).floor()))
            .collect();
        floats(&store, &[("__name__", "x_bucket"), ("job", "a"), ("le", le)], &samples);
    }
    store.flush().expect("flushes");
    store.maintain(5 * DAY_MS).expect("maintains");
    let query = "histogram_quantile(0.9, sum by (le) (rate(x_bucket[1h])))";
    let steps = (2 * HOUR_MS, 2 * DAY_MS, HOUR_MS);
    for resolution_ms in [5 * MINUTE_MS, HOUR_MS] {
        assert_same(&store, query, SourceResolution::AtMost(resolution_ms), steps);
    }
}

#[test]
fn native_histograms_keep_their_resets() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let histogram = |value: f64| {
        MetricValue::Histogram(Arc::new(FloatHistogram {
            schema: 0,
            count: 3.0 * value,
            sum: 5.0 * value,
            positive_spans: vec![Span { offset: 0, length: 2 }],
            positive_buckets: vec![value, 2.0 * value],
            ..FloatHistogram::default()
        }))
    };
    let samples = counter().into_iter().filter(|sample| sample.0 % MINUTE_MS == 0);
    append(
        &store,
        &[("__name__", "x"), ("job", "a")],
        samples.map(|(at_ms, value)| (at_ms, histogram(value))).collect(),
    );
    store.flush().expect("flushes");
    store.maintain(5 * DAY_MS).expect("maintains");
    let steps = (2 * HOUR_MS, 2 * DAY_MS, HOUR_MS);
    for query in [
        "histogram_quantile(0.9, rate(x[1h]))",
        "histogram_quantile(0.3, increase(x[3h]))",
        "histogram_sum(rate(x[2h]))",
        "histogram_count(increase(x[1h]))",
        "histogram_avg(sum_over_time(x[1h]))",
        "histogram_count(avg_over_time(x[1h]))",
        "count_over_time(x[1h])",
        "histogram_count(x)",
        "histogram_sum(last_over_time(x[1h]))",
    ] {
        for resolution_ms in [5 * MINUTE_MS, HOUR_MS] {
            assert_same(&store, query, SourceResolution::AtMost(resolution_ms), steps);
        }
    }
}
