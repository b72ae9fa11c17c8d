//! `</` and `>/`: the part of a histogram below or above a bound.

use skopos_core::histogram::FloatHistogram;

use super::bucket::{Bucket, negative_buckets, positive_buckets, zero_bucket};
use super::{compacted, is_custom};

/// Which side of the bound remains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Below,
    Above,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Custom,
    Positive,
    Negative,
}

#[derive(Default)]
struct Tally {
    kept: f64,
    removed_sum: f64,
    has_positive: bool,
    has_negative: bool,
}

/// The histogram without the observations on the other side of `bound`. Counts in the bucket that
/// holds the bound are interpolated; the sum is corrected by estimated means of what is removed.
pub(crate) fn trimmed(histogram: &FloatHistogram, bound: f64, keep: Keep) -> FloatHistogram {
    let mut result = histogram.clone();
    let mut tally = Tally::default();
    let shape = if is_custom(histogram) {
        Shape::Custom
    } else {
        Shape::Positive
    };
    result.positive_buckets = positive_buckets(histogram)
        .map(|bucket| tally.trim(&bucket, bound, keep, shape))
        .collect();
    result.negative_buckets = negative_buckets(histogram)
        .map(|bucket| tally.trim(&bucket, bound, keep, Shape::Negative))
        .collect();
    if histogram.zero_count > 0.0 {
        let below = split(&zero_bucket(histogram), bound, Shape::Custom);
        result.zero_count = if keep == Keep::Below {
            below
        } else {
            histogram.zero_count - below
        };
        tally.kept += result.zero_count;
    }
    result.count = tally.kept;
    result.sum = tally.sum(histogram.sum);
    compacted(result)
}

impl Tally {
    fn trim(&mut self, bucket: &Bucket, bound: f64, keep: Keep, shape: Shape) -> f64 {
        if bucket.count == 0.0 {
            return 0.0;
        }
        match shape {
            Shape::Positive => self.has_positive = true,
            Shape::Negative => self.has_negative = true,
            Shape::Custom => {
                self.has_negative |= bucket.upper <= 0.0 || bucket.lower < 0.0;
                self.has_positive |= bucket.upper > 0.0;
            }
        }
        let (kept, midpoint) = trim_bucket(bucket, bound, keep, shape);
        let (whole, part) = match keep {
            Keep::Below => (bucket.upper <= bound, bucket.lower < bound),
            Keep::Above => (bucket.lower >= bound, bucket.upper > bound),
        };
        if whole {
            self.kept += bucket.count;
            return bucket.count;
        }
        if part {
            self.removed_sum += (bucket.count - kept) * midpoint;
            self.kept += kept;
            return kept;
        }
        let mean = match shape {
            Shape::Custom => midpoint,
            _ => (bucket.lower * bucket.upper).sqrt(),
        };
        self.removed_sum += bucket.count * mean;
        0.0
    }

    fn sum(&self, sum: f64) -> f64 {
        if self.kept == 0.0 {
            return 0.0;
        }
        let rest = sum - self.removed_sum;
        let impossible = (!self.has_negative && rest < 0.0) || (!self.has_positive && rest > 0.0);
        if impossible { 0.0 } else { rest }
    }
}

/// What remains of a bucket, and the estimated mean of what is removed.
fn trim_bucket(bucket: &Bucket, bound: f64, keep: Keep, shape: Shape) -> (f64, f64) {
    if bucket.lower.is_infinite() || bucket.upper.is_infinite() {
        return trim_infinite(bucket, bound, keep);
    }
    let below = split(bucket, bound, shape);
    let (kept, product) = match keep {
        Keep::Below => (below, bucket.lower.abs() * bound.abs()),
        Keep::Above => (bucket.count - below, bound.abs() * bucket.upper.abs()),
    };
    let midpoint = match shape {
        Shape::Custom => f64::midpoint(bucket.lower, bucket.upper),
        Shape::Positive => product.sqrt(),
        Shape::Negative => -product.sqrt(),
    };
    (kept, midpoint)
}

/// Buckets without a finite bound are removed whole where the bound lies in them, except that the
/// lowest custom bucket is taken to begin at zero where its upper bound is positive.
fn trim_infinite(bucket: &Bucket, bound: f64, keep: Keep) -> (f64, f64) {
    let Bucket {
        lower, upper, count, ..
    } = *bucket;
    if lower == f64::NEG_INFINITY {
        let from_zero = bound >= 0.0 && upper > bound && upper.is_finite();
        return match keep {
            Keep::Below if bound >= upper => (count, 0.0),
            Keep::Below if from_zero => (count * bound / upper, f64::midpoint(bound, upper)),
            Keep::Above if bound <= lower => (count, 0.0),
            Keep::Above if from_zero => (count * (1.0 - bound / upper), bound / 2.0),
            _ => (0.0, upper),
        };
    }
    match keep {
        Keep::Above if bound <= lower => (count, 0.0),
        _ => (0.0, lower),
    }
}

/// The count of a bucket at or below `bound`.
fn split(bucket: &Bucket, bound: f64, shape: Shape) -> f64 {
    if bound <= bucket.lower {
        return 0.0;
    }
    if bound >= bucket.upper {
        return bucket.count;
    }
    let logs = || (bucket.lower.abs().log2(), bucket.upper.abs().log2(), bound.abs().log2());
    let fraction = match shape {
        Shape::Custom => (bound - bucket.lower) / (bucket.upper - bucket.lower),
        Shape::Positive => {
            let (lower, upper, bound) = logs();
            (bound - lower) / (upper - lower)
        }
        Shape::Negative => {
            let (lower, upper, bound) = logs();
            1.0 - (bound - upper) / (lower - upper)
        }
    };
    bucket.count * fraction
}
