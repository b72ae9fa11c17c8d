//! The checks of `model/rulefmt` in Prometheus, with its messages. All problems of a file are
//! found, not only the first.

use std::collections::{BTreeMap, HashSet};

use skopos_core::labels::METRIC_NAME;

use super::document::Part;
use super::raw::{At, RawGroup, RawRule};
use super::{GroupSpec, Place, Reading, RuleKind, RulePlaces, RuleSpec};
use crate::error::RuleProblem;
use crate::expand::Expander;
use crate::query::{QueryLanguage, RuleQuery};

pub(super) fn validate(part: Part, mut reading: Reading) -> Result<Vec<GroupSpec>, Vec<RuleProblem>> {
    if part.is_logql {
        reading.language = QueryLanguage::LogQl;
    }
    let is_promql_file = part.object.is_none() && reading.language == QueryLanguage::PromQl;
    let mut problems = Vec::new();
    let mut names = HashSet::new();
    let mut groups = Vec::new();
    for guest in part.file.guests.iter().filter(|_| is_promql_file) {
        let message = format!("field {} not found in type {}", guest.field, guest.owner);
        problems.push(problem(guest.at, None, message));
    }
    for group in part.file.groups {
        let at = group.at;
        let name = text(group.value.name.as_ref()).to_owned();
        let mut complain = |message: String| problems.push(problem(at, None, message));
        if name.is_empty() {
            complain("Groupname must not be empty".to_owned());
        }
        if !names.insert(name.clone()) {
            complain(format!("groupname: {name:?} is repeated in the same file"));
        }
        groups.push(group_spec((name, at), group.value, reading, &mut problems));
    }
    if problems.is_empty() { Ok(groups) } else { Err(problems) }
}

fn problem((line, column): Place, rule: Option<(String, usize, String)>, message: String) -> RuleProblem {
    RuleProblem {
        line,
        column,
        rule,
        message,
    }
}

fn text(value: Option<&At<String>>) -> &str {
    value.map_or("", |text| text.value.as_str())
}

fn group_spec(
    (name, at): (String, Place),
    raw: RawGroup,
    reading: Reading,
    problems: &mut Vec<RuleProblem>,
) -> GroupSpec {
    let mut complain = |at, message| problems.push(problem(at, None, message));
    let interval_ms = duration(raw.interval.as_ref(), &mut complain);
    let query_offset_ms = duration(raw.query_offset.as_ref(), &mut complain);
    let limit = raw.limit.map_or(0, |limit| limit.max(0)) as usize;
    let labels: BTreeMap<String, String> = raw.labels.into_iter().collect();
    check_labels(&labels, &mut |message| complain(at, message));
    let mut rules = Vec::new();
    for (i, rule) in raw.rules.into_iter().enumerate() {
        let check = RuleCheck {
            at: rule.at,
            group: &name,
            number: i + 1,
            name: rule_name(&rule.value),
            reading,
            problems,
        };
        rules.push(check.run(rule.value, &labels));
    }
    GroupSpec {
        name,
        interval_ms: interval_ms.filter(|interval| *interval > 0),
        query_offset_ms,
        limit,
        rules,
    }
}

fn rule_name(raw: &RawRule) -> String {
    match text(raw.alert.as_ref()) {
        "" => text(raw.record.as_ref()).to_owned(),
        name => name.to_owned(),
    }
}

fn duration(value: Option<&At<String>>, complain: &mut impl FnMut(Place, String)) -> Option<i64> {
    let value = value?;
    match skopos_promql::duration::parse_duration(&value.value) {
        Ok(duration_ms) => Some(duration_ms),
        Err(error) => {
            complain(value.at, error.to_string());
            None
        }
    }
}

fn check_labels(labels: &BTreeMap<String, String>, complain: &mut impl FnMut(String)) {
    for name in labels.keys() {
        if name.is_empty() || name == METRIC_NAME {
            complain(format!("invalid label name: {name}"));
        }
    }
}

/// The checks of one rule.
struct RuleCheck<'a> {
    at: Place,
    group: &'a str,
    number: usize,
    name: String,
    reading: Reading,
    problems: &'a mut Vec<RuleProblem>,
}

impl RuleCheck<'_> {
    fn run(mut self, raw: RawRule, group_labels: &BTreeMap<String, String>) -> RuleSpec {
        let is_recording = raw.record.as_ref().is_some_and(|record| !record.value.is_empty());
        let is_alerting = raw.alert.as_ref().is_some_and(|alert| !alert.value.is_empty());
        match (is_recording, is_alerting) {
            (true, true) => self.complain("only one of 'record' and 'alert' must be set"),
            (false, false) => self.complain("one of 'record' or 'alert' must be set"),
            _ => {}
        }
        self.check_expr(raw.expr.as_ref());
        let at = |value: &At<String>| value.at;
        let places = RulePlaces {
            rule: self.at,
            expr: raw.expr.as_ref().map_or(self.at, at),
            hold: raw.hold.as_ref().map(at),
        };
        let for_ms = self.duration(raw.hold.as_ref());
        let keep_firing_for_ms = self.duration(raw.keep_firing_for.as_ref());
        let own_labels: BTreeMap<String, String> = raw.labels.into_iter().collect();
        let annotations: BTreeMap<String, String> = raw.annotations.into_iter().collect();
        if is_recording {
            self.check_recording(for_ms, keep_firing_for_ms, !annotations.is_empty());
        }
        let mut messages = Vec::new();
        check_labels(&own_labels, &mut |message| messages.push(message));
        for message in messages {
            self.complain(message);
        }
        if annotations.contains_key("") {
            self.complain("invalid annotation name: ");
        }
        if is_alerting {
            self.check_templates("label", &own_labels);
            self.check_templates("annotation", &annotations);
        }
        let mut labels = group_labels.clone();
        labels.extend(own_labels);
        RuleSpec {
            kind: if is_alerting {
                RuleKind::Alerting
            } else {
                RuleKind::Recording
            },
            name: self.name,
            expr: text(raw.expr.as_ref()).trim().to_owned(),
            for_ms,
            keep_firing_for_ms,
            labels,
            annotations,
            language: self.reading.language,
            line: self.at.0,
            places,
        }
    }

    fn complain(&mut self, message: impl Into<String>) {
        self.complain_at(self.at, message);
    }

    fn complain_at(&mut self, at: Place, message: impl Into<String>) {
        let rule = Some((self.group.to_owned(), self.number, self.name.clone()));
        self.problems.push(problem(at, rule, message.into()));
    }

    fn duration(&mut self, value: Option<&At<String>>) -> i64 {
        duration(value, &mut |at, message| self.complain_at(at, message)).unwrap_or(0)
    }

    fn check_expr(&mut self, expr: Option<&At<String>>) {
        match expr {
            Some(expr) if !expr.value.is_empty() => {
                if let Err(error) = RuleQuery::parse(&expr.value, self.reading.language, self.reading.syntax) {
                    self.complain_at(expr.at, format!("could not parse expression: {error}"));
                }
            }
            _ => self.complain("field 'expr' must be set in rule"),
        }
    }

    fn check_recording(&mut self, for_ms: i64, keep_firing_for_ms: i64, has_annotations: bool) {
        if has_annotations {
            self.complain("invalid field 'annotations' in recording rule");
        }
        if for_ms != 0 {
            self.complain("invalid field 'for' in recording rule");
        }
        if keep_firing_for_ms != 0 {
            self.complain("invalid field 'keep_firing_for' in recording rule");
        }
        if self.name.contains(['{', '}']) {
            let message = format!(
                "braces present in the recording rule name; should it be in expr?: {}",
                self.name
            );
            self.complain(message);
        }
    }

    fn check_templates(&mut self, what: &str, texts: &BTreeMap<String, String>) {
        for (name, text) in texts {
            if let Err(error) = Expander::parse(&self.name, text) {
                self.complain(format!("{what} {name:?}: {error}"));
            }
        }
    }
}

/// Name and labels of what a rule makes.
type Identity<'a> = (&'a str, Vec<(&'a str, &'a str)>);

/// Rules that make the same series or alert twice (promtool's lint `duplicate-rules`).
pub(super) fn duplicate_rules(path: &str, groups: &[GroupSpec]) -> Vec<String> {
    let mut seen: BTreeMap<Identity<'_>, usize> = BTreeMap::new();
    for rule in groups.iter().flat_map(|group| &group.rules) {
        let labels = rule.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        *seen.entry((&rule.name, labels.collect())).or_default() += 1;
    }
    let repeated = seen.into_iter().filter(|(_, count)| *count > 1);
    repeated
        .map(|((name, labels), count)| {
            format!(
                "{path}: {count} rules make {name} with the labels {labels:?}; this might cause inconsistency while recording expressions"
            )
        })
        .collect()
}
