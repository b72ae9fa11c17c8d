//! What is encoded is what the decoders of both versions read.

use std::sync::Arc;

use proptest::prelude::*;
use skopos_core::metric::{MetricBatch, MetricValue};

use super::*;
use crate::compression::snappy_block;
use crate::remote_write::tests::unpacked;
use crate::remote_write::{Buffers, RemoteWrite, decode_remote_write, decode_remote_write_v2};

fn decoded(body: &[u8]) -> RemoteWrite {
    unpacked(decode_remote_write(body, 1 << 20, &mut Buffers::default()).expect("a good write"))
}

fn decoded_v2(body: &[u8]) -> RemoteWrite {
    unpacked(decode_remote_write_v2(body, 1 << 20, &mut Buffers::default()).expect("a good write"))
}

/// Items by what can be compared: labels, kind, time, bits of the value or the histogram.
type Seen = Vec<(Labels, i64, i64, Option<u64>, Option<Arc<FloatHistogram>>)>;

fn seen(batch: MetricBatch) -> Seen {
    let mut seen = Vec::new();
    for series in batch.series {
        let mut starts = series.start_timestamps_ms.into_iter();
        for sample in series.samples {
            let start_ms = starts.next().unwrap_or(0);
            let (value, histogram) = match sample.value {
                MetricValue::Float(value) => (Some(value.to_bits()), None),
                MetricValue::Histogram(histogram) => (None, Some(histogram)),
            };
            seen.push((series.labels.clone(), sample.timestamp_ms, start_ms, value, histogram));
        }
    }
    by_kind(seen)
}

/// Floats before histograms, each in their order: decoders promise no more.
fn by_kind(mut seen: Seen) -> Seen {
    seen.sort_by_key(|(.., histogram)| histogram.is_some());
    seen
}

fn expected(items: &[OutgoingItem], with_starts: bool) -> Seen {
    let items = items.iter().map(|item| {
        let start_ms = if with_starts { item.start_ms } else { 0 };
        match &item.value {
            OutgoingValue::Float { timestamp_ms, value } => (
                item.labels.clone(),
                *timestamp_ms,
                start_ms,
                Some(value.to_bits()),
                None,
            ),
            OutgoingValue::Histogram {
                timestamp_ms,
                histogram,
            } => (
                item.labels.clone(),
                *timestamp_ms,
                start_ms,
                None,
                Some(Arc::clone(histogram)),
            ),
            OutgoingValue::Exemplar(_) => unreachable!("no exemplars are made here"),
        }
    });
    by_kind(items.collect())
}

fn histogram() -> impl Strategy<Value = FloatHistogram> {
    let hint = prop_oneof![Just(CounterResetHint::Unknown), Just(CounterResetHint::Gauge)];
    (
        hint,
        -4i32..=8,
        any::<i16>(),
        proptest::collection::vec(0.0..1e6f64, 1..5),
        any::<f64>(),
    )
        .prop_map(|(counter_reset_hint, schema, offset, buckets, sum)| FloatHistogram {
            counter_reset_hint,
            schema,
            zero_threshold: 0.001,
            zero_count: 2.5,
            count: 2.5 + 2.0 * buckets.iter().sum::<f64>(),
            sum,
            positive_spans: vec![Span {
                offset: i32::from(offset),
                length: buckets.len() as u32,
            }],
            negative_spans: vec![Span {
                offset: -3,
                length: buckets.len() as u32,
            }],
            positive_buckets: buckets.clone(),
            negative_buckets: buckets,
            custom_values: Vec::new(),
        })
}

/// Series are told apart by their place, so that decoders keep them apart as well.
fn items() -> impl Strategy<Value = Vec<OutgoingItem>> {
    let value = prop_oneof![
        4 => (any::<i64>(), any::<u64>()).prop_map(|(timestamp_ms, bits)| OutgoingValue::Float { timestamp_ms, value: f64::from_bits(bits) }),
        1 => (any::<i64>(), histogram()).prop_map(|(timestamp_ms, histogram)| OutgoingValue::Histogram { timestamp_ms, histogram: Arc::new(histogram) }),
    ];
    let item = ("[a-c]{1,2}", "\\PC{0,200}", 0i64..3, value);
    proptest::collection::vec(item, 0..20).prop_map(|items| {
        let items = items
            .into_iter()
            .enumerate()
            .map(|(at, (name, text, start_ms, value))| OutgoingItem {
                labels: Labels::from_pairs([("__name__", name), ("text", text), ("at", at.to_string())]),
                start_ms,
                metadata: None,
                value,
            });
        items.collect()
    })
}

proptest! {
    #[test]
    fn both_versions_come_back(items in items()) {
        let body = snappy_block(&encode_v1(&items)).expect("short");
        let read = decoded(&body);
        prop_assert_eq!(read.report.refused_count(), 0);
        prop_assert_eq!(seen(read.batch), expected(&items, false));
        let body = snappy_block(&encode_v2(&items)).expect("short");
        let read = decoded_v2(&body);
        prop_assert_eq!(read.report.refused_count(), 0);
        prop_assert_eq!(seen(read.batch), expected(&items, true));
    }
}

fn float(labels: &Labels, timestamp_ms: i64) -> OutgoingItem {
    OutgoingItem {
        labels: labels.clone(),
        start_ms: 0,
        metadata: Some(Arc::new(counter())),
        value: OutgoingValue::Float {
            timestamp_ms,
            value: 1.0,
        },
    }
}

fn counter() -> MetricMetadata {
    MetricMetadata {
        metric: "jobs_total".to_owned(),
        metric_type: MetricType::Counter,
        help: "Jobs done.".to_owned(),
        unit: "jobs".to_owned(),
    }
}

#[test]
fn neighbours_share_labels_and_carry_exemplars_and_metadata() {
    let labels = Labels::from_pairs([("__name__", "jobs_total")]);
    let exemplar = Exemplar {
        labels: Labels::from_pairs([("trace_id", "t")]),
        timestamp_ms: 2,
        value: 0.5,
    };
    let items = [
        float(&labels, 1),
        float(&labels, 2),
        OutgoingItem {
            value: OutgoingValue::Exemplar(exemplar.clone()),
            ..float(&labels, 0)
        },
    ];
    let body = snappy_block(&encode_v1(&items)).expect("short");
    let first = decoded(&body).batch;
    let body = snappy_block(&encode_v2(&items)).expect("short");
    let second = decoded_v2(&body).batch;
    for batch in [&first, &second] {
        assert_eq!(batch.series.len(), 1);
        assert_eq!(batch.series[0].samples.len(), 2);
        assert_eq!(batch.series[0].exemplars, std::slice::from_ref(&exemplar));
    }
    assert_eq!(second.metadata, [counter()]);
}

#[test]
fn metadata_alone_comes_back() {
    let body = snappy_block(&encode_metadata([&counter()])).expect("short");
    let read = decoded(&body);
    assert_eq!(read.batch.metadata, [counter()]);
}
