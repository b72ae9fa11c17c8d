//! Warnings and infos about a query, in Prometheus' words.

mod forced;
mod text;

use std::collections::BTreeSet;

use hashbrown::HashMap;

pub(crate) use forced::ForcedMonotonicity;

use crate::position::PosRange;

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
    ForcedMonotonicity(ForcedMonotonicity),
    PossibleNonCounter(String),
    StartTimeOverlap(String),
    InvalidRatio(f64, f64),
    MixedClassicNative(String),
    SortInRangeQuery,
    /// The metric, the range, and the length of windows that it was widened to.
    WidenedRange(String, i64, i64),
    /// The metric, the function, and the length of windows.
    Approximated(String, &'static str, i64),
}

impl Annotation {
    /// What two annotations that are one have in common.
    fn key(&self) -> String {
        match self {
            Self::ForcedMonotonicity(forced) => format!("forced monotonicity {}", forced.metric()),
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

/// A set of annotations with where they point to. Of several with one text the first remains.
#[derive(Debug, Clone, Default)]
pub(crate) struct Annotations {
    entries: Vec<(Annotation, PosRange)>,
    positions: HashMap<String, usize>,
    /// How often one was added that grows each time.
    grown: usize,
}

impl Annotations {
    pub(crate) fn add(&mut self, annotation: Annotation, pos: PosRange) {
        let grows = matches!(annotation, Annotation::ForcedMonotonicity(_));
        self.grown += usize::from(grows);
        if !grows && self.entries.last().is_some_and(|(last, _)| *last == annotation) {
            return;
        }
        let key = annotation.key();
        if let Some(position) = self.positions.get(&key) {
            self.entries[*position].0.merge(&annotation);
        } else {
            self.positions.insert(key, self.entries.len());
            self.entries.push((annotation, pos));
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (annotation, pos) in &other.entries {
            self.add(annotation.clone(), *pos);
        }
    }

    /// How often one was added that tells more each time.
    pub(crate) fn grown(&self) -> usize {
        self.grown
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
