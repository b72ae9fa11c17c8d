//! Sums, differences, products; bringing two histograms to one layout.

use super::{CounterResetHint, FloatHistogram};

use super::bucket::exponential_bound;
use super::{Indexed, indexed, is_custom, spanned};

/// One histogram has exponential buckets, the other custom ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("histograms with exponential and with custom buckets do not combine")]
pub struct IncompatibleSchemas;

/// How two histograms combine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Bucket by bucket, the sum.
    Add,
    /// Bucket by bucket, the difference.
    Sub,
}

/// A sum or difference with what is to be said about it.
#[derive(Debug, Clone)]
pub struct Combined {
    pub histogram: FloatHistogram,
    /// One side was known as reset, the other as not reset.
    pub reset_collision: bool,
    /// The custom bounds differed; the common ones remain.
    pub bounds_reconciled: bool,
}

/// The histogram with everything multiplied; a negative factor makes it a gauge.
pub fn scaled(histogram: &FloatHistogram, factor: f64) -> FloatHistogram {
    map_counts(histogram, factor < 0.0, |count| count * factor)
}

/// The histogram with everything divided; division by zero removes all buckets.
pub fn divided(histogram: &FloatHistogram, divisor: f64) -> FloatHistogram {
    let mut result = map_counts(histogram, divisor < 0.0, |count| count / divisor);
    if divisor == 0.0 {
        result.positive_spans.clear();
        result.positive_buckets.clear();
        result.negative_spans.clear();
        result.negative_buckets.clear();
    }
    result
}

fn map_counts(histogram: &FloatHistogram, to_gauge: bool, map: impl Fn(f64) -> f64) -> FloatHistogram {
    let mut result = histogram.clone();
    result.zero_count = map(result.zero_count);
    result.count = map(result.count);
    result.sum = map(result.sum);
    let buckets = result.positive_buckets.iter_mut().chain(&mut result.negative_buckets);
    buckets.for_each(|count| *count = map(*count));
    if to_gauge {
        result.counter_reset_hint = CounterResetHint::Gauge;
    }
    result
}

/// `left` plus or minus `right`, in the coarser layout of both. Not compacted.
pub fn combine(
    left: &FloatHistogram,
    right: &FloatHistogram,
    operation: Operation,
) -> Result<Combined, IncompatibleSchemas> {
    let layout = common_layout(left, right)?;
    let sign = if operation == Operation::Add { 1.0 } else { -1.0 };
    let (hint, reset_collision) = combined_hint(left.counter_reset_hint, right.counter_reset_hint);
    let (left_laid, right_laid) = (layout.lay(left), layout.lay(right));
    let (positive_spans, positive_buckets) = spanned(&merge(&left_laid.positive, &right_laid.positive, sign));
    let (negative_spans, negative_buckets) = spanned(&merge(&left_laid.negative, &right_laid.negative, sign));
    let histogram = FloatHistogram {
        counter_reset_hint: hint,
        schema: layout.schema,
        zero_threshold: layout.zero_threshold,
        zero_count: left_laid.zero_count + sign * right_laid.zero_count,
        count: left.count + sign * right.count,
        sum: left.sum + sign * right.sum,
        positive_spans,
        negative_spans,
        positive_buckets,
        negative_buckets,
        custom_values: layout.custom_values,
    };
    Ok(Combined {
        histogram,
        reset_collision,
        bounds_reconciled: layout.reconciled,
    })
}

/// The sum of two histograms in the coarser layout of both.
pub fn add_histograms(left: &FloatHistogram, right: &FloatHistogram) -> Result<FloatHistogram, IncompatibleSchemas> {
    combine(left, right, Operation::Add).map(|combined| combined.histogram)
}

/// The difference of two histograms in the coarser layout of both.
pub fn subtract_histograms(
    left: &FloatHistogram,
    right: &FloatHistogram,
) -> Result<FloatHistogram, IncompatibleSchemas> {
    combine(left, right, Operation::Sub).map(|combined| combined.histogram)
}

pub(super) fn combined_hint(left: CounterResetHint, right: CounterResetHint) -> (CounterResetHint, bool) {
    use CounterResetHint::{Gauge, Unknown};
    match (left, right) {
        (left, right) if left == right => (left, false),
        (Gauge, _) | (_, Gauge) => (Gauge, false),
        (Unknown, _) | (_, Unknown) => (Unknown, false),
        _ => (Unknown, true),
    }
}

/// The form that two histograms are brought to before their buckets combine.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) schema: i32,
    pub(super) zero_threshold: f64,
    pub(super) custom_values: Vec<f64>,
    /// The custom bounds differed; the common ones remain.
    pub(super) reconciled: bool,
}

/// A histogram in a [`Layout`]: its zero bucket and its other buckets.
#[derive(Debug, Clone, Default)]
pub(super) struct Laid {
    pub(super) zero_count: f64,
    pub(super) positive: Vec<Indexed>,
    pub(super) negative: Vec<Indexed>,
}

/// The coarser layout of both.
pub(super) fn common_layout(left: &FloatHistogram, right: &FloatHistogram) -> Result<Layout, IncompatibleSchemas> {
    if is_custom(left) != is_custom(right) {
        return Err(IncompatibleSchemas);
    }
    let custom = is_custom(left);
    let reconciled = custom && left.custom_values != right.custom_values;
    Ok(Layout {
        schema: left.schema.min(right.schema),
        zero_threshold: if custom { 0.0 } else { common_threshold(left, right) },
        custom_values: if reconciled {
            common_bounds(&left.custom_values, &right.custom_values)
        } else {
            left.custom_values.clone()
        },
        reconciled,
    })
}

impl Layout {
    pub(super) fn lay(&self, histogram: &FloatHistogram) -> Laid {
        if is_custom(histogram) {
            let positive = if histogram.custom_values == self.custom_values {
                positive(histogram)
            } else {
                rebounded(histogram, &self.custom_values)
            };
            return Laid {
                positive,
                ..Laid::default()
            };
        }
        let fit = |buckets: Vec<Indexed>| {
            if histogram.schema == self.schema && histogram.zero_threshold == self.zero_threshold {
                return buckets;
            }
            let outside = buckets_outside(buckets, histogram.schema, self.zero_threshold);
            reduced(&outside, histogram.schema, self.schema)
        };
        Laid {
            zero_count: zero_count_at(histogram, self.zero_threshold).0,
            positive: fit(positive(histogram)),
            negative: fit(negative(histogram)),
        }
    }
}

pub(super) fn positive(histogram: &FloatHistogram) -> Vec<Indexed> {
    indexed(&histogram.positive_spans, &histogram.positive_buckets)
}

pub(super) fn negative(histogram: &FloatHistogram) -> Vec<Indexed> {
    indexed(&histogram.negative_spans, &histogram.negative_buckets)
}

/// A histogram in a coarser schema.
pub fn to_schema(histogram: &FloatHistogram, schema: i32) -> FloatHistogram {
    let mut result = histogram.clone();
    if is_custom(histogram) || schema >= histogram.schema {
        return result;
    }
    result.schema = schema;
    let buckets = reduced(&positive(histogram), histogram.schema, schema);
    (result.positive_spans, result.positive_buckets) = spanned(&buckets);
    let buckets = reduced(&negative(histogram), histogram.schema, schema);
    (result.negative_spans, result.negative_buckets) = spanned(&buckets);
    result
}

/// Buckets of one schema in a coarser one.
pub(super) fn reduced(buckets: &[Indexed], from: i32, to: i32) -> Vec<Indexed> {
    let shift = from - to;
    if shift <= 0 {
        return buckets.to_vec();
    }
    let mut result: Vec<Indexed> = Vec::with_capacity(buckets.len());
    for (index, count) in buckets {
        let index = ((index - 1) >> shift) + 1;
        match result.last_mut() {
            Some(last) if last.0 == index => last.1 += count,
            _ => result.push((index, *count)),
        }
    }
    result
}

fn merge(left: &[Indexed], right: &[Indexed], sign: f64) -> Vec<Indexed> {
    let mut merged = Vec::with_capacity(left.len().max(right.len()));
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    loop {
        match (left.peek(), right.peek()) {
            (Some(l), Some(r)) if l.0 == r.0 => {
                merged.push((l.0, l.1 + sign * r.1));
                left.next();
                right.next();
            }
            (Some(l), Some(r)) if l.0 < r.0 => {
                merged.push(**l);
                left.next();
            }
            (Some(l), None) => {
                merged.push(**l);
                left.next();
            }
            (_, Some(r)) => {
                merged.push((r.0, sign * r.1));
                right.next();
            }
            (None, None) => return merged,
        }
    }
}

/// The smallest threshold that splits no populated bucket of either histogram.
fn common_threshold(left: &FloatHistogram, right: &FloatHistogram) -> f64 {
    let mut threshold = left.zero_threshold.max(right.zero_threshold);
    loop {
        let widened = zero_count_at(right, zero_count_at(left, threshold).1).1;
        if widened <= threshold {
            return threshold;
        }
        threshold = widened;
    }
}

/// The count of a zero bucket widened to `threshold`, and the threshold that is needed so that no
/// populated bucket is split.
pub(super) fn zero_count_at(histogram: &FloatHistogram, threshold: f64) -> (f64, f64) {
    if histogram.zero_threshold >= threshold {
        return (histogram.zero_count, histogram.zero_threshold.max(threshold));
    }
    let mut needed = threshold;
    let both = [positive(histogram), negative(histogram)];
    loop {
        let before = needed;
        let mut count = histogram.zero_count;
        for (index, bucket_count) in both.iter().flatten() {
            if exponential_bound(index - 1, histogram.schema) >= needed {
                continue;
            }
            count += bucket_count;
            let upper = exponential_bound(*index, histogram.schema);
            if upper > needed && *bucket_count != 0.0 {
                needed = upper;
            }
        }
        if needed == before {
            return (count, needed);
        }
    }
}

/// The buckets that do not lie within the zero bucket.
pub(super) fn buckets_outside(mut buckets: Vec<Indexed>, schema: i32, threshold: f64) -> Vec<Indexed> {
    buckets.retain(|(index, _)| exponential_bound(index - 1, schema) >= threshold);
    buckets
}

/// The bounds that both lists have.
pub(super) fn common_bounds(left: &[f64], right: &[f64]) -> Vec<f64> {
    left.iter().copied().filter(|bound| right.contains(bound)).collect()
}

/// Custom buckets folded into a subset of their bounds.
pub(super) fn rebounded(histogram: &FloatHistogram, bounds: &[f64]) -> Vec<Indexed> {
    let mut result: Vec<Indexed> = Vec::new();
    for (index, count) in positive(histogram) {
        let upper = usize::try_from(index)
            .ok()
            .and_then(|index| histogram.custom_values.get(index).copied())
            .unwrap_or(f64::INFINITY);
        let target = bounds.partition_point(|bound| *bound < upper) as i32;
        match result.last_mut() {
            Some(last) if last.0 == target => last.1 += count,
            _ => result.push((target, count)),
        }
    }
    result
}
