//! Requests of version 2, good, odd and broken.

use proptest::prelude::*;
use prost::Message;
use skopos_core::Labels;
use skopos_core::metric::AppendReport;

use super::*;
use crate::remote_write::tests::unpacked;

#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(string, repeated, tag = "4")]
    symbols: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(uint32, repeated, tag = "1")]
    labels_refs: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    histograms: Vec<HistogramMessage>,
    #[prost(message, repeated, tag = "4")]
    exemplars: Vec<SentExemplar>,
    #[prost(message, optional, tag = "5")]
    metadata: Option<SentMetadata>,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
    #[prost(int64, tag = "3")]
    start_timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct SentExemplar {
    #[prost(uint32, repeated, tag = "1")]
    labels_refs: Vec<u32>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(int64, tag = "3")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct SentMetadata {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(uint32, tag = "3")]
    help_ref: u32,
}

fn decode(body: &[u8]) -> Read<RemoteWrite> {
    super::decode(body, PackedFloats::default()).map(unpacked)
}

fn request() -> Request {
    let symbols = ["", "__name__", "h_sum", "a", "b", "Help.", "trace_id", "t"];
    Request {
        symbols: symbols.map(ToOwned::to_owned).to_vec(),
        timeseries: vec![TimeSeries {
            labels_refs: vec![3, 4, 1, 2],
            samples: vec![Sample {
                value: 1.5,
                timestamp: 7,
                start_timestamp: 3,
            }],
            histograms: vec![HistogramMessage {
                count_int: Some(1),
                schema: skopos_core::histogram::CUSTOM_BUCKETS_SCHEMA,
                positive_spans: vec![super::super::proto::BucketSpan { offset: 0, length: 1 }],
                positive_deltas: vec![1],
                custom_values: vec![2.5],
                timestamp: 8,
                ..HistogramMessage::default()
            }],
            exemplars: vec![SentExemplar {
                labels_refs: vec![6, 7],
                value: 0.5,
                timestamp: 6,
            }],
            metadata: Some(SentMetadata { kind: 3, help_ref: 5 }),
        }],
    }
}

#[test]
fn a_series_is_read_with_all_it_has() {
    let write = decode(&request().encode_to_vec()).expect("a good request");
    assert_eq!(write.report, AppendReport::default());
    let series = &write.batch.series[0];
    assert_eq!(series.labels, Labels::from_pairs([("__name__", "h_sum"), ("a", "b")]));
    assert_eq!(series.samples.len(), 2);
    assert_eq!(series.start_timestamps_ms, [3, 0]);
    assert!(matches!(&series.samples[1].value, MetricValue::Histogram(histogram)
        if histogram.custom_values == [2.5]));
    assert_eq!(series.exemplars[0].labels.get("trace_id"), "t");
    let metadata = &write.batch.metadata[0];
    assert_eq!((metadata.metric.as_str(), metadata.help.as_str()), ("h", "Help."));
}

#[test]
fn references_that_lead_nowhere_are_errors() {
    let broken: [fn(&mut Request); 4] = [
        |request| request.timeseries[0].labels_refs = vec![1, 99],
        |request| request.timeseries[0].labels_refs = vec![1],
        |request| request.timeseries[0].exemplars[0].labels_refs = vec![1],
        |request| request.symbols.remove(0).clear(),
    ];
    for change in broken {
        let mut sent = request();
        change(&mut sent);
        assert!(matches!(
            decode(&sent.encode_to_vec()),
            Err(ProtobufError::Reference(_))
        ));
    }
}

#[test]
fn series_that_are_none_are_counted_by_reason() {
    let mut sent = request();
    let good = sent.timeseries[0].clone();
    let with = |labels_refs: &[u32]| TimeSeries {
        labels_refs: labels_refs.to_vec(),
        ..good.clone()
    };
    sent.timeseries.push(with(&[3, 4]));
    sent.timeseries.push(with(&[1, 2, 3, 4, 3, 2]));
    sent.timeseries.push(TimeSeries {
        labels_refs: vec![1, 2],
        ..TimeSeries::default()
    });
    let write = decode(&sent.encode_to_vec()).expect("a good request");
    assert_eq!(write.batch.series.len(), 1);
    let reasons: Vec<_> = write
        .report
        .refused
        .iter()
        .map(|refusal| (refusal.reason, refusal.count))
        .collect();
    assert_eq!(
        reasons,
        [
            ("missing_metric_name", 2),
            ("duplicate_label_names", 2),
            ("no_samples", 1)
        ]
    );
}

#[test]
fn plain_floats_are_packed_with_their_metadata() {
    let mut sent = request();
    let plain = &mut sent.timeseries[0];
    plain.labels_refs = vec![1, 2, 3, 4];
    plain.histograms.clear();
    plain.exemplars.clear();
    plain.samples[0].start_timestamp = 0;
    let started = TimeSeries {
        samples: vec![Sample {
            start_timestamp: 3,
            ..plain.samples[0].clone()
        }],
        ..plain.clone()
    };
    let plain = plain.clone();
    sent.timeseries = vec![plain.clone(), started, plain];
    let write = super::decode(&sent.encode_to_vec(), PackedFloats::default()).expect("a good request");
    assert_eq!(
        (write.floats.len(), write.batch.series.len()),
        (1, 2),
        "one with a start, and what comes after it, stay loose"
    );
    assert_eq!(write.batch.metadata[0].metric, "h");
}

proptest! {
    #[test]
    fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(decode(&body).is_ok_and(|write| write.batch.series.len() <= body.len()) || !body.is_empty());
    }

    #[test]
    fn no_mutation_panics(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut body = request().encode_to_vec();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        let series = decode(&body).map_or(0, |write| write.batch.series.len());
        prop_assert!(series <= body.len());
    }
}
