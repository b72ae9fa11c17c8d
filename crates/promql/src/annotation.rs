//! Warnings and infos about a query, in Prometheus' words.

use std::collections::BTreeSet;
use std::fmt;

use crate::number::format_value;
use crate::position::PosRange;
use crate::quote::quote;

/// Most annotations of a class that a client is shown.
const MAX_SHOWN: usize = 10;

/// Something to be said about a query.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Annotation {
    BadBucketLabel {
        metric: String,
        label: String,
    },
    HistogramIgnoredInAggregation(&'static str),
    HistogramIgnoredInMixedRange(String),
    IncompatibleBucketLayout(&'static str),
    IncompatibleTypes {
        left: &'static str,
        op: &'static str,
        right: &'static str,
    },
    InvalidQuantile(f64),
    MixedExponentialCustom(String),
    MixedFloatsHistograms(String),
    MixedFloatsHistogramsAggregation,
    MismatchedCustomBuckets(&'static str),
    CounterResetCollision(&'static str),
    NativeHistogramNotCounter(String),
    NativeHistogramNotGauge(String),
    NativeQuantileNanResult(String),
    NativeQuantileNanSkew(String),
    NativeFractionNan(String),
    ForcedMonotonicity {
        metric: String,
    },
    PossibleNonCounter(String),
}

impl Annotation {
    fn is_warning(&self) -> bool {
        matches!(
            self,
            Self::BadBucketLabel { .. }
                | Self::IncompatibleBucketLayout(_)
                | Self::InvalidQuantile(_)
                | Self::MixedExponentialCustom(_)
                | Self::MixedFloatsHistograms(_)
                | Self::MixedFloatsHistogramsAggregation
                | Self::CounterResetCollision(_)
                | Self::NativeHistogramNotCounter(_)
                | Self::NativeHistogramNotGauge(_)
        )
    }
}

impl fmt::Display for Annotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_warning() {
            "PromQL warning: "
        } else {
            "PromQL info: "
        })?;
        match self {
            Self::BadBucketLabel { metric, label } if metric.is_empty() => {
                write!(
                    f,
                    "bucket label \"le\" is missing or has a malformed value of {}",
                    quote(label)
                )
            }
            Self::BadBucketLabel { metric, label } => {
                let (metric, label) = (quote(metric), quote(label));
                write!(
                    f,
                    "bucket label \"le\" is missing or has a malformed value of {label} for metric name {metric}"
                )
            }
            Self::HistogramIgnoredInAggregation(op) => write!(f, "ignored histogram in {op} aggregation"),
            Self::HistogramIgnoredInMixedRange(metric) => {
                write!(f, "ignored histograms in a range containing both floats and histograms")?;
                for_metric(f, metric)
            }
            Self::IncompatibleBucketLayout(op) => {
                write!(f, "incompatible bucket layout encountered for binary operator {op}")
            }
            Self::IncompatibleTypes { left, op, right } => {
                write!(
                    f,
                    "incompatible sample types encountered for binary operator {}: {left} {op} {right}",
                    quote(op)
                )
            }
            Self::InvalidQuantile(value) => {
                write!(
                    f,
                    "quantile value should be between 0 and 1, got {}",
                    format_value(*value)
                )
            }
            Self::MixedExponentialCustom(metric) => {
                let what = "vector contains a mix of histograms with exponential and custom buckets schemas";
                write!(f, "{what} for metric name {}", quote(metric))
            }
            Self::MixedFloatsHistograms(metric) => {
                write!(
                    f,
                    "encountered a mix of histograms and floats for metric name {}",
                    quote(metric)
                )
            }
            Self::MixedFloatsHistogramsAggregation => {
                write!(f, "encountered a mix of histograms and floats for aggregation")
            }
            Self::MismatchedCustomBuckets(operation) => {
                write!(f, "mismatched custom buckets were reconciled during {operation}")
            }
            Self::CounterResetCollision(operation) => {
                write!(f, "conflicting counter resets during histogram {operation}")
            }
            Self::NativeHistogramNotCounter(metric) => {
                write!(f, "this native histogram metric is not a counter: {}", quote(metric))
            }
            Self::NativeHistogramNotGauge(metric) => {
                write!(f, "this native histogram metric is not a gauge: {}", quote(metric))
            }
            Self::NativeQuantileNanResult(metric) => {
                let what = "input to histogram_quantile has NaN observations, result is NaN";
                write!(f, "{what}")?;
                for_metric(f, metric)
            }
            Self::NativeQuantileNanSkew(metric) => {
                let what = "input to histogram_quantile has NaN observations, result is skewed higher";
                write!(f, "{what}")?;
                for_metric(f, metric)
            }
            Self::NativeFractionNan(metric) => {
                let what = "input to histogram_fraction has NaN observations, which are excluded from all fractions";
                write!(f, "{what}")?;
                for_metric(f, metric)
            }
            Self::ForcedMonotonicity { metric } => {
                let what = "input to histogram_quantile needed to be fixed for monotonicity (see \
                            https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";
                write!(f, "{what}")?;
                for_metric(f, metric)
            }
            Self::PossibleNonCounter(metric) => {
                let what = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket";
                write!(f, "{what}: {}", quote(metric))
            }
        }
    }
}

fn for_metric(f: &mut fmt::Formatter<'_>, metric: &str) -> fmt::Result {
    if metric.is_empty() {
        return Ok(());
    }
    write!(f, " for metric name {}", quote(metric))
}

/// A set of annotations with where they point to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Annotations {
    entries: Vec<(Annotation, PosRange)>,
}

impl Annotations {
    pub(crate) fn add(&mut self, annotation: Annotation, pos: PosRange) {
        let entry = (annotation, pos);
        if !self.entries.contains(&entry) {
            self.entries.push(entry);
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (annotation, pos) in &other.entries {
            self.add(annotation.clone(), *pos);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Warnings and infos as clients are shown them.
    pub(crate) fn render(&self, query: &str) -> (Vec<String>, Vec<String>) {
        let texts = |warning: bool| {
            let of_class = self
                .entries
                .iter()
                .filter(|(annotation, _)| annotation.is_warning() == warning);
            let all: BTreeSet<String> = of_class
                .map(|(annotation, pos)| format!("{annotation} ({})", pos.line_column(query)))
                .collect();
            let omitted = all.len().saturating_sub(MAX_SHOWN);
            let mut shown: Vec<String> = all.into_iter().take(MAX_SHOWN).collect();
            if omitted > 0 {
                let class = if warning { "warning" } else { "info" };
                shown.push(format!("{omitted} more {class} annotations omitted"));
            }
            shown
        };
        (texts(true), texts(false))
    }
}
