//! Exponential histograms as native histograms, and explicit ones as native histograms with custom
//! buckets.

use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::{ExponentialHistogramDataPoint, HistogramDataPoint};
use skopos_core::histogram::{FloatHistogram, Indexed, Span, custom_buckets, spanned_within};
use skopos_core::sample::STALE_NAN;

const MIN_SCHEMA: i32 = -4;
const MAX_SCHEMA: i32 = 8;
/// Half width of the zero bucket where none is sent.
const DEFAULT_ZERO_THRESHOLD: f64 = 1e-128;
/// A longer run of empty buckets begins a new span.
const MAX_GAP: i32 = 2;

/// The native histogram of an exponential one. Scales above 8 are merged down.
pub(super) fn native(point: &ExponentialHistogramDataPoint) -> Result<FloatHistogram, String> {
    if point.scale < MIN_SCHEMA {
        return Err(format!(
            "cannot convert exponential to native histogram: scale must be >= {MIN_SCHEMA}, was {}",
            point.scale
        ));
    }
    let scale_down = point.scale.saturating_sub(MAX_SCHEMA).max(0);
    let (positive_spans, positive_buckets) = exponential_layout(point.positive.as_ref(), scale_down)?;
    let (negative_spans, negative_buckets) = exponential_layout(point.negative.as_ref(), scale_down)?;
    Ok(FloatHistogram {
        schema: point.scale.min(MAX_SCHEMA),
        zero_threshold: if point.zero_threshold == 0.0 {
            DEFAULT_ZERO_THRESHOLD
        } else {
            point.zero_threshold
        },
        zero_count: point.zero_count as f64,
        count: point.count as f64,
        sum: point.sum.unwrap_or(0.0),
        positive_spans,
        negative_spans,
        positive_buckets,
        negative_buckets,
        ..FloatHistogram::default()
    })
}

/// The native histogram with custom buckets of an explicit one.
pub(super) fn custom(point: &HistogramDataPoint) -> Result<FloatHistogram, String> {
    let bounds = &point.explicit_bounds;
    if point.bucket_counts.len() > bounds.len() + 1 {
        return Err(format!(
            "histogram has {} buckets for {} bounds",
            point.bucket_counts.len(),
            bounds.len()
        ));
    }
    if !bounds.is_sorted_by(|lower, upper| lower < upper) || bounds.iter().any(|bound| !bound.is_finite()) {
        return Err("histogram bounds must be finite and in strictly ascending order".to_owned());
    }
    let counts = (0i64..).zip(point.bucket_counts.iter().copied());
    let filled = if point.bucket_counts.iter().all(|count| *count == 0) {
        Vec::new()
    } else {
        filled(counts.collect())?
    };
    // The last bucket, up to infinity, has no bound of its own in either model.
    Ok(FloatHistogram {
        count: point.count as f64,
        sum: point.sum.unwrap_or(0.0),
        ..custom_buckets(bounds.clone(), &filled, MAX_GAP)
    })
}

/// The marker that ends a series of native histograms.
pub(super) fn stale() -> FloatHistogram {
    FloatHistogram {
        sum: STALE_NAN,
        ..FloatHistogram::default()
    }
}

/// A histogram of the same shape without observations.
pub(super) fn emptied(histogram: &FloatHistogram) -> FloatHistogram {
    FloatHistogram {
        schema: histogram.schema,
        zero_threshold: histogram.zero_threshold,
        custom_values: histogram.custom_values.clone(),
        ..FloatHistogram::default()
    }
}

type Layout = (Vec<Span>, Vec<f64>);

/// OTLP's bucket `i` begins at `base^i`, Prometheus' ends there: hence the one more.
fn exponential_layout(buckets: Option<&Buckets>, scale_down: i32) -> Result<Layout, String> {
    let Some(buckets) = buckets.filter(|buckets| !buckets.bucket_counts.is_empty()) else {
        return Ok((Vec::new(), Vec::new()));
    };
    let shift = scale_down.clamp(0, 63);
    let index = |at: i64| ((at + i64::from(buckets.offset)) >> shift) + 1;
    let mut merged: Vec<(i64, u64)> = Vec::new();
    for (at, count) in (0i64..).zip(&buckets.bucket_counts) {
        let index = index(at);
        match merged.last_mut() {
            Some((last, sum)) if *last == index => *sum = sum.saturating_add(*count),
            _ => merged.push((index, *count)),
        }
    }
    let mut filled = filled(merged)?;
    // A short run of empty buckets at the beginning is kept too.
    let first = narrow(index(0))?;
    if let Some((index, _)) = filled.first()
        && (1..=MAX_GAP).contains(&index.saturating_sub(first))
    {
        filled.insert(0, (first, 0.0));
    }
    Ok(spanned_within(&filled, MAX_GAP))
}

/// The buckets that hold something, and the last one.
fn filled(buckets: Vec<(i64, u64)>) -> Result<Vec<Indexed>, String> {
    let last = buckets.len().saturating_sub(1);
    let kept = buckets
        .into_iter()
        .enumerate()
        .filter(|(at, (_, count))| *count > 0 || *at == last);
    kept.map(|(_, (index, count))| Ok((narrow(index)?, count as f64)))
        .collect()
}

fn narrow(index: i64) -> Result<i32, String> {
    i32::try_from(index).map_err(|_| format!("histogram has a bucket with the index {index}, beyond 32 bits"))
}
