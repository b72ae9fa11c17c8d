//! Writes: what is taken, what is left out, and arbitrary bytes.

use proptest::prelude::*;
use prost::Message;
use skopos_core::Labels;
use skopos_core::histogram::CounterResetHint;
use skopos_core::metric::{MetricType, MetricValue};

use super::*;

fn label(name: &str, value: &str) -> LabelMessage {
    LabelMessage {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

fn series(labels: &[(&str, &str)], value: f64) -> TimeSeries {
    TimeSeries {
        labels: labels.iter().map(|(name, value)| label(name, value)).collect(),
        samples: vec![SampleMessage { value, timestamp: 7 }],
        ..TimeSeries::default()
    }
}

fn decoded(request: &WriteRequest) -> RemoteWrite {
    let body = snap::raw::Encoder::new()
        .compress_vec(&request.encode_to_vec())
        .expect("short input");
    unpacked(decode(&body, 1 << 20).expect("a good write"))
}

fn decode(body: &[u8], limit_bytes: usize) -> Result<RemoteWrite, RemoteWriteError> {
    decode_remote_write(body, limit_bytes, &mut Buffers::default())
}

/// All series of a write in its batch.
pub(super) fn unpacked(mut write: RemoteWrite) -> RemoteWrite {
    let mut all = std::mem::take(&mut write.floats).to_batch().series;
    all.append(&mut write.batch.series);
    write.batch.series = all;
    write
}

#[test]
fn series_come_with_all_they_have() {
    let mut sent = series(
        &[("b", "1"), ("__name__", "a"), ("empty", "")],
        f64::from_bits(0x7ff0_0000_0000_0002),
    );
    sent.exemplars = vec![ExemplarMessage {
        labels: vec![label("trace_id", "x")],
        value: 1.0,
        timestamp: 6,
    }];
    let write = decoded(&WriteRequest {
        timeseries: vec![sent],
        metadata: vec![MetadataMessage {
            metric_type: 1,
            metric_family_name: "a".to_owned(),
            help: "h".to_owned(),
            unit: String::new(),
        }],
    });
    let series = &write.batch.series[0];
    assert_eq!(series.labels, Labels::from_pairs([("__name__", "a"), ("b", "1")]));
    assert!(matches!(series.samples[0].value, MetricValue::Float(value) if skopos_core::sample::is_stale(value)));
    assert_eq!(series.exemplars[0].labels.get("trace_id"), "x");
    assert_eq!(write.batch.metadata[0].metric_type, MetricType::Counter);
    assert_eq!(write.report, AppendReport::default());
}

#[test]
fn series_that_are_none_are_counted() {
    let write = decoded(&WriteRequest {
        timeseries: vec![
            series(&[("a", "b")], 1.0),
            series(&[("__name__", "a"), ("x", "1"), ("x", "2")], 1.0),
            series(&[("__name__", "good")], 1.0),
        ],
        metadata: Vec::new(),
    });
    assert_eq!(write.batch.series.len(), 1);
    let reasons: Vec<_> = write
        .report
        .refused
        .iter()
        .map(|refusal| (refusal.reason, refusal.count))
        .collect();
    assert_eq!(reasons, [("missing_metric_name", 1), ("duplicate_label_names", 1)]);
}

#[test]
fn plain_floats_are_packed_until_others_come_loose() {
    let plain = || series(&[("__name__", "a"), ("b", "1")], 1.0);
    let mut with_exemplar = plain();
    with_exemplar.exemplars = vec![ExemplarMessage::default()];
    let exemplar_alone = TimeSeries {
        samples: Vec::new(),
        ..with_exemplar.clone()
    };
    let disordered = series(&[("b", "1"), ("__name__", "a")], 1.0);
    let packed = |timeseries: Vec<TimeSeries>| {
        let request = WriteRequest {
            timeseries,
            metadata: Vec::new(),
        };
        let body = snap::raw::Encoder::new()
            .compress_vec(&request.encode_to_vec())
            .expect("short input");
        let write = decode(&body, 1 << 20).expect("a good write");
        (write.floats.len(), write.batch.series.len())
    };
    assert_eq!(packed(vec![plain(), exemplar_alone, plain()]), (2, 1));
    assert_eq!(packed(vec![plain(), with_exemplar, plain()]), (1, 2));
    assert_eq!(packed(vec![plain(), disordered, plain()]), (1, 2));
}

#[test]
fn buffers_serve_many_requests_and_broken_ones() {
    let body = |text: &[u8]| {
        let mut sent = series(&[("__name__", "a"), ("b", "xx")], 1.0).encode_to_vec();
        let at = sent.windows(2).position(|two| two == b"xx").expect("was written");
        sent[at..at + 2].copy_from_slice(text);
        let mut request = vec![0x0a, sent.len() as u8];
        request.extend(sent);
        snap::raw::Encoder::new().compress_vec(&request).expect("short input")
    };
    let mut buffers = Buffers::default();
    for _ in 0..2 {
        let write = decode_remote_write(&body(b"yy"), 1 << 20, &mut buffers).expect("good");
        assert_eq!((write.floats.len(), write.floats.samples()), (1, 1));
        buffers.recycle(write.floats);
        let broken = decode_remote_write(&body(b"\xff\xff"), 1 << 20, &mut buffers);
        assert!(matches!(
            broken,
            Err(RemoteWriteError::Protobuf {
                reason: ProtobufError::Utf8,
                ..
            })
        ));
    }
}

fn histogram() -> HistogramMessage {
    HistogramMessage {
        count_int: Some(6),
        sum: 18.4,
        schema: 1,
        zero_threshold: 0.001,
        zero_count_int: Some(1),
        positive_spans: vec![
            BucketSpan { offset: -1, length: 2 },
            BucketSpan { offset: 1, length: 1 },
        ],
        positive_deltas: vec![1, 2, -2],
        reset_hint: 2,
        timestamp: 9,
        ..HistogramMessage::default()
    }
}

fn with_histogram(sent: HistogramMessage) -> RemoteWrite {
    let mut series = series(&[("__name__", "h")], 0.0);
    series.samples.clear();
    series.histograms = vec![sent];
    decoded(&WriteRequest {
        timeseries: vec![series],
        metadata: Vec::new(),
    })
}

#[test]
fn integer_histograms_become_absolute() {
    let write = with_histogram(histogram());
    let MetricValue::Histogram(histogram) = &write.batch.series[0].samples[0].value else {
        panic!("a histogram was sent")
    };
    assert_eq!(histogram.positive_buckets, [1.0, 3.0, 1.0]);
    assert_eq!((histogram.count, histogram.zero_count), (6.0, 1.0));
    assert_eq!(histogram.counter_reset_hint, CounterResetHint::NotReset);
}

#[test]
fn histograms_that_contradict_themselves_are_refused() {
    let broken: [fn(&mut HistogramMessage); 5] = [
        |sent| sent.positive_deltas.push(1),
        |sent| sent.positive_deltas = vec![1, -2, 1],
        |sent| sent.schema = 53,
        |sent| {
            sent.schema = CUSTOM;
            sent.custom_values = vec![2.0, 1.0];
        },
        |sent| sent.positive_spans.iter_mut().for_each(|span| span.offset = -3),
    ];
    for change in broken {
        let mut sent = histogram();
        change(&mut sent);
        let write = with_histogram(sent.clone());
        assert_eq!(
            write.report.refused.first().map(|refusal| refusal.reason),
            Some("invalid_histogram"),
            "{sent:?}"
        );
        assert_eq!(write.batch.series.len(), 0);
    }
}

const CUSTOM: i32 = skopos_core::histogram::CUSTOM_BUCKETS_SCHEMA;

#[test]
fn broken_bodies_are_errors() {
    assert!(matches!(
        decode(b"\xff\xff", 100),
        Err(RemoteWriteError::Compression(_))
    ));
    let body = snap::raw::Encoder::new()
        .compress_vec(b"\xff\xff\xff")
        .expect("short input");
    assert!(matches!(decode(&body, 100), Err(RemoteWriteError::Protobuf { .. })));
    assert!(matches!(
        decode(&body, 2),
        Err(RemoteWriteError::Compression(CompressionError::TooLarge {
            limit_bytes: 2
        }))
    ));
}

proptest! {
    #[test]
    fn what_prost_writes_is_read(
        names in proptest::collection::btree_set("[a-z_]{1,8}", 1..6), value in any::<f64>(), timestamp in any::<i64>(),
        is_sorted in any::<bool>(),
    ) {
        let mut labels: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "v")).chain([("__name__", "m")]).collect();
        if is_sorted {
            labels.sort_unstable();
        }
        let mut sent = series(&labels, value);
        sent.samples[0].timestamp = timestamp;
        let write = decoded(&WriteRequest { timeseries: vec![sent], metadata: Vec::new() });
        let got = &write.batch.series[0];
        prop_assert_eq!(&got.labels, &Labels::from_pairs(labels));
        prop_assert_eq!(got.samples[0].timestamp_ms, timestamp);
        // Prost leaves out a zero of either sign.
        let same = matches!(got.samples[0].value, MetricValue::Float(got) if got.to_bits() == value.to_bits() || got == value);
        prop_assert!(same);
    }

    #[test]
    fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let packed = snap::raw::Encoder::new().compress_vec(&body).expect("short input");
        let read = decode(&packed, 1 << 20).is_ok() || decode(&body, 1 << 20).is_err();
        prop_assert!(read || !body.is_empty());
    }
}
