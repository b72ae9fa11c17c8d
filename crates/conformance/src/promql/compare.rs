//! Equality of values as Prometheus' runner has it.

use skopos_core::histogram::{CounterResetHint, FloatHistogram, Span};
use skopos_core::metric::MetricValue;
use skopos_core::sample::is_stale;

const EPSILON: f64 = 1e-6;

/// Whether two floats are the same up to a relative difference of one in a million.
pub(super) fn same_floats(a: f64, b: f64) -> bool {
    if is_stale(a) || is_stale(b) {
        return is_stale(a) && is_stale(b);
    }
    if a.is_nan() || b.is_nan() {
        return a.is_nan() && b.is_nan();
    }
    if a.to_bits() == b.to_bits() || a == b {
        return true;
    }
    let sum = a.abs() + b.abs();
    let difference = (a - b).abs();
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < EPSILON * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < EPSILON
}

/// Whether a value is as expected.
pub(super) fn same_values(expected: &MetricValue, got: &MetricValue) -> bool {
    match (expected, got) {
        (MetricValue::Float(expected), MetricValue::Float(got)) => same_floats(*expected, *got),
        (MetricValue::Histogram(expected), MetricValue::Histogram(got)) => same_histograms(expected, got),
        _ => false,
    }
}

fn same_histograms(expected: &FloatHistogram, got: &FloatHistogram) -> bool {
    let same_hint = expected.counter_reset_hint == CounterResetHint::Unknown
        || expected.counter_reset_hint == got.counter_reset_hint;
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    same_hint
        && expected.schema == got.schema
        && expected.zero_threshold.to_bits() == got.zero_threshold.to_bits()
        && bits(&expected.custom_values) == bits(&got.custom_values)
        && same_floats(expected.count, got.count)
        && same_floats(expected.sum, got.sum)
        && same_floats(expected.zero_count, got.zero_count)
        && same_buckets(&positive(expected), &positive(got))
        && same_buckets(&negative(expected), &negative(got))
}

/// Index and count of a bucket that is not empty.
type Bucket = (i32, f64);

fn same_buckets(expected: &[Bucket], got: &[Bucket]) -> bool {
    let same = |(expected, got): (&Bucket, &Bucket)| expected.0 == got.0 && same_floats(expected.1, got.1);
    expected.len() == got.len() && expected.iter().zip(got).all(same)
}

fn positive(histogram: &FloatHistogram) -> Vec<Bucket> {
    buckets(&histogram.positive_spans, &histogram.positive_buckets)
}

fn negative(histogram: &FloatHistogram) -> Vec<Bucket> {
    buckets(&histogram.negative_spans, &histogram.negative_buckets)
}

fn buckets(spans: &[Span], counts: &[f64]) -> Vec<Bucket> {
    let mut buckets = Vec::new();
    let mut counts = counts.iter();
    let mut next = 0;
    for span in spans {
        next += span.offset;
        for count in counts.by_ref().take(span.length as usize) {
            buckets.push((next, *count));
            next += 1;
        }
    }
    buckets.retain(|(_, count)| *count != 0.0);
    buckets
}
