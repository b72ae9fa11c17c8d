//! One pass over a rule: query, alerts, evidence, samples.

use std::collections::HashSet;
use std::sync::Arc;

use skopos_core::Labels;
use skopos_core::metric::SeriesBatch;
use tracing::Span;
use tracing::field::Empty;

use crate::alerting::{AlertNotice, AlertingRule, EvaluationTimes, Outcome, Refusal};
use crate::evidence::{Collector, EndReason, Evidence, Fresh, RuleOrigin, Transition, TransitionKind};
use crate::expand::ExpandContext;
use crate::group::{append, append_markers};
use crate::groups::RuleOptions;
use crate::io::{RuleIo, RuleSample};
use crate::query::{QueryLanguage, RuleQuery};
use crate::rule::{Rule, RuleBody};
use crate::telemetry;
use crate::view::Health;

/// What came of evaluating groups.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evaluation {
    /// The alerts to send now.
    pub notices: Vec<AlertNotice>,
    /// The alerts that moved on.
    pub transitions: Vec<Transition>,
}

impl Evaluation {
    /// Adds what came of another.
    pub fn extend(&mut self, other: Self) {
        self.notices.extend(other.notices);
        self.transitions.extend(other.transitions);
    }
}

/// What the rules of a group share while they are evaluated.
pub(crate) struct Pass<'a> {
    pub(crate) io: &'a dyn RuleIo,
    pub(crate) options: &'a RuleOptions,
    pub(crate) times: EvaluationTimes,
    pub(crate) interval_ms: i64,
}

impl Pass<'_> {
    /// Evaluates a rule and stores what it makes; an error becomes the rule's health.
    pub(crate) fn evaluate(&self, rule: &mut Rule) -> Evaluation {
        let started_ns = self.options.clock.now_ns();
        let span = self.span(rule);
        let _entered = span.enter();
        if self.options.is_observed {
            telemetry::EVALUATIONS.inc();
        }
        rule.last_evaluation_ms = Some(self.times.now_ms);
        let mut evaluation = Evaluation::default();
        match self.run(rule, &mut evaluation) {
            Ok(series) => self.store(rule, series),
            Err(error) => {
                if self.options.is_observed {
                    telemetry::FAILURES.inc();
                }
                span.record("otel.status_code", "ERROR");
                span.record("otel.status_description", error.as_str());
                rule.health = Health::Bad;
                rule.last_error = error;
            }
        }
        rule.evaluation_ns = self.options.clock.now_ns() - started_ns;
        evaluation
    }

    /// The span of an evaluation, the root of a trace as in Prometheus.
    fn span(&self, rule: &Rule) -> Span {
        if !self.options.is_observed {
            return Span::none();
        }
        tracing::debug_span!(
            parent: None,
            "rule",
            name = rule.spec.name,
            group = rule.origin.group,
            file = rule.origin.file,
            otel.status_code = Empty,
            otel.status_description = Empty,
        )
    }

    fn store(&self, rule: &mut Rule, series: Vec<SeriesBatch>) {
        let mut current = HashSet::with_capacity(series.len());
        current.extend(series.iter().map(|series| series.labels.clone()));
        let stored = append(self.io, series);
        let vanished = rule.series.difference(&current).cloned();
        let ended = append_markers(self.io, vanished, self.times.sample_ms);
        let stored = stored.and(ended);
        rule.health = if stored.is_ok() { Health::Good } else { Health::Bad };
        rule.last_error = stored.err().unwrap_or_default();
        rule.series = current;
    }

    fn run(&self, rule: &mut Rule, evaluation: &mut Evaluation) -> Result<Vec<SeriesBatch>, String> {
        let (times, options) = (self.times, self.options);
        let query = rule.query.as_ref().map_err(Clone::clone)?;
        let samples = self.io.query(query, times.sample_ms)?;
        let alerting = match &mut rule.body {
            RuleBody::Recording(recording) => return recording.evaluate(samples, times.sample_ms, times.limit),
            RuleBody::Alerting(alerting) => alerting,
        };
        let context = ExpandContext {
            query: &|text| {
                let query = RuleQuery::parse(text, QueryLanguage::PromQl, options.syntax)?;
                self.io.query(&query, times.now_ms)
            },
            now_ms: times.now_ms,
            external_labels: &options.external_labels,
            external_url: &options.external_url,
        };
        let outcome = alerting.evaluate(&samples, times, &context);
        if let Err(Refusal::OverLimit { .. }) = outcome {
            let reason = EndReason::LimitExceeded;
            let ended = alerting.end_all(times.now_ms, reason, &rule.origin);
            evaluation.transitions.extend(ended);
        }
        let Outcome { series, changes } = outcome.map_err(|refusal| refusal.to_string())?;
        if !changes.is_empty() {
            self.witness(alerting, &changes, &samples, query, &rule.origin);
            let transitions = changes.into_iter();
            let transitions =
                transitions.map(|(labels, kind)| alerting.transition(labels, kind, times.now_ms, &rule.origin));
            evaluation.transitions.extend(transitions);
        }
        evaluation.notices = alerting.notices(times.now_ms, options.resend_delay_ms, self.interval_ms, &rule.origin);
        Ok(series)
    }

    /// Dates the alerts that became active, and keeps what decided those that fire now.
    fn witness(
        &self,
        alerting: &mut AlertingRule,
        changes: &[(Labels, TransitionKind)],
        samples: &[RuleSample],
        query: &RuleQuery,
        origin: &Arc<RuleOrigin>,
    ) {
        if !self.options.keeps_evidence {
            return;
        }
        let collector = Collector {
            io: self.io,
            query,
            sample_ms: self.times.sample_ms,
            interval_ms: self.interval_ms,
        };
        self.date(alerting, changes, &collector);
        let fired = changes.iter().filter(|(_, kind)| *kind == TransitionKind::Firing);
        let mut result: Option<Arc<[RuleSample]>> = None;
        let mut detailed = alerting.detailed_evidence();
        for (labels, _) in fired {
            let Some(alert) = alerting.active.get_mut(labels) else {
                continue;
            };
            let Some(sample) = samples.iter().find(|sample| sample.labels == alert.sample_labels) else {
                continue;
            };
            let result = result.get_or_insert_with(|| samples.iter().take(Evidence::MAX_RESULT).cloned().collect());
            detailed += 1;
            alert.evidence = Some(Arc::new(Evidence {
                rule: Arc::clone(origin),
                config_version: Arc::clone(&self.options.config_version),
                labels: labels.clone(),
                first_bad_ms: alert.first_bad_ms,
                pending_ms: alert.active_at_ms,
                fired_ms: self.times.now_ms,
                sample: sample.clone(),
                result: Arc::clone(result),
                selectors: if detailed <= Evidence::MAX_DETAILED {
                    collector.selectors(sample)
                } else {
                    Vec::new()
                },
            }));
        }
    }

    /// Finds the first bad samples of the alerts that became active with this evaluation.
    fn date(&self, alerting: &mut AlertingRule, changes: &[(Labels, TransitionKind)], collector: &Collector<'_>) {
        let now_ms = self.times.now_ms;
        let mut alerts = Vec::new();
        let mut fresh = Vec::new();
        for (labels, _) in changes {
            let active = alerting.active.get(labels);
            if let Some(alert) = active.filter(|alert| alert.active_at_ms == now_ms && alert.resolved_at_ms.is_none()) {
                alerts.push(labels);
                fresh.push(Fresh {
                    sample_labels: alert.sample_labels.clone(),
                    first_bad_ms: self.times.sample_ms,
                });
            }
        }
        if fresh.is_empty() {
            return;
        }
        collector.date(&mut fresh);
        for (labels, fresh) in alerts.into_iter().zip(fresh) {
            if let Some(alert) = alerting.active.get_mut(labels) {
                alert.first_bad_ms = fresh.first_bad_ms;
            }
        }
    }
}
