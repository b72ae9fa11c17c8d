//! The protobuf exposition format, written: length-delimited `io.prometheus.client.MetricFamily`
//! messages with untyped samples and native histograms of float counts.

use prost::Message;
use skopos_core::Labels;
use skopos_core::histogram::{CUSTOM_BUCKETS_SCHEMA, CounterResetHint, FloatHistogram, Span};

/// The media type of the format.
pub const DELIMITED_CONTENT_TYPE: &str = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=allow-utf-8";

const UNTYPED: i32 = 3;
const HISTOGRAM: i32 = 4;
const GAUGE_HISTOGRAM: i32 = 5;

/// What a sample holds.
#[derive(Debug, Clone, Copy)]
pub enum FamilyValue<'a> {
    /// A float.
    Untyped(f64),
    /// A native histogram.
    Histogram(&'a FloatHistogram),
}

/// Writes families one after the other. Samples of a family must come together.
#[derive(Debug, Default)]
pub struct FamilyWriter {
    out: Vec<u8>,
    family: Option<Family>,
}

impl FamilyWriter {
    /// Appends a sample of the metric `name`; its labels are those of the series without the name.
    /// Histograms with custom buckets have no place in the format and are left out; false then.
    pub fn sample(&mut self, name: &str, labels: &Labels, value: FamilyValue<'_>, timestamp_ms: i64) -> bool {
        let (kind, untyped, histogram) = match value {
            FamilyValue::Untyped(value) => (UNTYPED, Some(Untyped { value }), None),
            FamilyValue::Histogram(histogram) if histogram.schema == CUSTOM_BUCKETS_SCHEMA => return false,
            FamilyValue::Histogram(histogram) => {
                let is_gauge = histogram.counter_reset_hint == CounterResetHint::Gauge;
                let kind = if is_gauge { GAUGE_HISTOGRAM } else { HISTOGRAM };
                (kind, None, Some(message(histogram)))
            }
        };
        let is_same = |family: &Family| family.name == name && family.kind == kind;
        if !self.family.as_ref().is_some_and(is_same) {
            self.close();
        }
        let family = self.family.get_or_insert_with(|| Family {
            name: name.to_owned(),
            kind,
            metrics: Vec::new(),
        });
        let own = labels
            .iter()
            .filter(|(label, _)| *label != skopos_core::labels::METRIC_NAME);
        family.metrics.push(Metric {
            labels: own
                .map(|(name, value)| LabelPair {
                    name: name.to_owned(),
                    value: value.to_owned(),
                })
                .collect(),
            untyped,
            timestamp_ms,
            histogram,
        });
        true
    }

    /// All that was written.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.close();
        self.out
    }

    fn close(&mut self) {
        if let Some(family) = self.family.take() {
            self.out.extend_from_slice(&family.encode_length_delimited_to_vec());
        }
    }
}

fn message(histogram: &FloatHistogram) -> Histogram {
    let spans = |spans: &[Span]| {
        let spans = spans.iter().map(|span| BucketSpan {
            offset: span.offset,
            length: span.length,
        });
        spans.collect()
    };
    Histogram {
        sum: histogram.sum,
        count: histogram.count,
        schema: histogram.schema,
        zero_threshold: histogram.zero_threshold,
        zero_count: histogram.zero_count,
        negative_spans: spans(&histogram.negative_spans),
        negative_counts: histogram.negative_buckets.clone(),
        positive_spans: spans(&histogram.positive_spans),
        positive_counts: histogram.positive_buckets.clone(),
    }
}

#[derive(Clone, PartialEq, Message)]
struct Family {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int32, tag = "3")]
    kind: i32,
    #[prost(message, repeated, tag = "4")]
    metrics: Vec<Metric>,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<LabelPair>,
    #[prost(message, optional, tag = "5")]
    untyped: Option<Untyped>,
    #[prost(int64, tag = "6")]
    timestamp_ms: i64,
    #[prost(message, optional, tag = "7")]
    histogram: Option<Histogram>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct LabelPair {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Untyped {
    #[prost(double, tag = "1")]
    value: f64,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(double, tag = "2")]
    sum: f64,
    #[prost(double, tag = "4")]
    count: f64,
    #[prost(sint32, tag = "5")]
    schema: i32,
    #[prost(double, tag = "6")]
    zero_threshold: f64,
    #[prost(double, tag = "8")]
    zero_count: f64,
    #[prost(message, repeated, tag = "9")]
    negative_spans: Vec<BucketSpan>,
    #[prost(double, repeated, tag = "11")]
    negative_counts: Vec<f64>,
    #[prost(message, repeated, tag = "12")]
    positive_spans: Vec<BucketSpan>,
    #[prost(double, repeated, tag = "14")]
    positive_counts: Vec<f64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct BucketSpan {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}
