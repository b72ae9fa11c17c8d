//! Drives a rule over its witness on a virtual clock, through the real rule evaluation.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use skopos_core::metric::{
    AppendReport, Exemplar, MetricBatch, MetricMetadata, MetricSink, MetricSource, MetricValue, Selection, Series,
};
use skopos_core::{Labels, ManualClock, Matcher, QueryBudget, ReadError, TimeRange, WriteError};
use skopos_promql::Engine;
use skopos_rules::{
    AlertState, AlertView, GroupHandle, GroupSpec, Health, PromqlIo, RuleFile, RuleGroups, RuleOptions, RuleSpec,
};

use crate::state::{Store, cut};
use crate::timeline::Timeline;

/// Evaluations after the cause is gone and every window is flushed.
const SPARE_EVALUATIONS: i64 = 3;

/// Evaluations while long windows are flushed.
const STRIDES: i64 = 24;

/// What the rule did over time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Course {
    /// First evaluation with a result.
    pub(crate) pending_ms: Option<i64>,
    /// First evaluation at which an alert fired.
    pub(crate) firing_ms: Option<i64>,
    /// First evaluation after that without a firing alert.
    pub(crate) resolved_ms: Option<i64>,
    /// The last evaluation before the cause went away.
    pub(crate) shown_ms: i64,
    /// The alerts that fired then: every window is as full as it gets.
    pub(crate) alerts: Vec<AlertView>,
    /// The last error of any rule of the group.
    pub(crate) error: Option<String>,
}

/// What a drive needs beside the witness.
#[derive(Debug)]
pub(crate) struct Road<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) times: Timeline,
    /// Recording rules and, last, the alerting rule.
    pub(crate) rules: Vec<RuleSpec>,
    pub(crate) external_labels: Labels,
    pub(crate) external_url: String,
}

impl Road<'_> {
    /// Evaluates from the start until the alert has fired and resolved, or time is up.
    pub(crate) fn drive(&self, store: Store) -> Course {
        let world = World {
            inputs: store,
            made: Mutex::default(),
        };
        let io = PromqlIo {
            engine: self.engine,
            source: &world,
            sink: &world,
            budget: Arc::new(QueryBudget::unbounded),
        };
        let groups = RuleGroups::new();
        let mut course = Course::default();
        let options = RuleOptions {
            interval_ms: self.times.interval_ms,
            external_labels: self.external_labels.clone(),
            external_url: self.external_url.clone(),
            restores_state: false,
            keeps_evidence: false,
            is_observed: false,
            clock: Arc::new(ManualClock::at_ms(self.times.start_ms)),
            ..RuleOptions::default()
        };
        if let Err(error) = groups.load(vec![self.file()], options, self.times.start_ms, &io) {
            course.error = Some(error);
            return course;
        }
        if let Some(group) = groups.handles().first() {
            self.follow(group, &io, &mut course);
        }
        course
    }

    fn follow(&self, group: &GroupHandle, io: &PromqlIo<'_>, course: &mut Course) {
        let keep_ms = self.rules.last().map_or(0, |rule| rule.keep_firing_for_ms);
        let end_ms = self.times.healed_ms()
            + keep_ms
            + SPARE_EVALUATIONS * self.times.interval_ms
            + self.times.flush_ms / STRIDES;
        let interval_ms = self.times.interval_ms;
        let longest_step_ms = (self.times.flush_ms / STRIDES / interval_ms).max(1) * interval_ms;
        let mut step_ms = interval_ms;
        let mut now_ms = self.times.start_ms;
        while now_ms <= end_ms {
            group.evaluate_at(now_ms, io);
            let view = group.view();
            if let Some(rule) = view.rules.iter().find(|rule| rule.health == Health::Bad) {
                course.error = Some(format!("{}: {}", rule.name, rule.last_error));
            }
            let alerts = view.rules.last().map_or(&[][..], |rule| rule.alerts());
            let firing = alerts.iter().filter(|alert| alert.state == AlertState::Firing);
            let firing: Vec<AlertView> = firing.cloned().collect();
            if !alerts.is_empty() && course.pending_ms.is_none() {
                course.pending_ms = Some(now_ms);
            }
            if !firing.is_empty() && course.firing_ms.is_none() {
                course.firing_ms = Some(now_ms);
                course.pending_ms = firing.iter().map(|alert| alert.active_at_ms).min();
            }
            if now_ms <= self.times.cause_end_ms() {
                course.shown_ms = now_ms;
                course.alerts = firing;
            } else if course.firing_ms.is_some() && firing.is_empty() && now_ms > self.times.cause_end_ms() {
                course.resolved_ms = Some(now_ms);
                return;
            }
            if now_ms > self.times.cause_end_ms() {
                // Long windows are flushed in few strides.
                step_ms = (step_ms * 2).min(longest_step_ms);
            }
            now_ms += step_ms;
        }
    }

    fn file(&self) -> RuleFile {
        RuleFile {
            path: "proof".to_owned(),
            groups: vec![GroupSpec {
                name: "proof".to_owned(),
                interval_ms: Some(self.times.interval_ms),
                query_offset_ms: None,
                limit: 0,
                rules: self.rules.clone(),
            }],
            warnings: Vec::new(),
        }
    }
}

/// The inputs, and what the rules make of them.
#[derive(Debug)]
struct World {
    inputs: Store,
    made: Mutex<BTreeMap<Labels, Series>>,
}

impl MetricSink for World {
    fn append(&self, batch: MetricBatch) -> Result<AppendReport, WriteError> {
        let mut report = AppendReport::default();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        for batch in batch.series {
            let series = made.entry(batch.labels.clone()).or_insert_with(|| Series {
                labels: batch.labels.clone(),
                ..Series::default()
            });
            for sample in batch.samples {
                report.stored += 1;
                match sample.value {
                    MetricValue::Float(value) => {
                        series.timestamps_ms.push(sample.timestamp_ms);
                        series.values.push(value);
                    }
                    MetricValue::Histogram(histogram) => {
                        series.histogram_timestamps_ms.push(sample.timestamp_ms);
                        series.histograms.push(histogram);
                    }
                }
            }
        }
        Ok(report)
    }
}

impl MetricSource for World {
    fn select(&self, selection: &Selection<'_>, budget: &QueryBudget) -> Result<Vec<Series>, ReadError> {
        let mut found = self.inputs.select(selection, budget)?;
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        for (labels, series) in &*made {
            let is_meant = selection.matchers.iter().all(|matcher| matcher.matches_labels(labels));
            if !is_meant || found.iter().any(|other| other.labels == *labels) {
                continue;
            }
            if let Some(series) = cut(series, selection.range) {
                budget.charge(series.len(), "select").map_err(ReadError::from)?;
                found.push(series);
            }
        }
        found.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(found)
    }

    fn series(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<Labels>, ReadError> {
        MetricSource::series(&self.inputs, matchers, range)
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
