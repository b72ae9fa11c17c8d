//! Adding exponential histograms: both are brought to the coarser scale, then counts are added by
//! bucket index.

use opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;

use super::DeltaError;

/// Most buckets of one sign after adding; beyond it the scale is lowered. SDKs keep 160.
const MAX_BUCKETS: i64 = 1024;
/// The coarsest scale that a native histogram has.
const MIN_SCALE: i32 = -4;

/// Adds `more` to `total`.
pub(super) fn add_exponential(
    total: &mut ExponentialHistogramDataPoint,
    more: &ExponentialHistogramDataPoint,
) -> Result<(), DeltaError> {
    let sides = [
        (total.positive.as_ref(), more.positive.as_ref()),
        (total.negative.as_ref(), more.negative.as_ref()),
    ];
    let mut scale = total.scale.min(more.scale);
    while sides
        .iter()
        .any(|(a, b)| width(*a, total.scale, *b, more.scale, scale) > MAX_BUCKETS)
    {
        if scale <= MIN_SCALE {
            return Err(DeltaError::Unmergeable);
        }
        scale -= 1;
    }
    let [positive, negative] = sides.map(|(a, b)| added(a, shift(total.scale, scale), b, shift(more.scale, scale)));
    (total.positive, total.negative, total.scale) = (positive, negative, scale);
    total.count = total.count.saturating_add(more.count);
    total.zero_count = total.zero_count.saturating_add(more.zero_count);
    total.sum = total.sum.zip(more.sum).map(|(sum, more)| sum + more);
    Ok(())
}

fn shift(from: i32, to: i32) -> i64 {
    (i64::from(from) - i64::from(to)).clamp(0, 62)
}

/// First and last index of the buckets, lowered by `shift` scales.
fn range(buckets: Option<&Buckets>, shift: i64) -> Option<(i64, i64)> {
    let buckets = buckets.filter(|buckets| !buckets.bucket_counts.is_empty())?;
    let first = i64::from(buckets.offset);
    let last = first + buckets.bucket_counts.len() as i64 - 1;
    Some((first >> shift, last >> shift))
}

fn joint(a: Option<(i64, i64)>, b: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (one, other) => one.or(other),
    }
}

fn width(a: Option<&Buckets>, scale_a: i32, b: Option<&Buckets>, scale_b: i32, scale: i32) -> i64 {
    let both = joint(range(a, shift(scale_a, scale)), range(b, shift(scale_b, scale)));
    both.map_or(0, |(first, last)| last - first + 1)
}

fn added(a: Option<&Buckets>, shift_a: i64, b: Option<&Buckets>, shift_b: i64) -> Option<Buckets> {
    let (first, last) = joint(range(a, shift_a), range(b, shift_b))?;
    let mut bucket_counts = vec![0u64; (last - first + 1) as usize];
    for (buckets, shift) in [(a, shift_a), (b, shift_b)] {
        let Some(buckets) = buckets else { continue };
        for (at, count) in (i64::from(buckets.offset)..).zip(&buckets.bucket_counts) {
            if let Some(sum) = bucket_counts.get_mut(((at >> shift) - first) as usize) {
                *sum = sum.saturating_add(*count);
            }
        }
    }
    // Both ends lie within 32 bits, as the offsets did.
    let offset = i32::try_from(first).unwrap_or(i32::MIN);
    Some(Buckets { offset, bucket_counts })
}
