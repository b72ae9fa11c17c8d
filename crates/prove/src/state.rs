//! All input series of a proof, and the store through which the PromQL engine reads them.

use std::sync::Arc;

use skopos_core::metric::{Exemplar, MetricMetadata, MetricSource, Selection, Series};
use skopos_core::{Labels, Matcher, QueryBudget, ReadError, TimeRange};
use skopos_promql::ast::VectorSelector;

use crate::timeline::Timeline;
use crate::variable::Variable;

/// The input series of a proof. Cheap to copy: samples are shared.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) series: Vec<Variable>,
    /// Time between samples.
    pub(crate) step_ms: i64,
}

impl State {
    pub(crate) fn new(step_ms: i64) -> Self {
        Self {
            series: Vec::new(),
            step_ms,
        }
    }

    /// Indexes of the series that a selector reads.
    pub(crate) fn matching(&self, selector: &VectorSelector) -> Vec<usize> {
        let series = self.series.iter().enumerate();
        series
            .filter(|(_, variable)| selects(selector, &variable.labels))
            .map(|(index, _)| index)
            .collect()
    }

    /// What the engine reads, up to `end_ms`.
    pub(crate) fn store(&mut self, times: &Timeline, end_ms: i64) -> Store {
        let step_ms = self.step_ms;
        let sampled = self
            .series
            .iter_mut()
            .map(|variable| variable.sampled(times, step_ms, end_ms));
        Store::new(sampled.collect())
    }

    /// Samples again with another time between them.
    pub(crate) fn set_step(&mut self, step_ms: i64) {
        self.step_ms = step_ms;
        self.series.iter_mut().for_each(Variable::changed);
    }
}

/// Whether a selector reads series with these labels.
pub(crate) fn selects(selector: &VectorSelector, labels: &Labels) -> bool {
    selector.matchers.iter().all(|matcher| matcher.matches_labels(labels))
}

/// Series in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store {
    series: Vec<Arc<Series>>,
}

impl Store {
    pub(crate) fn new(mut series: Vec<Arc<Series>>) -> Self {
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        Self { series }
    }

    /// The series, sorted by labels.
    pub(crate) fn series(&self) -> &[Arc<Series>] {
        &self.series
    }
}

/// The samples of a series within a range of time.
pub(crate) fn cut(series: &Series, range: TimeRange) -> Option<Series> {
    let within = |times_ms: &[i64]| {
        let from = times_ms.partition_point(|at_ms| *at_ms < range.start_ms);
        let to = times_ms.partition_point(|at_ms| *at_ms <= range.end_ms);
        from..to.max(from)
    };
    let floats = within(&series.timestamps_ms);
    let histograms = within(&series.histogram_timestamps_ms);
    if floats.is_empty() && histograms.is_empty() {
        return None;
    }
    Some(Series {
        labels: series.labels.clone(),
        timestamps_ms: series.timestamps_ms[floats.clone()].to_vec(),
        values: series.values[floats].to_vec(),
        histogram_timestamps_ms: series.histogram_timestamps_ms[histograms.clone()].to_vec(),
        histograms: series.histograms[histograms].to_vec(),
    })
}

impl MetricSource for Store {
    fn select(&self, selection: &Selection<'_>, budget: &QueryBudget) -> Result<Vec<Series>, ReadError> {
        let mut found = Vec::new();
        for series in &self.series {
            if !selection
                .matchers
                .iter()
                .all(|matcher| matcher.matches_labels(&series.labels))
            {
                continue;
            }
            if let Some(series) = cut(series, selection.range) {
                budget.charge(series.len(), "select").map_err(ReadError::from)?;
                found.push(series);
            }
        }
        Ok(found)
    }

    fn series(&self, _matchers: &[Matcher], _range: TimeRange) -> Result<Vec<Labels>, ReadError> {
        Ok(self.series.iter().map(|series| series.labels.clone()).collect())
    }

    fn label_names(&self, _matchers: &[Matcher], _range: TimeRange) -> Result<Vec<String>, ReadError> {
        Ok(Vec::new())
    }

    fn label_values(&self, _: &str, _: &[Matcher], _: TimeRange) -> Result<Vec<String>, ReadError> {
        Ok(Vec::new())
    }

    fn exemplars(&self, _: &[Matcher], _: TimeRange) -> Result<Vec<(Labels, Vec<Exemplar>)>, ReadError> {
        Ok(Vec::new())
    }

    fn metadata(&self, _metric: Option<&str>) -> Result<Vec<MetricMetadata>, ReadError> {
        Ok(Vec::new())
    }
}
