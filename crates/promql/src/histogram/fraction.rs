//! Quantiles and fractions of native histograms.
//!
//! Observations that are NaN are in the count but in no bucket; they make the sum NaN.

use skopos_core::histogram::FloatHistogram;

use super::is_custom;
use crate::annotation::Annotation;
use skopos_core::histogram::{Bucket, all_buckets};

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
    let may_have_nan = histogram.sum.is_nan();
    // Only counting upwards is right beside NaN observations.
    let forward = may_have_nan || q < 0.5;
    let rank = if forward {
        q * histogram.count
    } else {
        (1.0 - q) * histogram.count
    };
    let mut buckets = all_buckets(histogram);
    if !forward {
        buckets.reverse();
    }
    let (bucket, mut count) = bucket_of_rank(&buckets, rank);
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
        if may_have_nan {
            return (f64::NAN, Some(Annotation::NativeQuantileNanResult(metric.to_owned())));
        }
        return (bucket.upper, None);
    }
    let all: f64 = buckets.iter().map(|bucket| bucket.count).sum();
    let skewed = may_have_nan && all < histogram.count;
    let note = skewed.then(|| Annotation::NativeQuantileNanSkew(metric.to_owned()));
    let rank_in_bucket = if forward {
        rank - (count - bucket.count)
    } else {
        count - rank
    };
    let fraction = rank_in_bucket / bucket.count;
    (interpolate(histogram, &bucket, fraction), note)
}

/// The bucket that a rank falls in and the count up to its end; else the last bucket.
fn bucket_of_rank(buckets: &[Bucket], rank: f64) -> (Bucket, f64) {
    let mut count = 0.0;
    let mut last = Bucket {
        lower: 0.0,
        upper: 0.0,
        lower_inclusive: false,
        upper_inclusive: false,
        count: 0.0,
    };
    for bucket in buckets {
        last = *bucket;
        if bucket.count == 0.0 {
            continue;
        }
        count += bucket.count;
        if count >= rank {
            break;
        }
    }
    (last, count)
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
    let buckets = all_buckets(histogram);
    let mut limit = histogram.count;
    let mut note = None;
    if histogram.sum.is_nan() {
        limit = buckets.iter().map(|bucket| bucket.count).sum();
        note = (limit < histogram.count).then(|| Annotation::NativeFractionNan(metric.to_owned()));
    }
    let rank = |bound: f64| rank_of(histogram, &buckets, bound).min(limit);
    ((rank(upper) - rank(lower)) / histogram.count, note)
}

/// The count of observations up to `bound`.
fn rank_of(histogram: &FloatHistogram, buckets: &[Bucket], bound: f64) -> f64 {
    let mut below = 0.0;
    for bucket in buckets {
        let is_linear = is_custom(histogram) || (bucket.lower <= 0.0 && bucket.upper >= 0.0);
        let bucket = adjusted_bounds(histogram, *bucket);
        if bucket.lower >= bound {
            return below;
        }
        if bucket.upper > bound {
            return below + bucket.count * fraction_below(&bucket, bound, is_linear);
        }
        below += bucket.count;
    }
    f64::INFINITY
}

fn fraction_below(bucket: &Bucket, bound: f64, is_linear: bool) -> f64 {
    if bucket.lower == f64::NEG_INFINITY {
        return 1.0;
    }
    if bucket.upper == f64::INFINITY {
        return 0.0;
    }
    if is_linear {
        return (bound - bucket.lower) / (bucket.upper - bucket.lower);
    }
    let (lower, upper) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
    let bound_log = bound.abs().log2();
    if bound > 0.0 {
        return (bound_log - lower) / (upper - lower);
    }
    1.0 - (bound_log - upper) / (lower - upper)
}
