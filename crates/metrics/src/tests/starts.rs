//! Start timestamps stay with their samples over a restart.

use skopos_core::metric::{
    MetricBatch, MetricSample, MetricSink as _, MetricSource as _, MetricValue, ResolutionLimit, Selection, SeriesBatch,
};
use skopos_core::{QueryBudget, TenantId, TimeRange};

use super::{labels, open};
use crate::MetricStore;

fn append(store: &MetricStore, samples: &[(i64, i64)]) {
    let sample = |(timestamp_ms, _): &(i64, i64)| MetricSample {
        timestamp_ms: *timestamp_ms,
        value: MetricValue::Float(1.0),
    };
    let series = SeriesBatch {
        labels: labels("a"),
        samples: samples.iter().map(sample).collect(),
        start_timestamps_ms: samples.iter().map(|(_, start_ms)| *start_ms).collect(),
        ..SeriesBatch::default()
    };
    let batch = MetricBatch {
        series: vec![series],
        ..MetricBatch::default()
    };
    store.tenant(&TenantId::default()).append(batch).expect("appends");
}

fn starts(store: &MetricStore) -> Vec<(i64, i64)> {
    let selection = Selection {
        matchers: &[],
        range: TimeRange::ALL,
        step_ms: 0,
        resolution: ResolutionLimit::KEPT,
    };
    let tenant = store.tenant(&TenantId::default());
    let found = tenant
        .select_started(&selection, &QueryBudget::unbounded())
        .expect("reads");
    let samples = found.into_iter().flat_map(|(series, starts)| {
        assert_eq!(series.timestamps_ms.len(), starts.floats_ms.len());
        series.timestamps_ms.into_iter().zip(starts.floats_ms)
    });
    samples.collect()
}

#[test]
fn samples_keep_their_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = open(folder.path());
    let samples = [
        (1000, 0),
        (2000, 500),
        (3000, 500),
        (4000, 3500),
        (5000, 0),
        (6000, 5500),
    ];
    append(&store, &samples[..3]);
    append(&store, &samples[3..5]);
    assert_eq!(starts(&store), samples[..5]);
    drop(store);
    store = open(folder.path());
    append(&store, &samples[5..]);
    assert_eq!(starts(&store), samples);
}
