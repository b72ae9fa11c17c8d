//! Counter resets between histograms, and their equality.

use super::{CounterResetHint, FloatHistogram};

use super::arithmetic::{buckets_outside, common_bounds, negative, positive, rebounded, reduced, zero_count_at};
use super::{Indexed, is_custom};

/// Whether a counter was reset between `previous` and `current`.
#[must_use]
pub fn detect_reset(current: &FloatHistogram, previous: &FloatHistogram) -> bool {
    match current.counter_reset_hint {
        CounterResetHint::Reset => return true,
        CounterResetHint::NotReset => return false,
        CounterResetHint::Unknown | CounterResetHint::Gauge => {}
    }
    if current.count < previous.count || is_custom(current) != is_custom(previous) {
        return true;
    }
    if is_custom(current) {
        return custom_buckets_fall(current, previous);
    }
    if current.schema > previous.schema || current.zero_threshold < previous.zero_threshold {
        return true;
    }
    let (zero_count, threshold) = zero_count_at(previous, current.zero_threshold);
    if threshold != current.zero_threshold || current.zero_count < zero_count {
        return true;
    }
    let layout = |buckets| {
        let outside = buckets_outside(buckets, previous.schema, threshold);
        reduced(&outside, previous.schema, current.schema)
    };
    fall(&positive(current), &layout(positive(previous))) || fall(&negative(current), &layout(negative(previous)))
}

fn custom_buckets_fall(current: &FloatHistogram, previous: &FloatHistogram) -> bool {
    if current.custom_values == previous.custom_values {
        return fall(&positive(current), &positive(previous));
    }
    let bounds = common_bounds(&current.custom_values, &previous.custom_values);
    fall(&rebounded(current, &bounds), &rebounded(previous, &bounds))
}

fn fall(current: &[Indexed], previous: &[Indexed]) -> bool {
    let count_at = |index: i32| {
        let found = current.binary_search_by_key(&index, |(index, _)| *index);
        found.map_or(0.0, |at| current[at].1)
    };
    previous.iter().any(|(index, count)| count_at(*index) < *count)
}

/// Whether two histograms are the same bit for bit, reset hints aside.
pub fn equal(left: &FloatHistogram, right: &FloatHistogram) -> bool {
    let bits = |histogram: &FloatHistogram| {
        let scalars = [
            histogram.zero_threshold,
            histogram.zero_count,
            histogram.count,
            histogram.sum,
        ];
        scalars.map(f64::to_bits)
    };
    let same_counts = |left: &[f64], right: &[f64]| {
        left.len() == right.len() && left.iter().zip(right).all(|(l, r)| l.to_bits() == r.to_bits())
    };
    left.schema == right.schema
        && bits(left) == bits(right)
        && left.positive_spans == right.positive_spans
        && left.negative_spans == right.negative_spans
        && same_counts(&left.positive_buckets, &right.positive_buckets)
        && same_counts(&left.negative_buckets, &right.negative_buckets)
        && same_counts(&left.custom_values, &right.custom_values)
}
