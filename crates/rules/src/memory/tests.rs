//! What the store in memory takes, refuses and finds.

use super::*;
use skopos_core::metric::{MetricSample, SeriesBatch};

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied())
}

fn append(store: &MemoryStore, timestamp_ms: i64, value: f64) -> AppendReport {
    let series = SeriesBatch {
        labels: labels(&[(METRIC_NAME, "up")]),
        samples: vec![MetricSample {
            timestamp_ms,
            value: MetricValue::Float(value),
        }],
        ..SeriesBatch::default()
    };
    let batch = MetricBatch {
        series: vec![series],
        metadata: Vec::new(),
    };
    store.append(batch).expect("the store takes batches")
}

#[test]
fn the_door_refuses_what_is_late_or_contradicts() {
    let store = MemoryStore::new();
    assert_eq!(append(&store, 10, 1.0).stored, 1);
    assert_eq!(append(&store, 10, 1.0).refused_count(), 0);
    assert_eq!(append(&store, 10, 2.0).refused[0].reason, "duplicate");
    assert_eq!(append(&store, 9, 1.0).refused[0].reason, "out_of_order");
    assert_eq!(store.samples(&labels(&[(METRIC_NAME, "up")])).len(), 1);
}

#[test]
fn series_are_found_with_and_without_a_name() {
    let store = MemoryStore::new();
    for (name, job) in [("up", "b"), ("up", "a"), ("down", "c")] {
        store.put(&labels(&[(METRIC_NAME, name), ("job", job)]), 5, 1.0);
    }
    let find = |matchers: &[Matcher], range| store.series(matchers, range).expect("memory is readable").len();
    let all = TimeRange::new(0, 10);
    assert_eq!(find(&[Matcher::equal(METRIC_NAME, "up")], all), 2);
    assert_eq!(find(&[Matcher::equal("job", "c")], all), 1);
    assert_eq!(find(&[], all), 3);
    assert_eq!(find(&[], TimeRange::new(6, 10)), 0);
    let names = store.label_values(METRIC_NAME, &[], all).expect("memory is readable");
    assert_eq!(names, ["down", "up"]);
}
