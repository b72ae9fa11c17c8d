//! Reports as they are filled: an empty one of a rule, what a witness shows, and what its alerts say.

use std::collections::BTreeMap;

use skopos_core::Labels;
use skopos_core::labels::METRIC_NAME;
use skopos_promql::Expr;
use skopos_rules::AlertView;

use super::witness::Witness;
use super::{Prover, Subject};
use crate::report::{FiredAlert, Moments, RuleReport, Verdict};
use crate::state::selects;

/// What Prometheus writes where a template fails.
const TEMPLATE_ERROR: &str = "<error expanding template";

impl Prover {
    pub(super) fn blank(&self, subject: &Subject) -> RuleReport {
        let spec = &subject.spec;
        RuleReport {
            file: subject.file.clone(),
            group: subject.group.clone(),
            name: spec.name.clone(),
            line: spec.line,
            expr: spec.expr.clone(),
            for_ms: spec.for_ms,
            verdict: Verdict::NotProvable,
            link: None,
            why: None,
            notes: Vec::new(),
            time_to_fire_ms: None,
            receivers: Vec::new(),
            message: None,
            resolved_receivers: Vec::new(),
            resolved_message: None,
            witness: Vec::new(),
            interval_ms: 0,
            evaluation_interval_ms: subject.interval_ms,
            timeline: Moments::default(),
            resolved_by: None,
            alerts: Vec::new(),
            driven: Vec::new(),
            shown_ms: 0,
            external_url: self.options.external_url.clone(),
            external_labels: pairs(&self.options.external_labels),
        }
    }

    pub(super) fn show(witness: &Witness, report: &mut RuleReport) {
        let start_ms = witness.times.start_ms;
        let course = &witness.course;
        report.time_to_fire_ms = course.firing_ms.map(|at_ms| at_ms - start_ms);
        report.witness.clone_from(&witness.series);
        report.interval_ms = witness.step_ms;
        report.evaluation_interval_ms = witness.times.interval_ms;
        report.resolved_by.clone_from(&witness.resolved_by);
        report.shown_ms = course.shown_ms;
        report.driven.clone_from(&witness.driven);
        report.alerts = course.alerts.iter().map(fired).collect();
        report.timeline = Moments {
            first_bad_ms: Some(start_ms),
            pending_ms: course.pending_ms,
            firing_ms: course.firing_ms,
            notified_ms: None,
            resolved_ms: course.resolved_ms,
            end_notified_ms: None,
        };
    }
}

fn fired(alert: &AlertView) -> FiredAlert {
    FiredAlert {
        labels: pairs(&alert.labels),
        annotations: alert.annotations.iter().cloned().collect(),
    }
}

fn pairs(labels: &Labels) -> BTreeMap<String, String> {
    labels
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Whether an expression selects what the rule's own alerts write.
pub(super) fn reads_itself(expr: &Expr, alerts: &[FiredAlert]) -> bool {
    let mut reads = false;
    expr.for_each_selector(&mut |selector| {
        reads |= alerts.iter().any(|alert| {
            let state = [(METRIC_NAME, "ALERTS"), ("alertstate", "firing")];
            let labels = alert.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            selects(selector, &Labels::from_pairs(labels.chain(state)))
        });
    });
    reads
}

/// The first label or annotation that did not expand.
pub(super) fn template_fault(alerts: &[FiredAlert]) -> Option<String> {
    let texts = alerts
        .iter()
        .flat_map(|alert| alert.labels.iter().chain(&alert.annotations));
    let mut faults = texts.filter(|(_, text)| text.contains(TEMPLATE_ERROR));
    faults.next().map(|(name, text)| format!("{name}: {text}"))
}
