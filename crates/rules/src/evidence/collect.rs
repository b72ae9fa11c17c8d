//! Collects evidence: reads the raw series behind a result, and finds the first bad sample.

use std::collections::HashSet;
use std::sync::Arc;

use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::{MetricValue, Series};
use skopos_core::{Labels, MatchOp, Matcher, TimeRange};
use skopos_promql::Expr;
use skopos_promql::ast::AtModifier;

use super::{Evidence, SelectorEvidence, SeriesEvidence};
use crate::io::{RuleIo, RuleSample};
use crate::query::RuleQuery;

/// How far back a selector without range is read.
const LOOKBACK_MS: i64 = 5 * 60 * 1000;
/// Longest window that is read for evidence.
const MAX_WINDOW_MS: i64 = 60 * 60 * 1000;
/// Most selectors of an expression that are read.
pub(super) const MAX_SELECTORS: usize = 8;
/// Most alerts whose first bad sample is looked for after one evaluation.
const MAX_FRESH: usize = 16;
/// Most times that are tried as the time of the first bad sample.
const MAX_TRIES: usize = 8;

/// Looks behind the results of one rule at one time.
pub(crate) struct Collector<'a> {
    pub(crate) io: &'a dyn RuleIo,
    pub(crate) query: &'a RuleQuery,
    /// The time of the query.
    pub(crate) sample_ms: i64,
    /// Time since the evaluation before.
    pub(crate) interval_ms: i64,
}

/// An alert that became active.
pub(crate) struct Fresh {
    /// Labels of its sample in the result.
    pub(crate) sample_labels: Labels,
    /// Time of its first bad sample; at first that of the evaluation.
    pub(crate) first_bad_ms: i64,
}

/// A selector with the time that it reads.
struct Read<'a> {
    text: &'a str,
    matchers: &'a [Matcher],
    range: TimeRange,
}

impl Collector<'_> {
    /// What the selectors of the expression match, narrowed to a sample of the result.
    pub(crate) fn selectors(&self, sample: &RuleSample) -> Vec<SelectorEvidence> {
        let mut found = self.io.lines(self.query, &sample.labels, self.sample_ms);
        for read in self.reads() {
            let series = self.read(&read, &sample.labels);
            found.push(SelectorEvidence {
                selector: read.text.to_owned(),
                series: series.iter().take(Evidence::MAX_SERIES).map(newest).collect(),
                lines: Vec::new(),
            });
        }
        found
    }

    /// Moves back the times of alerts to the first sample since the last evaluation with which the
    /// expression held.
    pub(crate) fn date(&self, fresh: &mut [Fresh]) {
        let count = fresh.len().min(MAX_FRESH);
        let fresh = &mut fresh[..count];
        let times_ms = self.candidate_times(fresh);
        let mut open: HashSet<usize> = (0..fresh.len()).collect();
        let step = times_ms.len().div_ceil(MAX_TRIES).max(1);
        for time_ms in times_ms.into_iter().step_by(step) {
            let Ok(result) = self.io.query(self.query, time_ms) else {
                return;
            };
            let present: HashSet<&Labels> = result.iter().map(|sample| &sample.labels).collect();
            open.retain(|number| {
                let is_bad = present.contains(&fresh[*number].sample_labels);
                if is_bad {
                    fresh[*number].first_bad_ms = time_ms;
                }
                !is_bad
            });
            if open.is_empty() {
                return;
            }
        }
    }

    /// Times of raw samples since the last evaluation, sorted.
    fn candidate_times(&self, fresh: &[Fresh]) -> Vec<i64> {
        let mut times_ms = Vec::new();
        let since = TimeRange::new(self.sample_ms - self.interval_ms + 1, self.sample_ms - 1);
        if since.end_ms < since.start_ms {
            return times_ms;
        }
        for read in self.reads().filter(|read| read.range.end_ms == self.sample_ms) {
            let read = Read { range: since, ..read };
            for alert in fresh {
                for series in self.read(&read, &alert.sample_labels) {
                    times_ms.extend(series.timestamps_ms.iter().chain(&series.histogram_timestamps_ms));
                }
            }
        }
        times_ms.sort_unstable();
        times_ms.dedup();
        times_ms
    }

    fn reads(&self) -> impl Iterator<Item = Read<'_>> {
        let mut reads = Vec::new();
        if let Some(expr) = self.query.promql() {
            self.find_reads(expr, &mut reads);
        }
        reads.into_iter().take(MAX_SELECTORS)
    }

    fn find_reads<'a>(&'a self, expr: &'a Expr, reads: &mut Vec<Read<'a>>) {
        let (selector, window_ms) = match expr {
            Expr::Vector(selector) => (selector, LOOKBACK_MS),
            Expr::Matrix(matrix) => (&matrix.selector, matrix.range.ms),
            other => {
                return other
                    .children()
                    .into_iter()
                    .for_each(|child| self.find_reads(child, reads));
            }
        };
        let at_ms = match selector.at {
            Some(AtModifier::Timestamp(at_ms)) => at_ms,
            _ => self.sample_ms,
        };
        let end_ms = at_ms - selector.offset.ms;
        let pos = expr.pos();
        reads.push(Read {
            text: self.query.text().get(pos.start..pos.end).unwrap_or_default(),
            matchers: &selector.matchers,
            range: TimeRange::new(end_ms - window_ms.clamp(1, MAX_WINDOW_MS), end_ms),
        });
    }

    /// The series of a selector whose labels do not contradict `labels`: each is equal or absent.
    fn read(&self, read: &Read<'_>, labels: &Labels) -> Vec<Series> {
        let narrow = labels
            .iter()
            .filter(|(name, _)| *name != METRIC_NAME)
            .filter_map(|(name, value)| {
                let pattern = format!("{}|", regex::escape(value));
                Matcher::new(MatchOp::Regex, name, pattern).ok()
            });
        let matchers: Vec<Matcher> = read.matchers.iter().cloned().chain(narrow).collect();
        self.io.select(&matchers, read.range).unwrap_or_default()
    }
}

fn newest(series: &Series) -> SeriesEvidence {
    let floats = series.timestamps_ms.iter().zip(&series.values);
    let histograms = series.histogram_timestamps_ms.iter().zip(&series.histograms);
    let mut samples: Vec<(i64, MetricValue)> = floats
        .rev()
        .take(Evidence::MAX_SAMPLES)
        .map(|(time_ms, value)| (*time_ms, MetricValue::Float(*value)))
        .chain(
            histograms
                .rev()
                .take(Evidence::MAX_SAMPLES)
                .map(|(time_ms, value)| (*time_ms, MetricValue::Histogram(Arc::clone(value)))),
        )
        .collect();
    samples.sort_by_key(|(time_ms, _)| *time_ms);
    let surplus = samples.len().saturating_sub(Evidence::MAX_SAMPLES);
    samples.drain(..surplus);
    SeriesEvidence {
        labels: series.labels.clone(),
        samples,
    }
}
