//! Aggregations that several threads share are those of one.

use skopos_core::metric::{MetricBatch, MetricSample, MetricSink as _, MetricValue, Series, SeriesBatch};
use skopos_core::{Labels, QueryBudget, TenantId};
use skopos_metrics::{MetricStore, MetricStoreOptions};
use skopos_promql::{Engine, Value};

use crate::Memory;

const SERIES: u32 = 2_000;
const MINUTE_MS: i64 = 60_000;

/// Counters that grow by different steps, half of them with a pause; gauges of all sizes.
fn series() -> Vec<Series> {
    let one = |at: u32| {
        let name = if at.is_multiple_of(2) { "c_total" } else { "g" };
        let minutes = (0..30_i64).filter(|minute| at % 4 > 1 || !(10..20).contains(minute));
        let value = |minute: i64| match at % 2 {
            0 => (minute * i64::from(at % 13)) as f64 * 0.1,
            _ => f64::from(at % 101).powi(9) / (1.0 + minute as f64),
        };
        let labels = [
            ("__name__", name.to_owned()),
            ("instance", format!("{:04}", at * 7919 % 10_000)),
            ("job", format!("{}", at % 7)),
        ];
        Series {
            labels: Labels::from_pairs(labels),
            timestamps_ms: minutes.clone().map(|minute| minute * MINUTE_MS).collect(),
            values: minutes.map(value).collect(),
            ..Series::default()
        }
    };
    let mut all: Vec<Series> = (0..SERIES).map(one).collect();
    all.sort_by(|a, b| a.labels.cmp(&b.labels));
    all
}

fn store(folder: &std::path::Path, series: &[Series]) -> MetricStore {
    let store = MetricStore::open(MetricStoreOptions::new(folder)).expect("opens");
    let batches = series.iter().map(|series| SeriesBatch {
        labels: series.labels.clone(),
        samples: series
            .timestamps_ms
            .iter()
            .zip(&series.values)
            .map(|(timestamp_ms, value)| MetricSample {
                timestamp_ms: *timestamp_ms,
                value: MetricValue::Float(*value),
            })
            .collect(),
        ..SeriesBatch::default()
    });
    let batch = MetricBatch {
        series: batches.collect(),
        metadata: Vec::new(),
    };
    store.tenant(&TenantId::default()).append(batch).expect("appends");
    store
}

#[test]
fn threads_find_what_one_finds() {
    let folder = tempfile::tempdir().expect("a folder");
    let series = series();
    let store = store(folder.path(), &series);
    let shared = store.tenant(&TenantId::default());
    let alone = Memory(series);
    for query in [
        "sum by (job) (rate(c_total[5m]))",
        "sum without (instance) (g)",
        "avg by (job) (g)",
        "avg(increase(c_total[10m]))",
        "min by (job) (g)",
        "max(last_over_time(g[3m]))",
        "count by (job) (c_total)",
        "count by (__name__) ({__name__=~\".+\"})",
        "group by (job) (g)",
    ] {
        let range = |source: &dyn skopos_core::metric::MetricSource| {
            let budget = QueryBudget::unbounded();
            let output = Engine::default().range(source, query, 0, 30 * MINUTE_MS, MINUTE_MS, &budget);
            let output = output.unwrap_or_else(|error| panic!("{query}: {error}"));
            let Value::Matrix(mut series) = output.value else {
                panic!("a range query yields a matrix");
            };
            series.sort_by(|a, b| a.labels.cmp(&b.labels));
            (series, output.stats.series, output.stats.queryable_samples)
        };
        let (found, expected) = (range(&*shared), range(&alone));
        assert_eq!((found.1, found.2), (expected.1, expected.2), "{query}: what was read");
        assert!(!found.0.is_empty() && found.0.len() == expected.0.len(), "{query}");
        for (found, expected) in found.0.iter().zip(&expected.0) {
            assert_eq!(found.labels, expected.labels, "{query}");
            assert_eq!(found.timestamps_ms, expected.timestamps_ms, "{query} {}", found.labels);
            let close = |(a, b): (&f64, &f64)| (a - b).abs() <= b.abs() * 4.0 * f64::EPSILON;
            let pairs = found.values.iter().zip(&expected.values);
            assert!(
                pairs.clone().all(close),
                "{query} {}: {:?}",
                found.labels,
                pairs.collect::<Vec<_>>()
            );
        }
    }
}
