//! One rule with one set of values, replayed through the state machine of crate `rules`: `for`, `keep_firing_for`,
//! limits and labels are its own. Only the query's answer comes from elsewhere.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use skopos_core::metric::{AppendReport, MetricBatch, Series};
use skopos_core::{Labels, Matcher, ReadError, TimeRange, WriteError};
use skopos_rules::{
    AlertState, GroupHandle, GroupSpec, Health, RuleFile, RuleGroups, RuleIo, RuleOptions, RuleQuery, RuleSample,
    RuleSpec,
};

use super::BacktestError;
use super::history::{History, StepVector};
use super::tested::Tested;
use super::threshold::Filter;

/// A time during which an alert fired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) labels: Labels,
    pub(super) start_ms: i64,
    /// The first step at which it no longer fired; none if it did at the last.
    pub(super) end_ms: Option<i64>,
}

/// A rule with one set of values, and what it did.
#[derive(Debug)]
pub(super) struct Variant {
    pub(super) for_ms: i64,
    pub(super) threshold: Option<f64>,
    /// What fired, in the order of ends.
    pub(super) spans: Vec<Span>,
    /// Evaluations that failed, and the first reason.
    pub(super) failures: u64,
    pub(super) first_failure: Option<String>,
    group: GroupHandle,
    open: BTreeMap<Labels, i64>,
    /// Alerts that are pending or firing.
    active: usize,
    has_templates: bool,
    /// The label sets that held at the last evaluation, if nothing changes while they do.
    settled: Option<Vec<Labels>>,
}

impl Variant {
    pub(super) fn new(
        tested: &Tested<'_>,
        for_ms: i64,
        threshold: Option<f64>,
        options: &RuleOptions,
    ) -> Result<Self, BacktestError> {
        let spec = RuleSpec {
            for_ms,
            // They say nothing about when it fires, and their templates may ask queries.
            annotations: BTreeMap::new(),
            ..tested.spec.clone()
        };
        let group = GroupSpec {
            query_offset_ms: Some(tested.offset_ms),
            rules: vec![spec],
            ..tested.group.clone()
        };
        let file = RuleFile {
            path: tested.file.to_owned(),
            groups: vec![group],
            warnings: Vec::new(),
        };
        let groups = RuleGroups::new();
        let refused = |reason: String| BacktestError::Rule {
            rule: tested.spec.name.clone(),
            reason,
        };
        groups
            .load(vec![file], options.clone(), tested.steps.start_ms, &Silent)
            .map_err(refused)?;
        let group = groups.handles().pop();
        Ok(Self {
            for_ms,
            threshold,
            spans: Vec::new(),
            failures: 0,
            first_failure: None,
            group: group.ok_or_else(|| refused("the group was not loaded".to_owned()))?,
            open: BTreeMap::new(),
            active: 0,
            has_templates: tested.spec.labels.values().any(|text| text.contains("{{")),
            settled: None,
        })
    }

    /// Moves on by one evaluation.
    pub(super) fn step(&mut self, now_ms: i64, vector: &StepVector, filter: Option<&Filter>, history: &History<'_>) {
        let vector: Cow<'_, StepVector> = match (vector, filter) {
            (Ok(samples), Some(filter)) => {
                let passing = samples.iter().filter(|sample| filter.passes(&sample.value));
                Cow::Owned(Ok(passing.cloned().collect()))
            }
            (vector, _) => Cow::Borrowed(vector),
        };
        if vector
            .as_ref()
            .as_ref()
            .is_ok_and(|samples| self.stays_as_it_is(samples))
        {
            return;
        }
        let io = Answer {
            vector: &vector,
            is_asked: AtomicBool::new(false),
            history,
        };
        drop(self.group.evaluate_at(now_ms, &io));
        let health = self.observe(now_ms);
        self.settle(&vector, health);
    }

    /// Whether an evaluation would change nothing: nothing holds and nothing is pending, or the same holds as before
    /// and all of it fires already.
    fn stays_as_it_is(&self, samples: &[RuleSample]) -> bool {
        if samples.is_empty() {
            return self.active == 0;
        }
        let Some(settled) = &self.settled else {
            return false;
        };
        let labels = samples.iter().map(|sample| &sample.labels);
        settled.len() == samples.len() && settled.iter().eq(labels)
    }

    /// Remembers what held, if all of it fires and nothing else does. Labels that are templates may change with every
    /// value.
    fn settle(&mut self, vector: &StepVector, health: Health) {
        let samples = vector.as_deref().unwrap_or_default();
        let all_fire = self.active == samples.len() && self.open.len() == samples.len();
        let is_settled = health == Health::Good && all_fire && !self.has_templates;
        self.settled = is_settled.then(|| samples.iter().map(|sample| sample.labels.clone()).collect());
    }

    /// Compares the alerts that fire with those before; gives how the evaluation went.
    fn observe(&mut self, now_ms: i64) -> Health {
        let view = self.group.view();
        let Some(rule) = view.rules.first() else {
            return Health::Unknown;
        };
        if rule.health == Health::Bad {
            self.failures += 1;
            self.first_failure.get_or_insert_with(|| rule.last_error.clone());
        }
        let alerts = rule.alerts();
        self.active = alerts.len();
        let mut before = std::mem::take(&mut self.open);
        for alert in alerts.iter().filter(|alert| alert.state == AlertState::Firing) {
            let start_ms = before.remove(&alert.labels).unwrap_or(now_ms);
            self.open.insert(alert.labels.clone(), start_ms);
        }
        self.spans.extend(before.into_iter().map(|(labels, start_ms)| Span {
            labels,
            start_ms,
            end_ms: Some(now_ms),
        }));
        rule.health
    }

    /// All that fired, those that still do at the end included, by start.
    pub(super) fn into_spans(self) -> Vec<Span> {
        let mut spans = self.spans;
        spans.extend(self.open.into_iter().map(|(labels, start_ms)| Span {
            labels,
            start_ms,
            end_ms: None,
        }));
        spans.sort_by(|a, b| (a.start_ms, &a.labels).cmp(&(b.start_ms, &b.labels)));
        spans
    }
}

/// The world of one evaluation: the first query is the rule's own, and its answer is known. Others come from
/// templates of labels. Nothing is stored.
struct Answer<'a> {
    vector: &'a StepVector,
    is_asked: AtomicBool,
    history: &'a History<'a>,
}

impl RuleIo for Answer<'_> {
    fn query(&self, query: &RuleQuery, time_ms: i64) -> Result<Vec<RuleSample>, String> {
        if !self.is_asked.swap(true, Ordering::Relaxed) {
            return self.vector.clone();
        }
        let expr = query.promql().ok_or("log lines are not replayed")?;
        let answer = self.history.at(query.text(), expr, time_ms);
        answer.map_err(|error| error.to_string())?
    }

    fn append(&self, batch: MetricBatch) -> Result<AppendReport, WriteError> {
        Silent.append(batch)
    }

    fn select(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<Series>, ReadError> {
        Silent.select(matchers, range)
    }
}

/// A world without samples that keeps none.
struct Silent;

impl RuleIo for Silent {
    fn query(&self, _query: &RuleQuery, _time_ms: i64) -> Result<Vec<RuleSample>, String> {
        Ok(Vec::new())
    }

    fn append(&self, batch: MetricBatch) -> Result<AppendReport, WriteError> {
        let samples = batch.series.iter().map(|series| series.samples.len() as u64).sum();
        Ok(AppendReport {
            stored: samples,
            refused: Vec::new(),
        })
    }

    fn select(&self, _matchers: &[Matcher], _range: TimeRange) -> Result<Vec<Series>, ReadError> {
        Ok(Vec::new())
    }
}
