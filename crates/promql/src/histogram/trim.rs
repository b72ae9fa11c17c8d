//! `</` and `>/`: the part of a histogram below or above a bound.
//!
//! Buckets on the kept side remain whole, the bucket that holds the bound is interpolated, the
//! rest goes. The sum is estimated anew from the middles of what remains.

use skopos_core::histogram::FloatHistogram;

use super::{compacted, is_custom};
use skopos_core::histogram::{Bucket, negative_buckets, positive_buckets, zero_bucket};

/// Which side of the bound remains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Below,
    Above,
}

/// How observations are taken to lie in a bucket.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Linear,
    Positive,
    Negative,
}

/// What remains of a bucket, and the value that stands for it in the sum.
#[derive(Clone, Copy)]
struct Kept {
    count: f64,
    middle: f64,
}

/// The bound and the side of it that remains.
#[derive(Clone, Copy)]
struct Cut {
    bound: f64,
    keep: Keep,
}

/// The histogram without the observations on the other side of `bound`.
pub(crate) fn trimmed(histogram: &FloatHistogram, bound: f64, keep: Keep) -> FloatHistogram {
    let cut = Cut { bound, keep };
    let shape = if is_custom(histogram) {
        Shape::Linear
    } else {
        Shape::Positive
    };
    let positive: Vec<Kept> = positive_buckets(histogram)
        .map(|bucket| cut.bucket(&bucket, shape))
        .collect();
    let negative: Vec<Kept> = negative_buckets(histogram)
        .map(|bucket| cut.bucket(&bucket, Shape::Negative))
        .collect();
    let zero = cut.zero(histogram);
    let counts = |kept: &[Kept]| kept.iter().map(|kept| kept.count).collect::<Vec<f64>>();
    let (positive_counts, negative_counts) = (counts(&positive), counts(&negative));
    let untouched = positive_counts == histogram.positive_buckets
        && negative_counts == histogram.negative_buckets
        && zero.is_none_or(|zero| zero.count == histogram.zero_count);
    if untouched {
        return histogram.clone();
    }
    let (mut count, mut sum) = (0.0, 0.0);
    for kept in positive
        .iter()
        .chain(&negative)
        .chain(&zero)
        .filter(|kept| kept.count != 0.0)
    {
        count += kept.count;
        sum += kept.middle * kept.count;
    }
    compacted(FloatHistogram {
        count,
        sum,
        zero_count: zero.map_or(histogram.zero_count, |zero| zero.count),
        positive_buckets: positive_counts,
        negative_buckets: negative_counts,
        ..histogram.clone()
    })
}

impl Cut {
    fn bucket(self, bucket: &Bucket, shape: Shape) -> Kept {
        let (whole, part) = match self.keep {
            Keep::Below => (bucket.upper <= self.bound, bucket.lower < self.bound),
            Keep::Above => (bucket.lower >= self.bound, bucket.upper > self.bound),
        };
        if whole {
            let middle = middle(bucket.lower, bucket.upper, shape);
            return Kept {
                count: bucket.count,
                middle,
            };
        }
        if !part {
            return Kept {
                count: 0.0,
                middle: 0.0,
            };
        }
        if bucket.lower.is_infinite() || bucket.upper.is_infinite() {
            return self.unbounded(bucket);
        }
        let below = split(bucket, self.bound, shape);
        match self.keep {
            Keep::Below => Kept {
                count: below,
                middle: middle(bucket.lower, self.bound, shape),
            },
            Keep::Above => Kept {
                count: bucket.count - below,
                middle: middle(self.bound, bucket.upper, shape),
            },
        }
    }

    /// A bucket without a finite bound that holds the cut. How observations lie in it is unknown;
    /// only a lowest bucket that ends above zero is taken to begin at zero.
    fn unbounded(self, bucket: &Bucket) -> Kept {
        let Bucket {
            lower, upper, count, ..
        } = *bucket;
        let bound = self.bound;
        let nothing = Kept {
            count: 0.0,
            middle: 0.0,
        };
        if lower == f64::NEG_INFINITY {
            let from_zero = bound >= 0.0 && upper > 0.0 && upper.is_finite();
            return match self.keep {
                Keep::Below if from_zero => Kept {
                    count: count * bound / upper,
                    middle: bound / 2.0,
                },
                Keep::Below if upper <= 0.0 => Kept { count, middle: bound },
                Keep::Above if from_zero => Kept {
                    count: count * (1.0 - bound / upper),
                    middle: f64::midpoint(bound, upper),
                },
                _ => nothing,
            };
        }
        match self.keep {
            Keep::Above => Kept { count, middle: bound },
            Keep::Below => nothing,
        }
    }

    /// The zero bucket, if it holds something. Beside buckets of one sign only it ends at zero.
    fn zero(self, histogram: &FloatHistogram) -> Option<Kept> {
        let bucket = zero_bucket(histogram);
        if bucket.count <= 0.0 {
            return None;
        }
        let filled = |counts: &[f64]| counts.iter().any(|count| *count != 0.0);
        let (positive, negative) = (filled(&histogram.positive_buckets), filled(&histogram.negative_buckets));
        let lower = if positive && !negative { 0.0 } else { bucket.lower };
        let upper = if negative && !positive { 0.0 } else { bucket.upper };
        let (from, to) = match self.keep {
            Keep::Below => (lower, self.bound.clamp(lower, upper)),
            Keep::Above => (self.bound.clamp(lower, upper), upper),
        };
        Some(if from == lower && to == upper {
            Kept {
                count: bucket.count,
                middle: f64::midpoint(lower, upper),
            }
        } else {
            Kept {
                count: bucket.count * (to - from) / (upper - lower),
                middle: f64::midpoint(from, to),
            }
        })
    }
}

/// The value that stands for the observations between two bounds.
fn middle(lower: f64, upper: f64, shape: Shape) -> f64 {
    if lower.is_infinite() {
        return match upper {
            upper if upper.is_infinite() => 0.0,
            upper if upper > 0.0 => upper / 2.0,
            upper => upper,
        };
    }
    if upper.is_infinite() {
        return lower;
    }
    match shape {
        Shape::Linear => f64::midpoint(lower, upper),
        Shape::Positive => (lower * upper).abs().sqrt(),
        Shape::Negative => -(lower * upper).abs().sqrt(),
    }
}

/// The count of a bucket at or below `bound`, which lies in it.
fn split(bucket: &Bucket, bound: f64, shape: Shape) -> f64 {
    let log = |value: f64| value.abs().log2();
    let fraction = match shape {
        Shape::Linear => (bound - bucket.lower) / (bucket.upper - bucket.lower),
        Shape::Positive => (log(bound) - log(bucket.lower)) / (log(bucket.upper) - log(bucket.lower)),
        Shape::Negative => 1.0 - (log(bound) - log(bucket.upper)) / (log(bucket.lower) - log(bucket.upper)),
    };
    bucket.count * fraction
}
