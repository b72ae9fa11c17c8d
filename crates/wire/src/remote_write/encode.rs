//! Series on their way out: the bodies of writes of version 1.0 and 2.0, before compression.

use std::collections::HashMap;
use std::sync::Arc;

use skopos_core::Labels;
use skopos_core::histogram::{CounterResetHint, FloatHistogram, Span};
use skopos_core::metric::{Exemplar, MetricMetadata, MetricType};

use crate::protobuf::MessageWriter;

/// One item of a series.
#[derive(Debug, Clone, PartialEq)]
pub enum OutgoingValue {
    /// A float sample, the staleness marker included.
    Float {
        /// Milliseconds since the Unix epoch.
        timestamp_ms: i64,
        /// The value.
        value: f64,
    },
    /// A native histogram.
    Histogram {
        /// Milliseconds since the Unix epoch.
        timestamp_ms: i64,
        /// The histogram.
        histogram: Arc<FloatHistogram>,
    },
    /// An exemplar.
    Exemplar(Exemplar),
}

/// An item with its series.
#[derive(Debug, Clone, PartialEq)]
pub struct OutgoingItem {
    /// The series.
    pub labels: Labels,
    /// When the counting behind a sample began, in milliseconds since the Unix epoch; 0 where unknown.
    pub start_ms: i64,
    /// What is known of the metric's family; version 2.0 sends it along.
    pub metadata: Option<Arc<MetricMetadata>>,
    /// The item.
    pub value: OutgoingValue,
}

/// `prometheus.WriteRequest` with these items. Items of one series that follow one another share
/// its labels; the order stays.
pub fn encode_v1<'a>(items: impl IntoIterator<Item = &'a OutgoingItem>) -> Vec<u8> {
    let mut out = MessageWriter::default();
    for run in runs(items) {
        out.message(1, |series| {
            write_labels(series, 1, run.labels);
            for item in &run.items {
                match &item.value {
                    OutgoingValue::Float { timestamp_ms, value } => {
                        series.message(2, |out| write_sample(out, *timestamp_ms, *value, 0));
                    }
                    OutgoingValue::Exemplar(exemplar) => series.message(3, |out| {
                        write_labels(out, 1, &exemplar.labels);
                        out.double(2, exemplar.value);
                        out.int(3, exemplar.timestamp_ms);
                    }),
                    OutgoingValue::Histogram {
                        timestamp_ms,
                        histogram,
                    } => series.message(4, |out| write_histogram(out, histogram, *timestamp_ms, 0)),
                }
            }
        });
    }
    out.into_bytes()
}

/// `prometheus.WriteRequest` with metadata alone.
pub fn encode_metadata<'a>(entries: impl IntoIterator<Item = &'a MetricMetadata>) -> Vec<u8> {
    let mut out = MessageWriter::default();
    for entry in entries {
        out.message(3, |out| {
            out.uint(1, type_number(entry.metric_type));
            out.text(2, &entry.metric);
            out.text(4, &entry.help);
            out.text(5, &entry.unit);
        });
    }
    out.into_bytes()
}

/// `io.prometheus.write.v2.Request` with these items.
pub fn encode_v2<'a>(items: impl IntoIterator<Item = &'a OutgoingItem>) -> Vec<u8> {
    let mut symbols = Symbols::default();
    let mut series_out = MessageWriter::default();
    for run in runs(items) {
        series_out.message(5, |series| write_series_v2(series, &run, &mut symbols));
    }
    let mut out = MessageWriter::default();
    out.element(4, "");
    for text in &symbols.texts {
        out.element(4, text);
    }
    let mut bytes = out.into_bytes();
    bytes.extend_from_slice(series_out.as_bytes());
    bytes
}

fn write_series_v2<'a>(series: &mut MessageWriter, run: &Run<'a>, symbols: &mut Symbols<'a>) {
    series.uints(1, symbols.pairs(run.labels));
    for item in &run.items {
        match &item.value {
            OutgoingValue::Float { timestamp_ms, value } => {
                series.message(2, |out| write_sample(out, *timestamp_ms, *value, item.start_ms));
            }
            OutgoingValue::Histogram {
                timestamp_ms,
                histogram,
            } => series.message(3, |out| {
                write_histogram(out, histogram, *timestamp_ms, item.start_ms);
            }),
            OutgoingValue::Exemplar(exemplar) => {
                let pairs = symbols.pairs(&exemplar.labels);
                series.message(4, |out| {
                    out.uints(1, pairs);
                    out.double(2, exemplar.value);
                    out.int(3, exemplar.timestamp_ms);
                });
            }
        }
    }
    if let Some(metadata) = run.items.iter().find_map(|item| item.metadata.as_deref()) {
        let (help, unit) = (symbols.number(&metadata.help), symbols.number(&metadata.unit));
        series.message(5, |out| {
            out.uint(1, type_number(metadata.metric_type));
            out.uint(3, help);
            out.uint(4, unit);
        });
    }
}

/// Items of one series that follow one another.
struct Run<'a> {
    labels: &'a Labels,
    items: Vec<&'a OutgoingItem>,
}

fn runs<'a>(items: impl IntoIterator<Item = &'a OutgoingItem>) -> Vec<Run<'a>> {
    let mut runs: Vec<Run<'a>> = Vec::new();
    for item in items {
        match runs.last_mut() {
            Some(run) if *run.labels == item.labels => run.items.push(item),
            _ => runs.push(Run {
                labels: &item.labels,
                items: vec![item],
            }),
        }
    }
    runs
}

/// The table of texts; number 0 is the empty one.
#[derive(Default)]
struct Symbols<'a> {
    numbers: HashMap<&'a str, u64>,
    texts: Vec<&'a str>,
}

impl<'a> Symbols<'a> {
    fn number(&mut self, text: &'a str) -> u64 {
        if text.is_empty() {
            return 0;
        }
        let next = self.texts.len() as u64 + 1;
        let number = *self.numbers.entry(text).or_insert(next);
        if number == next {
            self.texts.push(text);
        }
        number
    }

    fn pairs(&mut self, labels: &'a Labels) -> Vec<u64> {
        let mut numbers = Vec::with_capacity(16);
        for (name, value) in labels {
            numbers.push(self.number(name));
            numbers.push(self.number(value));
        }
        numbers
    }
}

fn write_labels(out: &mut MessageWriter, number: u32, labels: &Labels) {
    for (name, value) in labels {
        out.message(number, |out| {
            out.text(1, name);
            out.text(2, value);
        });
    }
}

fn write_sample(out: &mut MessageWriter, timestamp_ms: i64, value: f64, start_ms: i64) {
    out.double(1, value);
    out.int(2, timestamp_ms);
    out.int(3, start_ms);
}

/// Of float counts, as they are stored.
fn write_histogram(out: &mut MessageWriter, histogram: &FloatHistogram, timestamp_ms: i64, start_ms: i64) {
    out.some_double(2, histogram.count);
    out.double(3, histogram.sum);
    out.sint(4, i64::from(histogram.schema));
    out.double(5, histogram.zero_threshold);
    out.some_double(7, histogram.zero_count);
    write_spans(out, 8, &histogram.negative_spans);
    out.doubles(10, &histogram.negative_buckets);
    write_spans(out, 11, &histogram.positive_spans);
    out.doubles(13, &histogram.positive_buckets);
    out.uint(14, hint_number(histogram.counter_reset_hint));
    out.int(15, timestamp_ms);
    out.doubles(16, &histogram.custom_values);
    out.int(17, start_ms);
}

fn write_spans(out: &mut MessageWriter, number: u32, spans: &[Span]) {
    for span in spans {
        out.message(number, |out| {
            out.sint(1, i64::from(span.offset));
            out.uint(2, u64::from(span.length));
        });
    }
}

/// The number of a hint in both versions, and in remote read.
pub(crate) const fn hint_number(hint: CounterResetHint) -> u64 {
    match hint {
        CounterResetHint::Unknown => 0,
        CounterResetHint::Reset => 1,
        CounterResetHint::NotReset => 2,
        CounterResetHint::Gauge => 3,
    }
}

const fn type_number(metric_type: MetricType) -> u64 {
    match metric_type {
        MetricType::Unknown => 0,
        MetricType::Counter => 1,
        MetricType::Gauge => 2,
        MetricType::Histogram => 3,
        MetricType::GaugeHistogram => 4,
        MetricType::Summary => 5,
        MetricType::Info => 6,
        MetricType::StateSet => 7,
    }
}

#[cfg(test)]
mod tests;
