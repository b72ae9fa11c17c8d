//! Firings beside the incidents on record: which the rule would have told of, which not, and what it cried without.

use serde::{Deserialize, Serialize};
use skopos_core::Labels;
use skopos_rules::RuleSpec;

use super::replay::Span;

/// An alert may come this much before or after its incident.
const TOLERANCE_MS: i64 = 15 * 60_000;
/// Labels that name a service.
const SERVICE_LABELS: [&str; 2] = ["service", "job"];

/// An incident on record. One that names neither service nor alerts concerns every rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownIncident {
    /// When it began, Unix milliseconds.
    pub start_ms: i64,
    /// When it ended; it still goes on where `None`.
    #[serde(default)]
    pub end_ms: Option<i64>,
    /// The service.
    #[serde(default)]
    pub service: Option<String>,
    /// Names of the alerts that belonged to it.
    #[serde(default)]
    pub alertnames: Vec<String>,
}

/// How a rule compares with the incidents that concern it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IncidentMatch {
    /// Incidents during which it fired.
    pub matched: usize,
    /// Incidents during which it did not.
    pub missed: usize,
    /// Firings without an incident.
    pub extra: usize,
}

/// Compares what a rule did with the incidents between the times given.
pub(super) fn compare(
    rule: &RuleSpec,
    spans: &[&Span],
    incidents: &[KnownIncident],
    [from_ms, to_ms]: [i64; 2],
) -> IncidentMatch {
    let within =
        |incident: &&KnownIncident| incident.start_ms <= to_ms && incident.end_ms.is_none_or(|end| end >= from_ms);
    let concerning: Vec<&KnownIncident> = incidents
        .iter()
        .filter(within)
        .filter(|incident| incident.concerns(rule, spans))
        .collect();
    let matched = concerning
        .iter()
        .filter(|incident| spans.iter().any(|span| incident.meets(rule, span)))
        .count();
    let extra = spans
        .iter()
        .filter(|span| !concerning.iter().any(|incident| incident.meets(rule, span)))
        .count();
    IncidentMatch {
        matched,
        missed: concerning.len() - matched,
        extra,
    }
}

impl KnownIncident {
    fn is_of_everything(&self) -> bool {
        self.alertnames.is_empty() && self.service.is_none()
    }

    fn is_of_rule(&self, rule: &RuleSpec) -> bool {
        self.alertnames.contains(&rule.name)
    }

    fn concerns(&self, rule: &RuleSpec, spans: &[&Span]) -> bool {
        let service = self.service.as_ref();
        let is_set = SERVICE_LABELS
            .iter()
            .any(|label| service.is_some() && rule.labels.get(*label) == service);
        self.is_of_everything()
            || self.is_of_rule(rule)
            || is_set
            || spans.iter().any(|span| self.is_of_service(&span.labels))
    }

    fn is_of_service(&self, labels: &Labels) -> bool {
        let service = self.service.as_deref();
        SERVICE_LABELS
            .iter()
            .any(|label| service.is_some() && labels.find(label) == service)
    }

    /// Whether the alert fired during the incident, for what it was about.
    fn meets(&self, rule: &RuleSpec, span: &Span) -> bool {
        let is_about = self.is_of_everything() || self.is_of_rule(rule) || self.is_of_service(&span.labels);
        let starts_in_time = self
            .end_ms
            .is_none_or(|end_ms| span.start_ms <= end_ms.saturating_add(TOLERANCE_MS));
        let ends_in_time = span
            .end_ms
            .is_none_or(|end_ms| end_ms >= self.start_ms.saturating_sub(TOLERANCE_MS));
        is_about && starts_in_time && ends_in_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: i64 = 60_000;

    fn rule() -> RuleSpec {
        let text = "groups: [{name: g, rules: [{alert: A, expr: up == 0}]}]";
        let file = skopos_rules::parse_rule_file(text, "r.yml").expect("the file is valid");
        file.groups[0].rules[0].clone()
    }

    fn span(start: i64, end: i64, job: &str) -> Span {
        Span {
            labels: Labels::from_pairs([("alertname", "A"), ("job", job)]),
            start_ms: start * MINUTE_MS,
            end_ms: Some(end * MINUTE_MS),
        }
    }

    fn incident(start: i64, end: i64, service: Option<&str>, alerts: &[&str]) -> KnownIncident {
        KnownIncident {
            start_ms: start * MINUTE_MS,
            end_ms: Some(end * MINUTE_MS),
            service: service.map(str::to_owned),
            alertnames: alerts.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[track_caller]
    fn check(spans: &[Span], incidents: &[KnownIncident], [matched, missed, extra]: [usize; 3]) {
        let spans: Vec<&Span> = spans.iter().collect();
        let found = compare(&rule(), &spans, incidents, [0, 1_000 * MINUTE_MS]);
        assert_eq!([found.matched, found.missed, found.extra], [matched, missed, extra]);
    }

    #[test]
    fn by_name_by_service_and_by_time() {
        check(&[span(100, 110, "a")], &[incident(105, 200, None, &["A"])], [1, 0, 0]);
        check(&[span(100, 110, "a")], &[incident(105, 200, None, &["B"])], [0, 0, 1]);
        check(
            &[span(100, 110, "a")],
            &[incident(105, 200, Some("a"), &["B"])],
            [1, 0, 0],
        );
        check(&[span(100, 110, "a")], &[incident(105, 200, Some("b"), &[])], [0, 0, 1]);
        check(&[span(100, 110, "a")], &[incident(105, 200, None, &[])], [1, 0, 0]);
        // A quarter of an hour is tolerated.
        check(&[span(100, 110, "a")], &[incident(125, 200, None, &["A"])], [1, 0, 0]);
        check(&[span(100, 110, "a")], &[incident(126, 200, None, &["A"])], [0, 1, 1]);
        // One long firing covers two incidents.
        let two = [incident(10, 20, None, &["A"]), incident(30, 40, None, &["A"])];
        check(&[span(5, 50, "a")], &two, [2, 0, 0]);
        check(&[], &two, [0, 2, 0]);
        check(&[], &[incident(2_000, 2_010, None, &["A"])], [0, 0, 0]);
    }
}
