//! Bounds of buckets, and all buckets of a histogram in rising order.

use super::FloatHistogram;

use super::{indexed, is_custom};

/// A bucket with its bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Lower bound.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
    /// Whether observations at the lower bound belong to it.
    pub lower_inclusive: bool,
    /// Whether observations at the upper bound belong to it.
    pub upper_inclusive: bool,
    /// Observations.
    pub count: f64,
}

/// The upper bound of bucket `index` among exponential buckets.
pub(crate) fn exponential_bound(index: i32, schema: i32) -> f64 {
    // The bucket for infinite observations begins at the largest finite float.
    const OVERFLOW: i64 = 1024;
    let (whole, fraction) = if schema < 0 {
        (i64::from(index) << schema.unsigned_abs().min(32), 0.0)
    } else {
        let parts = 1i64 << schema.min(32);
        let index = i64::from(index);
        (index.div_euclid(parts), index.rem_euclid(parts) as f64 / parts as f64)
    };
    if whole == OVERFLOW && fraction == 0.0 {
        return f64::MAX;
    }
    f64::exp2(fraction) * f64::exp2(whole as f64)
}

/// Lower and upper bound of positive bucket `index`.
fn bounds(histogram: &FloatHistogram, index: i32) -> (f64, f64) {
    if is_custom(histogram) {
        let bound = |at: i32| {
            usize::try_from(at)
                .ok()
                .and_then(|at| histogram.custom_values.get(at).copied())
        };
        let lower = bound(index - 1).unwrap_or(f64::NEG_INFINITY);
        return (lower, bound(index).unwrap_or(f64::INFINITY));
    }
    (
        exponential_bound(index - 1, histogram.schema),
        exponential_bound(index, histogram.schema),
    )
}

/// Buckets of positive observations, in rising order.
pub fn positive_buckets(histogram: &FloatHistogram) -> impl Iterator<Item = Bucket> + '_ {
    let buckets = indexed(&histogram.positive_spans, &histogram.positive_buckets);
    let custom = is_custom(histogram);
    buckets.into_iter().map(move |(index, count)| {
        let (lower, upper) = bounds(histogram, index);
        Bucket {
            lower,
            upper,
            lower_inclusive: if custom { index == 0 } else { lower < 0.0 },
            upper_inclusive: custom || upper > 0.0,
            count,
        }
    })
}

/// Negative buckets from zero downwards.
pub fn negative_buckets(histogram: &FloatHistogram) -> impl Iterator<Item = Bucket> + '_ {
    let buckets = indexed(&histogram.negative_spans, &histogram.negative_buckets);
    buckets.into_iter().map(|(index, count)| {
        let (lower, upper) = bounds(histogram, index);
        Bucket {
            lower: -upper,
            upper: -lower,
            lower_inclusive: true,
            upper_inclusive: false,
            count,
        }
    })
}

/// The bucket around zero.
pub fn zero_bucket(histogram: &FloatHistogram) -> Bucket {
    Bucket {
        lower: -histogram.zero_threshold,
        upper: histogram.zero_threshold,
        lower_inclusive: true,
        upper_inclusive: true,
        count: histogram.zero_count,
    }
}

/// All buckets in rising order; the zero bucket only if it holds something.
pub fn all_buckets(histogram: &FloatHistogram) -> Vec<Bucket> {
    let mut all: Vec<Bucket> = negative_buckets(histogram).collect();
    all.reverse();
    if histogram.zero_count > 0.0 {
        all.push(zero_bucket(histogram));
    }
    all.extend(positive_buckets(histogram));
    all
}
