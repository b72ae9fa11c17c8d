//! The texts of warnings and infos.

use std::fmt;

use super::Annotation;
use crate::duration::format_duration;
use crate::number::format_value;
use crate::quote::quote;

impl fmt::Display for Annotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_warning() {
            "PromQL warning: "
        } else {
            "PromQL info: "
        })?;
        text(self, f)
    }
}

#[expect(clippy::too_many_lines, reason = "a table of texts, one for each annotation")]
fn text(annotation: &Annotation, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match annotation {
        Annotation::BadBucketLabel { metric, label } if metric.is_empty() => {
            write!(
                f,
                "bucket label \"le\" is missing or has a malformed value of {}",
                quote(label)
            )
        }
        Annotation::BadBucketLabel { metric, label } => {
            let (metric, label) = (quote(metric), quote(label));
            write!(
                f,
                "bucket label \"le\" is missing or has a malformed value of {label} for metric name {metric}"
            )
        }
        Annotation::IncompatibleBucketLayout(op) => {
            write!(f, "incompatible bucket layout encountered for binary operator {op}")
        }
        Annotation::InvalidQuantile(value) => {
            write!(
                f,
                "quantile value should be between 0 and 1, got {}",
                format_value(*value)
            )
        }
        Annotation::MixedExponentialCustom(metric) => {
            let what = "vector contains a mix of histograms with exponential and custom buckets schemas";
            write!(f, "{what} for metric name {}", quote(metric))
        }
        Annotation::MixedFloatsHistograms(metric) => {
            write!(
                f,
                "encountered a mix of histograms and floats for metric name {}",
                quote(metric)
            )
        }
        Annotation::MixedFloatsHistogramsAggregation => {
            write!(f, "encountered a mix of histograms and floats for aggregation")
        }
        Annotation::CounterResetCollision(operation) => {
            write!(f, "conflicting counter resets during histogram {operation}")
        }
        Annotation::NativeHistogramNotCounter(metric) => {
            write!(f, "this native histogram metric is not a counter: {}", quote(metric))
        }
        Annotation::NativeHistogramNotGauge(metric) => {
            write!(f, "this native histogram metric is not a gauge: {}", quote(metric))
        }
        Annotation::StartTimeOverlap(metric) => {
            let what = "sample has start time that overlaps with previous sample timestamp for metric";
            write!(f, "{what} {}", quote(metric))
        }
        Annotation::InvalidRatio(ratio, capped) => {
            let (ratio, capped) = (format_value(*ratio), format_value(*capped));
            write!(
                f,
                "ratio value should be between -1 and 1, got {ratio}, capping to {capped}"
            )
        }
        Annotation::MixedClassicNative(metric) => {
            write!(f, "vector contains a mix of classic and native histograms")?;
            for_metric(f, metric)
        }
        Annotation::SortInRangeQuery => {
            write!(
                f,
                "sort is ineffective for range queries since results are always ordered by labels"
            )
        }
        Annotation::HistogramIgnoredInAggregation(op) => write!(f, "ignored histogram in {op} aggregation"),
        Annotation::HistogramIgnoredInMixedRange(metric) => {
            let what = "ignored histograms in a range containing both floats and histograms";
            write!(f, "{what} for metric name {}", quote(metric))
        }
        Annotation::IncompatibleTypes { left, op, right } => {
            write!(
                f,
                "incompatible sample types encountered for binary operator {}: {left} {op} {right}",
                quote(op)
            )
        }
        Annotation::MismatchedCustomBuckets(operation) => {
            write!(f, "mismatched custom buckets were reconciled during {operation}")
        }
        Annotation::NativeQuantileNanResult(metric) => {
            let what = "input to histogram_quantile has NaN observations, result is NaN";
            write!(f, "{what}")?;
            for_metric(f, metric)
        }
        Annotation::NativeQuantileNanSkew(metric) => {
            let what = "input to histogram_quantile has NaN observations, result is skewed higher";
            write!(f, "{what}")?;
            for_metric(f, metric)
        }
        Annotation::NativeFractionNan(metric) => {
            let what = "input to histogram_fraction has NaN observations, which are excluded from all fractions";
            write!(f, "{what}")?;
            for_metric(f, metric)
        }
        Annotation::WidenedRange(metric, range_ms, resolution_ms) => {
            let (range, resolution) = (format_duration(*range_ms), format_duration(*resolution_ms));
            write!(
                f,
                "range of {range} was widened to downsampled windows of {resolution} for metric name {}",
                quote(metric)
            )
        }
        Annotation::Approximated(metric, function, resolution_ms) => {
            let resolution = format_duration(*resolution_ms);
            write!(
                f,
                "{function} is approximated from downsampled windows of {resolution} for metric name {}",
                quote(metric)
            )
        }
        Annotation::ForcedMonotonicity(forced) => write!(f, "{forced}"),
        Annotation::PossibleNonCounter(metric) => {
            let what = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket";
            write!(f, "{what}: {}", quote(metric))
        }
    }
}

pub(super) fn for_metric(f: &mut fmt::Formatter<'_>, metric: &str) -> fmt::Result {
    if metric.is_empty() {
        return Ok(());
    }
    write!(f, " for metric name {}", quote(metric))
}
