//! The published protobuf body against its text, histograms of all kinds, and random input.

use std::collections::BTreeMap;

use proptest::prelude::*;
use prost::Message;
use skopos_core::Labels;
use skopos_core::histogram::{CounterResetHint, Span};

use super::*;

const NATIVE: HistogramChoice = HistogramChoice {
    native: true,
    always_classic: false,
    convert: ConvertClassic::Off,
};
const BOTH: HistogramChoice = HistogramChoice {
    native: true,
    always_classic: true,
    convert: ConvertClassic::Off,
};
const CLASSIC: HistogramChoice = HistogramChoice {
    native: false,
    always_classic: false,
    convert: ConvertClassic::Off,
};

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Time {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct SentExemplar {
    #[prost(message, repeated, tag = "1")]
    label: Vec<Label>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(message, optional, tag = "3")]
    timestamp: Option<Time>,
}

#[derive(Clone, PartialEq, Message)]
struct Bucket {
    #[prost(uint64, tag = "1")]
    cumulative_count: u64,
    #[prost(double, tag = "2")]
    upper_bound: f64,
    #[prost(message, optional, tag = "3")]
    exemplar: Option<SentExemplar>,
}

#[derive(Clone, PartialEq, Message)]
struct SentSpan {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(uint64, tag = "1")]
    sample_count: u64,
    #[prost(double, tag = "2")]
    sample_sum: f64,
    #[prost(message, repeated, tag = "3")]
    bucket: Vec<Bucket>,
    #[prost(sint32, tag = "5")]
    schema: i32,
    #[prost(double, tag = "6")]
    zero_threshold: f64,
    #[prost(message, repeated, tag = "12")]
    positive_span: Vec<SentSpan>,
    #[prost(sint64, repeated, packed = "false", tag = "13")]
    positive_delta: Vec<i64>,
    #[prost(message, optional, tag = "15")]
    created_timestamp: Option<Time>,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(message, repeated, tag = "1")]
    label: Vec<Label>,
    #[prost(int64, tag = "6")]
    timestamp_ms: i64,
    #[prost(message, optional, tag = "7")]
    histogram: Option<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
struct Family {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    help: String,
    #[prost(int32, tag = "3")]
    kind: i32,
    #[prost(message, repeated, tag = "4")]
    metric: Vec<Metric>,
}

fn histogram() -> Histogram {
    Histogram {
        sample_count: 6,
        sample_sum: 9.5,
        bucket: vec![Bucket {
            cumulative_count: 4,
            upper_bound: 1.0,
            exemplar: Some(SentExemplar {
                label: vec![Label {
                    name: "trace_id".to_owned(),
                    value: "t".to_owned(),
                }],
                value: 0.5,
                timestamp: Some(Time {
                    seconds: 3,
                    nanos: 500_000_000,
                }),
            }),
        }],
        schema: 2,
        zero_threshold: 0.01,
        positive_span: vec![
            SentSpan { offset: 1, length: 2 },
            SentSpan { offset: 3, length: 0 },
            SentSpan { offset: 1, length: 1 },
        ],
        positive_delta: vec![1, 1, 1],
        created_timestamp: Some(Time { seconds: 2, nanos: 0 }),
    }
}

fn body(kind: i32, histogram: Histogram) -> Vec<u8> {
    Family {
        name: "h".to_owned(),
        help: "Help.".to_owned(),
        kind,
        metric: vec![Metric {
            label: vec![Label {
                name: "a".to_owned(),
                value: "b".to_owned(),
            }],
            timestamp_ms: 7000,
            histogram: Some(histogram),
        }],
    }
    .encode_length_delimited_to_vec()
}

struct Got {
    labels: Labels,
    value: MetricValue,
    exemplars: Vec<Exemplar>,
    created_ms: Option<i64>,
}

fn read(body: &[u8], choice: HistogramChoice) -> Result<Vec<Got>, ReadEnd<()>> {
    let mut got = Vec::new();
    read_families(body, choice, |entry| {
        if let ProtobufEntry::Sample(sample) = entry {
            let pairs = sample.labels.iter().copied().chain(sample.extra);
            got.push(Got {
                labels: pairs.chain([("__name__", sample.name)]).collect(),
                value: sample.value,
                exemplars: sample.exemplars.iter().map(|exemplar| exemplar.at(1)).collect(),
                created_ms: sample.created_ms,
            });
        }
        Ok(())
    })?;
    Ok(got)
}

#[test]
fn native_buckets_are_one_sample() {
    let got = read(&body(4, histogram()), NATIVE).expect("a good body");
    assert_eq!(got.len(), 1);
    assert_eq!(got[0].labels, Labels::from_pairs([("__name__", "h"), ("a", "b")]));
    assert_eq!(
        (got[0].created_ms, got[0].exemplars[0].timestamp_ms),
        (Some(2000), 3500)
    );
    let MetricValue::Histogram(histogram) = &got[0].value else {
        panic!("a native histogram was sent")
    };
    assert_eq!(histogram.positive_buckets, [1.0, 2.0, 3.0]);
    assert_eq!(
        histogram.positive_spans,
        [Span { offset: 1, length: 2 }, Span { offset: 4, length: 1 }],
        "the empty span is gone"
    );
    let gauge = read(&body(5, histogram_of_gauge()), NATIVE).expect("a good body");
    assert!(matches!(&gauge[0].value, MetricValue::Histogram(histogram)
        if histogram.counter_reset_hint == CounterResetHint::Gauge));
}

fn histogram_of_gauge() -> Histogram {
    Histogram {
        bucket: Vec::new(),
        ..histogram()
    }
}

#[test]
fn classic_buckets_are_many() {
    let names = |choice| -> Vec<String> {
        let got = read(&body(4, histogram()), choice).expect("a good body");
        got.iter()
            .map(|got| format!("{}{}", got.labels.metric_name(), got.labels.get("le")))
            .collect()
    };
    assert_eq!(names(CLASSIC), ["h_count", "h_sum", "h_bucket1.0", "h_bucket+Inf"]);
    assert_eq!(names(BOTH), ["h", "h_count", "h_sum", "h_bucket1.0", "h_bucket+Inf"]);
}

#[test]
fn what_contradicts_itself_is_an_error() {
    let mut broken = histogram();
    broken.positive_delta.pop();
    assert!(matches!(
        read(&body(4, broken), NATIVE),
        Err(ReadEnd::Invalid(reason)) if reason.contains("spans need 3 buckets")
    ));
    assert!(matches!(read(&body(0, histogram()), NATIVE), Err(ReadEnd::Invalid(_))));
    let good = body(4, histogram());
    assert!(matches!(
        read(&good[..good.len() - 1], NATIVE),
        Err(ReadEnd::Broken(ProtobufError::Truncated))
    ));
}

fn published() -> Vec<u8> {
    let folder = std::env::var("SKOPOS_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").to_owned());
    std::fs::read(format!("{folder}/conformance/exposition/expfmt/protobuf.delim.bin")).expect("shared test data")
}

#[test]
fn keys_are_unique_and_stable() {
    let body = published();
    let keys = || {
        let mut keys = BTreeMap::new();
        read_families(&body, CLASSIC, |entry| {
            if let ProtobufEntry::Sample(sample) = entry {
                let labels: Labels = sample.labels.iter().copied().chain(sample.extra).collect();
                let series = format!("{}{labels}", sample.name);
                assert_eq!(keys.insert(sample.key.to_vec(), series), None);
            }
            Ok::<(), ()>(())
        })
        .expect("a good body");
        keys
    };
    assert!(keys().len() > 100);
    assert_eq!(keys(), keys());
}

proptest! {
    #[test]
    fn no_bytes_panic(input in proptest::collection::vec(any::<u8>(), 0..200)) {
        for choice in [NATIVE, BOTH, CLASSIC] {
            let count = read(&input, choice).map_or(0, |got| got.len());
            prop_assert!(count <= input.len() * 4);
        }
    }

    #[test]
    fn no_mutation_panics(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut input = body(4, histogram());
        for (at, byte) in changes {
            let at = at.index(input.len());
            input[at] = byte;
        }
        for choice in [NATIVE, BOTH, CLASSIC] {
            prop_assert!(read(&input, choice).map_or(0, |got| got.len()) <= input.len());
        }
    }
}
