//! Native histograms of remote write in our shape, checked.

use skopos_core::histogram::{CounterResetHint, FloatHistogram, Span, absolute_counts};

use super::proto::{BucketSpan, HistogramMessage};
use crate::histogram::checked;

pub(crate) fn float_histogram(sent: HistogramMessage) -> Result<FloatHistogram, String> {
    let is_float = sent.count_float.is_some();
    let counts = |floats: Vec<f64>, deltas: &[i64]| {
        if is_float {
            floats
        } else {
            absolute_counts(deltas.iter().copied())
        }
    };
    let histogram = FloatHistogram {
        counter_reset_hint: reset_hint(sent.reset_hint),
        schema: sent.schema,
        zero_threshold: sent.zero_threshold,
        zero_count: sent
            .zero_count_float
            .or(sent.zero_count_int.map(|count| count as f64))
            .unwrap_or(0.0),
        count: sent
            .count_float
            .or(sent.count_int.map(|count| count as f64))
            .unwrap_or(0.0),
        sum: sent.sum,
        positive_buckets: counts(sent.positive_counts, &sent.positive_deltas),
        negative_buckets: counts(sent.negative_counts, &sent.negative_deltas),
        positive_spans: spans(&sent.positive_spans),
        negative_spans: spans(&sent.negative_spans),
        custom_values: sent.custom_values,
    };
    checked(histogram)
}

fn spans(sent: &[BucketSpan]) -> Vec<Span> {
    let spans = sent.iter().map(|span| Span {
        offset: span.offset,
        length: span.length,
    });
    spans.collect()
}

const fn reset_hint(number: i32) -> CounterResetHint {
    match number {
        1 => CounterResetHint::Reset,
        2 => CounterResetHint::NotReset,
        3 => CounterResetHint::Gauge,
        _ => CounterResetHint::Unknown,
    }
}
