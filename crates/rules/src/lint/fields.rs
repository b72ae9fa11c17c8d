//! Checks of a rule's fields, without its expression.

use std::collections::HashMap;

use skopos_promql::duration::format_duration;

use super::{Check, Finding, Lint, LintOptions, LintedFile};
use crate::file::RuleKind;

/// Annotations by which people learn what is wrong.
const SUMMARIES: [&str; 4] = ["summary", "title", "message", "description"];
const RUNBOOK: &str = "runbook";

impl Check<'_> {
    pub(super) fn fields(&mut self) {
        if self.spec.kind != RuleKind::Alerting {
            return;
        }
        let interval_ms = self.group.interval_ms.unwrap_or(self.options.interval_ms);
        let for_ms = self.spec.for_ms;
        if let (true, Some(place)) = (0 < for_ms && for_ms < interval_ms, self.spec.places.hold) {
            let message = format!(
                "`for: {}` is shorter than the group's interval of {}: the alert fires with the second evaluation at \
                 the earliest, after {1}; give at least the interval, or none to fire at once",
                format_duration(for_ms),
                format_duration(interval_ms)
            );
            self.add(Lint::ShortFor, place, message);
        }
        let has = |wanted: &dyn Fn(&str) -> bool| {
            let annotations = self.spec.annotations.iter();
            annotations
                .filter(|(_, text)| !text.trim().is_empty())
                .any(|(name, _)| wanted(&name.to_lowercase()))
        };
        let has_summary = has(&|name| SUMMARIES.contains(&name));
        let has_runbook = has(&|name| name.contains(RUNBOOK)) || has_link(&self.spec.annotations);
        let place = self.spec.places.rule;
        if !has_summary {
            let message = "no `summary` annotation: whoever is woken reads only the alert's name";
            self.add(Lint::MissingSummary, place, message);
        }
        if !has_runbook {
            let message = "no `runbook_url` annotation: whoever is woken does not learn what to do";
            self.add(Lint::MissingRunbook, place, message);
        }
    }
}

/// Whether an annotation links to a runbook in its text.
fn has_link(annotations: &std::collections::BTreeMap<String, String>) -> bool {
    let mut texts = annotations.values().map(|text| text.to_lowercase());
    texts.any(|text| text.contains(RUNBOOK) && text.contains("://"))
}

/// Rules of a file that make the same series or alert.
pub(super) fn duplicates(file: &LintedFile<'_>, options: &LintOptions, findings: &mut Vec<Finding>) {
    if !options.lints.contains(&Lint::DuplicateRules) {
        return;
    }
    let mut first = HashMap::new();
    for group in &file.file.groups {
        for rule in &group.rules {
            let identity = (rule.kind, &rule.name, &rule.labels);
            let Some((other, line)) = first.get(&identity) else {
                first.insert(identity, (&group.name, rule.line));
                continue;
            };
            findings.push(Finding {
                lint: Lint::DuplicateRules,
                file: file.file.path.clone(),
                place: rule.places.rule,
                group: group.name.clone(),
                rule: rule.name.clone(),
                message: format!(
                    "the same name and labels as the rule in line {line} (group {other:?}): \
                     this might cause inconsistency while recording expressions"
                ),
            });
        }
    }
}
