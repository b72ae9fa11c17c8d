//! Warnings and infos about a query, in Prometheus' words.

use std::collections::BTreeSet;
use std::fmt;

use hashbrown::HashMap;

use crate::functions::classic::Forced;
use crate::number::{format_two_digits, format_value};
use crate::position::PosRange;
use crate::quote::quote;

/// Most annotations of a class that a client is shown.
const MAX_SHOWN: usize = 10;

/// Counts of classic buckets that fell, over all histograms of a metric.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ForcedMonotonicity {
    metric: String,
    forced: Forced,
    first_ms: i64,
    last_ms: i64,
    samples: usize,
}

impl ForcedMonotonicity {
    pub(crate) fn new(metric: String, time_ms: i64, forced: Forced) -> Self {
        Self {
            metric,
            forced,
            first_ms: time_ms,
            last_ms: time_ms,
            samples: 1,
        }
    }

    fn merge(&mut self, other: &Self) {
        self.forced.lowest_bound = self.forced.lowest_bound.min(other.forced.lowest_bound);
        self.forced.highest_bound = self.forced.highest_bound.max(other.forced.highest_bound);
        self.forced.largest_difference = self.forced.largest_difference.max(other.forced.largest_difference);
        self.first_ms = self.first_ms.min(other.first_ms);
        self.last_ms = self.last_ms.max(other.last_ms);
        self.samples += other.samples;
    }
}

impl fmt::Display for ForcedMonotonicity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = "input to histogram_quantile needed to be fixed for monotonicity (see \
                    https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";
        f.write_str(what)?;
        for_metric(f, &self.metric)?;
        let (from, to) = (
            format_value(self.forced.lowest_bound),
            format_value(self.forced.highest_bound),
        );
        let difference = format_two_digits(self.forced.largest_difference);
        let samples = self.samples;
        let (first, last) = (utc_seconds(self.first_ms), utc_seconds(self.last_ms));
        write!(
            f,
            ", from buckets {from} to {to}, with a max diff of {difference}, over {samples} samples from {first} to {last}"
        )
    }
}

fn utc_seconds(time_ms: i64) -> String {
    let time = jiff::Timestamp::from_second(time_ms / 1000);
    time.map_or_else(|_| format!("{}s", time_ms / 1000), |time| time.to_string())
}

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
    ForcedMonotonicity(ForcedMonotonicity),
    PossibleNonCounter(String),
    StartTimeOverlap(String),
    InvalidRatio(f64, f64),
    MixedClassicNative(String),
    SortInRangeQuery,
}

impl Annotation {
    /// What two annotations that are one have in common.
    fn key(&self) -> String {
        match self {
            Self::ForcedMonotonicity(forced) => format!("forced monotonicity {}", forced.metric),
            other => other.to_string(),
        }
    }

    fn merge(&mut self, other: &Self) {
        if let (Self::ForcedMonotonicity(forced), Self::ForcedMonotonicity(other)) = (self, other) {
            forced.merge(other);
        }
    }

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
                | Self::StartTimeOverlap(_)
                | Self::InvalidRatio(..)
                | Self::MixedClassicNative(_)
                | Self::SortInRangeQuery
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
                let what = "ignored histograms in a range containing both floats and histograms";
                write!(f, "{what} for metric name {}", quote(metric))
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
            Self::ForcedMonotonicity(forced) => forced.fmt(f),
            Self::StartTimeOverlap(metric) => {
                let what = "sample has start time that overlaps with previous sample timestamp for metric";
                write!(f, "{what} {}", quote(metric))
            }
            Self::InvalidRatio(ratio, capped) => {
                let (ratio, capped) = (format_value(*ratio), format_value(*capped));
                write!(
                    f,
                    "ratio value should be between -1 and 1, got {ratio}, capping to {capped}"
                )
            }
            Self::MixedClassicNative(metric) => {
                write!(f, "vector contains a mix of classic and native histograms")?;
                for_metric(f, metric)
            }
            Self::SortInRangeQuery => {
                write!(
                    f,
                    "sort is ineffective for range queries since results are always ordered by labels"
                )
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

/// A set of annotations with where they point to. Of several with one text the first remains.
#[derive(Debug, Clone, Default)]
pub(crate) struct Annotations {
    entries: Vec<(Annotation, PosRange)>,
    positions: HashMap<String, usize>,
}

impl Annotations {
    pub(crate) fn add(&mut self, annotation: Annotation, pos: PosRange) {
        let key = annotation.key();
        match self.positions.get(&key) {
            Some(position) => self.entries[*position].0.merge(&annotation),
            None => {
                self.positions.insert(key, self.entries.len());
                self.entries.push((annotation, pos));
            }
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
