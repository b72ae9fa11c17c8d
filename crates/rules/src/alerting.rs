//! Alerting rules: a query whose result are alerts that are pending, then fire, then resolve
//! (`rules/alerting.go`). Restoration after a restart is in `restore`.

mod active;
mod end;
mod notices;
mod restore;

use std::collections::BTreeMap;
use std::sync::Arc;

use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::{MetricValue, SeriesBatch};
use skopos_core::{Labels, LabelsBuilder};

use crate::evidence::{RuleOrigin, Transition, TransitionKind};
use crate::expand::{ExpandContext, Expander};
use crate::file::RuleSpec;
use crate::io::RuleSample;
use crate::rule::float_series;
use crate::view::{AlertState, AlertView};

pub(crate) use active::ActiveAlert;
pub(crate) use end::Refusal;
pub use notices::AlertNotice;
pub(crate) use restore::{RestoreTimes, matchers};

const ALERTS: &str = "ALERTS";
const ALERTS_FOR_STATE: &str = "ALERTS_FOR_STATE";
const ALERT_NAME: &str = "alertname";
const ALERT_STATE: &str = "alertstate";

/// What an evaluation made of a rule's alerts.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// `ALERTS` and `ALERTS_FOR_STATE`.
    pub(crate) series: Vec<SeriesBatch>,
    /// The alerts that moved on.
    pub(crate) changes: Vec<(Labels, TransitionKind)>,
}

/// The alerts of a rule.
#[derive(Debug)]
pub(crate) struct AlertingRule {
    name: String,
    hold_ms: i64,
    keep_firing_for_ms: i64,
    labels: Vec<(String, Expander)>,
    annotations: Vec<(String, Expander)>,
    pub(crate) active: BTreeMap<Labels, ActiveAlert>,
    /// Until then no state is written, or it would overwrite what is to be restored.
    pub(crate) is_restored: bool,
}

/// When and with which bounds a rule is evaluated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EvaluationTimes {
    /// The time of the evaluation.
    pub(crate) now_ms: i64,
    /// The time of queries and samples: earlier by the query offset.
    pub(crate) sample_ms: i64,
    /// Most alerts; 0 is no limit.
    pub(crate) limit: usize,
}

impl AlertingRule {
    pub(crate) fn new(spec: &RuleSpec, is_restored: bool) -> Self {
        let compile = |texts: &BTreeMap<String, String>| {
            let pairs = texts.iter();
            pairs
                .map(|(name, text)| {
                    let expander = Expander::parse(&spec.name, text).expect("rule files are checked when read");
                    (name.clone(), expander)
                })
                .collect()
        };
        Self {
            name: spec.name.clone(),
            hold_ms: spec.for_ms,
            keep_firing_for_ms: spec.keep_firing_for_ms,
            labels: compile(&spec.labels),
            annotations: compile(&spec.annotations),
            active: BTreeMap::new(),
            is_restored,
        }
    }

    /// Takes over the alerts of an older version of the rule.
    pub(crate) fn take_state(&mut self, older: &mut Self) {
        self.active = std::mem::take(&mut older.active);
        self.is_restored = older.is_restored;
    }

    /// Moves the alerts on by a result; gives the series that tell of them, and what changed. Over the
    /// limit the alerts are to be ended by [`AlertingRule::end_all`].
    pub(crate) fn evaluate(
        &mut self,
        samples: &[RuleSample],
        times: EvaluationTimes,
        context: &ExpandContext<'_>,
    ) -> Result<Outcome, Refusal> {
        let found = self.alerts_of(samples, times.now_ms, context)?;
        let present: Vec<Labels> = found.keys().cloned().collect();
        for (labels, alert) in found {
            match self.active.get_mut(&labels) {
                Some(known) if known.state != AlertState::Inactive => {
                    known.value = alert.value;
                    known.annotations = alert.annotations;
                    known.sample_labels = alert.sample_labels;
                }
                _ => {
                    self.active.insert(labels, alert);
                }
            }
        }
        let mut changes = Vec::new();
        let live = self.advance(&present, times.now_ms, &mut changes);
        if times.limit > 0 && live.len() > times.limit {
            return Err(Refusal::OverLimit {
                limit: times.limit,
                alerts: live.len(),
            });
        }
        let mut series = Vec::new();
        if self.is_restored {
            series.reserve(2 * live.len());
            let states = live
                .iter()
                .flat_map(|labels| self.state_series(labels, times.sample_ms));
            series.extend(states);
        }
        Ok(Outcome { series, changes })
    }

    fn alerts_of(
        &self,
        samples: &[RuleSample],
        now_ms: i64,
        context: &ExpandContext<'_>,
    ) -> Result<BTreeMap<Labels, ActiveAlert>, Refusal> {
        let mut alerts = BTreeMap::new();
        for sample in samples {
            let mut builder = LabelsBuilder::from_labels(&sample.labels);
            builder.remove(METRIC_NAME);
            for (name, expander) in &self.labels {
                builder.set(name, &expander.expand_or_error(sample, context));
            }
            builder.set(ALERT_NAME, &self.name);
            let expand =
                |(name, expander): &(String, Expander)| (name.clone(), expander.expand_or_error(sample, context));
            let alert = ActiveAlert {
                state: AlertState::Pending,
                annotations: self.annotations.iter().map(expand).collect(),
                value: float_value(&sample.value),
                sample_labels: sample.labels.clone(),
                active_at_ms: now_ms,
                first_bad_ms: now_ms,
                fired_at_ms: None,
                resolved_at_ms: None,
                last_sent_ms: None,
                keep_firing_since_ms: None,
                evidence: None,
            };
            if alerts.insert(builder.build(), alert).is_some() {
                return Err(Refusal::SameLabels);
            }
        }
        Ok(alerts)
    }

    /// Lets alerts fire, resolve and be forgotten; gives those that are pending or firing.
    fn advance(&mut self, present: &[Labels], now_ms: i64, changes: &mut Vec<(Labels, TransitionKind)>) -> Vec<Labels> {
        let (hold_ms, keep_firing_for_ms) = (self.hold_ms, self.keep_firing_for_ms);
        let mut live = Vec::new();
        self.active.retain(|labels, alert| {
            let before = alert.state;
            let mut change = |kind| changes.push((labels.clone(), kind));
            if present.binary_search(labels).is_ok() {
                alert.keep_firing_since_ms = None;
            } else if !alert.keeps_firing(keep_firing_for_ms, now_ms) {
                match before {
                    AlertState::Firing => change(TransitionKind::Resolved),
                    AlertState::Pending => change(TransitionKind::Cancelled),
                    AlertState::Inactive => {}
                }
                return alert.resolve(now_ms);
            }
            if alert.state == AlertState::Pending && now_ms - alert.active_at_ms >= hold_ms {
                alert.state = AlertState::Firing;
                alert.fired_at_ms = Some(now_ms);
                change(TransitionKind::Firing);
            } else if alert.state == AlertState::Pending && alert.active_at_ms == now_ms {
                change(TransitionKind::Pending);
            }
            live.push(labels.clone());
            true
        });
        live
    }

    /// `ALERTS` and `ALERTS_FOR_STATE` of an alert.
    fn state_series(&self, labels: &Labels, timestamp_ms: i64) -> Vec<SeriesBatch> {
        let Some(alert) = self.active.get(labels) else {
            return Vec::new();
        };
        let mut builder = LabelsBuilder::from_labels(labels);
        builder.set(METRIC_NAME, ALERTS_FOR_STATE);
        let since_seconds = alert.active_at_ms.div_euclid(1000) as f64;
        let for_state = float_series(builder.build(), timestamp_ms, since_seconds);
        builder.set(METRIC_NAME, ALERTS);
        builder.set(ALERT_STATE, alert.state.as_str());
        vec![float_series(builder.build(), timestamp_ms, 1.0), for_state]
    }

    /// How an alert moved on, told to others.
    pub(crate) fn transition(
        &self,
        labels: Labels,
        kind: TransitionKind,
        at_ms: i64,
        rule: &Arc<RuleOrigin>,
    ) -> Transition {
        // A cancelled alert is forgotten at once.
        let alert = self.active.get(&labels);
        Transition {
            kind,
            at_ms,
            first_bad_ms: alert.map_or(at_ms, |alert| alert.first_bad_ms),
            pending_ms: alert.map_or(at_ms, |alert| alert.active_at_ms),
            rule: Arc::clone(rule),
            evidence: alert.and_then(|alert| alert.evidence.clone()),
            end: kind.end_reason(),
            labels,
        }
    }

    /// How many of its alerts keep raw samples.
    pub(crate) fn detailed_evidence(&self) -> usize {
        let evidence = self.active.values().filter_map(|alert| alert.evidence.as_ref());
        evidence.filter(|evidence| !evidence.selectors.is_empty()).count()
    }

    /// The highest state of its alerts.
    pub(crate) fn state(&self) -> AlertState {
        let states = self.active.values().map(|alert| alert.state);
        states.max().unwrap_or(AlertState::Inactive)
    }

    /// The alerts that are pending or firing.
    pub(crate) fn views(&self) -> Vec<AlertView> {
        let live = self
            .active
            .iter()
            .filter(|(_, alert)| alert.state != AlertState::Inactive);
        live.map(|(labels, alert)| AlertView {
            labels: labels.clone(),
            annotations: Arc::clone(&alert.annotations),
            state: alert.state,
            active_at_ms: alert.active_at_ms,
            first_bad_ms: alert.first_bad_ms,
            fired_at_ms: alert.fired_at_ms,
            keep_firing_since_ms: alert.keep_firing_since_ms,
            value: alert.value,
            evidence: alert.evidence.clone(),
        })
        .collect()
    }
}

/// The value shown of an alert; a histogram has none.
fn float_value(value: &MetricValue) -> f64 {
    match value {
        MetricValue::Float(value) => *value,
        MetricValue::Histogram(_) => 0.0,
    }
}

#[cfg(test)]
mod tests;
