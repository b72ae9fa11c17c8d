//! Numbers and native histograms as JSON.

use serde_json::{Value, json};
use skopos_core::histogram::{CounterResetHint, FloatHistogram, Span};

/// A float. NaN is `null`, infinities are texts.
pub(super) fn number(value: f64) -> Value {
    if value.is_infinite() {
        return Value::from(if value > 0.0 { "Infinity" } else { "-Infinity" });
    }
    // NaN is no number of JSON and becomes null.
    Value::from(value)
}

/// A native histogram, its buckets as absolute counts.
pub(super) fn histogram(histogram: &FloatHistogram) -> Value {
    json!({
        "schema": histogram.schema,
        "zero_threshold": number(histogram.zero_threshold),
        "zero_count": number(histogram.zero_count),
        "count": number(histogram.count),
        "sum": number(histogram.sum),
        "positive_spans": spans(&histogram.positive_spans),
        "positive_buckets": numbers(&histogram.positive_buckets),
        "negative_spans": spans(&histogram.negative_spans),
        "negative_buckets": numbers(&histogram.negative_buckets),
        "custom_values": numbers(&histogram.custom_values),
        "counter_reset_hint": hint(histogram.counter_reset_hint),
    })
}

fn numbers(values: &[f64]) -> Vec<Value> {
    values.iter().copied().map(number).collect()
}

fn spans(spans: &[Span]) -> Vec<Value> {
    spans.iter().map(|span| json!([span.offset, span.length])).collect()
}

/// The words of `promtool`'s series notation.
const fn hint(hint: CounterResetHint) -> &'static str {
    match hint {
        CounterResetHint::Unknown => "unknown",
        CounterResetHint::Reset => "reset",
        CounterResetHint::NotReset => "not_reset",
        CounterResetHint::Gauge => "gauge",
    }
}
