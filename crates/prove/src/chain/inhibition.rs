//! Inhibitions that swallow: another alert holds this one back whenever it fires.

use skopos_alertmanager::inhibit::InhibitRule;
use skopos_core::Labels;

use super::{Chain, End};
use crate::prover::Prover;
use crate::report::{Link, RuleReport, Verdict};

impl Chain<'_> {
    /// Says by which alert a rule's alerts are always held back. An alert that can fire without the
    /// other is left alone: that is what inhibition is for.
    pub(super) fn swallowed(&self, prover: &Prover, rules: &[RuleReport], index: usize) -> Option<End> {
        let target = &rules[index];
        let others = rules
            .iter()
            .enumerate()
            .filter(|(other, rule)| *other != index && rule.verdict == Verdict::Proven);
        for (other, source) in others {
            let Some(by) = self
                .plan
                .inhibit_rules
                .iter()
                .find(|rule| holds_back(rule, source, target))
            else {
                continue;
            };
            let always_fires = source.resolved_by.is_none();
            if always_fires || !prover.fires_without(index, other) {
                let when = if always_fires {
                    "always fires"
                } else {
                    "fires whenever this alert does"
                };
                let why = format!(
                    "{} {when} and inhibits it by the rule with the source {}",
                    source.name, by.source
                );
                return Some(End {
                    link: Link::Inhibition,
                    why,
                });
            }
        }
        None
    }
}

/// Whether every alert of the target is held back by some alert of the source.
fn holds_back(rule: &InhibitRule, source: &RuleReport, target: &RuleReport) -> bool {
    let labels = |report: &RuleReport| -> Vec<Labels> {
        report
            .alerts
            .iter()
            .map(|alert| Labels::from_pairs(&alert.labels))
            .collect()
    };
    let sources = labels(source);
    let targets = labels(target);
    !targets.is_empty()
        && targets.iter().all(|target| {
            rule.target.matches(target)
                && sources.iter().any(|source| {
                    // Alerts that match both sides do not hold back each other.
                    let is_mutual = rule.source.matches(target) && rule.target.matches(source);
                    rule.source.matches(source)
                        && !is_mutual
                        && rule.equal.iter().all(|name| source.get(name) == target.get(name))
                })
        })
}
