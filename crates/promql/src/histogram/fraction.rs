//! Quantiles and fractions of native histograms.

use skopos_core::histogram::FloatHistogram;

use super::bucket::{Bucket, all_buckets};
use super::is_custom;
use crate::annotation::Annotation;

/// The value below which the fraction `q` of all observations lies.
pub(crate) fn quantile(q: f64, histogram: &FloatHistogram, metric: &str) -> (f64, Option<Annotation>) {
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if histogram.count == 0.0 || q.is_nan() {
        return (f64::NAN, None);
    }
    // NaN observations are in the count but in no bucket; only counting upwards is right then.
    let forward = histogram.sum.is_nan() || q < 0.5;
    let rank = if forward {
        q * histogram.count
    } else {
        (1.0 - q) * histogram.count
    };
    let mut buckets = all_buckets(histogram);
    if !forward {
        buckets.reverse();
    }
    let Some((bucket, mut count)) = bucket_of_rank(&buckets, rank) else {
        return (f64::NAN, None);
    };
    let bucket = adjusted_bounds(histogram, bucket);
    if is_custom(histogram) {
        if bucket.lower == f64::NEG_INFINITY {
            return (bucket.upper, None);
        }
        if bucket.upper == f64::INFINITY {
            return (bucket.lower, None);
        }
    }
    count = count.min(histogram.count);
    if count < rank {
        // Only NaN observations can lie beyond the highest bucket.
        let note = histogram
            .sum
            .is_nan()
            .then(|| Annotation::NativeQuantileNanResult(metric.to_owned()));
        return (f64::NAN, note);
    }
    let skewed = histogram
        .sum
        .is_nan()
        .then(|| Annotation::NativeQuantileNanSkew(metric.to_owned()));
    let rank_in_bucket = if forward {
        rank - (count - bucket.count)
    } else {
        count - rank
    };
    let fraction = rank_in_bucket / bucket.count;
    (interpolate(histogram, &bucket, fraction), skewed)
}

fn bucket_of_rank(buckets: &[Bucket], rank: f64) -> Option<(Bucket, f64)> {
    let mut count = 0.0;
    let mut last = None;
    for bucket in buckets {
        if bucket.count == 0.0 {
            continue;
        }
        count += bucket.count;
        last = Some(*bucket);
        if count >= rank {
            break;
        }
    }
    Some((last?, count))
}

/// A zero bucket beside buckets of one sign only, and a first custom bucket, begin or end at zero.
fn adjusted_bounds(histogram: &FloatHistogram, mut bucket: Bucket) -> Bucket {
    let (positive, negative) = (
        !histogram.positive_buckets.is_empty(),
        !histogram.negative_buckets.is_empty(),
    );
    if is_custom(histogram) {
        if bucket.lower == f64::NEG_INFINITY && bucket.upper > 0.0 {
            bucket.lower = 0.0;
        }
    } else if bucket.lower < 0.0 && bucket.upper > 0.0 {
        if positive && !negative {
            bucket.lower = 0.0;
        } else if negative && !positive {
            bucket.upper = 0.0;
        }
    }
    bucket
}

/// The value at a fraction of a bucket: linear in custom and zero buckets, else exponential.
fn interpolate(histogram: &FloatHistogram, bucket: &Bucket, fraction: f64) -> f64 {
    if is_custom(histogram) || (bucket.lower <= 0.0 && bucket.upper >= 0.0) {
        return bucket.lower + (bucket.upper - bucket.lower) * fraction;
    }
    let (lower, upper) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
    if bucket.lower > 0.0 {
        return f64::exp2(lower + (upper - lower) * fraction);
    }
    -f64::exp2(upper + (lower - upper) * (1.0 - fraction))
}

/// The fraction of all observations between two bounds.
pub(crate) fn fraction(lower: f64, upper: f64, histogram: &FloatHistogram, metric: &str) -> (f64, Option<Annotation>) {
    if histogram.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return (f64::NAN, None);
    }
    if lower >= upper {
        return (0.0, None);
    }
    let mut count = 0.0;
    let (mut lower_rank, mut upper_rank) = (None, None);
    for bucket in all_buckets(histogram) {
        let bucket = adjusted_bounds(histogram, bucket);
        for (rank, bound) in [(&mut lower_rank, lower), (&mut upper_rank, upper)] {
            if rank.is_some() {
                continue;
            }
            if bucket.lower >= bound {
                *rank = Some(count);
            } else if bucket.upper > bound {
                *rank = Some(count + bucket.count * fraction_below(histogram, &bucket, bound));
            }
        }
        count += bucket.count;
    }
    let limit = |rank: Option<f64>| rank.unwrap_or(count).min(histogram.count);
    let note = histogram
        .sum
        .is_nan()
        .then(|| Annotation::NativeFractionNan(metric.to_owned()));
    ((limit(upper_rank) - limit(lower_rank)) / histogram.count, note)
}

fn fraction_below(histogram: &FloatHistogram, bucket: &Bucket, bound: f64) -> f64 {
    if bucket.lower == f64::NEG_INFINITY {
        return if bound == f64::NEG_INFINITY { 0.0 } else { 1.0 };
    }
    if bucket.upper == f64::INFINITY {
        return 0.0;
    }
    if is_custom(histogram) || (bucket.lower <= 0.0 && bucket.upper >= 0.0) {
        return (bound - bucket.lower) / (bucket.upper - bucket.lower);
    }
    let (lower, upper) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
    let bound = bound.abs().log2();
    if bucket.lower > 0.0 {
        return (bound - lower) / (upper - lower);
    }
    1.0 - (bound - upper) / (lower - upper)
}
