//! Inhibition: alerts that hold back other alerts.
//!
//! Per rule, sources are indexed by the values of the `equal` labels, all of them and ordered by
//! their end, so that asking for an active one is a look at the last. Sources that match the
//! target side too are kept apart: they do not count for a target that matches the source side,
//! so that no alert holds back itself and no two of them hold back each other.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use skopos_core::Labels;

use crate::Matchers;
use crate::alert::Alert;

/// One rule.
#[derive(Debug, Clone, Default)]
pub struct InhibitRule {
    /// The rule's name, empty where it has none.
    pub name: String,
    /// What alerts hold back others.
    pub source: Matchers,
    /// What alerts are held back.
    pub target: Matchers,
    /// Labels whose values must be the same on both sides; an absent one is empty.
    pub equal: Vec<String>,
}

/// All rules and the sources that are known for them.
#[derive(Debug, Default)]
pub struct Inhibitor {
    rules: Vec<RuleIndex>,
}

/// What holds an alert back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inhibition {
    /// The fingerprint of the source.
    pub source: u64,
    /// The position of the rule.
    pub rule: usize,
}

#[derive(Debug)]
struct RuleIndex {
    rule: InhibitRule,
    sources: HashMap<Labels, Sources>,
}

/// End and fingerprint of the sources with the same values.
#[derive(Debug, Default)]
struct Sources {
    /// Those that do not match the target side.
    one_sided: BTreeSet<(i64, u64)>,
    /// Those that do.
    both_sided: BTreeSet<(i64, u64)>,
}

impl Inhibitor {
    /// An inhibitor that knows no alert yet.
    pub fn new(rules: Vec<InhibitRule>) -> Self {
        let index = |rule| RuleIndex {
            rule,
            sources: HashMap::new(),
        };
        Self {
            rules: rules.into_iter().map(index).collect(),
        }
    }

    /// The rules.
    pub fn rules(&self) -> impl Iterator<Item = &InhibitRule> {
        self.rules.iter().map(|index| &index.rule)
    }

    /// Learns of an alert, or of a newer state of it.
    pub fn put(&mut self, old: Option<&Arc<Alert>>, new: &Arc<Alert>) {
        if old.is_some_and(|old| old.ends_at_ms == new.ends_at_ms) {
            return;
        }
        for index in &mut self.rules {
            if !index.rule.source.matches(&new.labels) {
                continue;
            }
            let sources = index.sources.entry(index.rule.key(&new.labels)).or_default();
            let side = sources.side(index.rule.target.matches(&new.labels));
            if let Some(old) = old {
                side.remove(&(old.ends_at_ms, old.fingerprint));
            }
            side.insert((new.ends_at_ms, new.fingerprint));
        }
    }

    /// Forgets an alert.
    pub fn remove(&mut self, alert: &Alert) {
        for index in &mut self.rules {
            if !index.rule.source.matches(&alert.labels) {
                continue;
            }
            let key = index.rule.key(&alert.labels);
            if let Some(sources) = index.sources.get_mut(&key) {
                let side = sources.side(index.rule.target.matches(&alert.labels));
                side.remove(&(alert.ends_at_ms, alert.fingerprint));
                if sources.is_empty() {
                    index.sources.remove(&key);
                }
            }
        }
    }

    /// What holds back an alert with these labels at `now_ms`: by the first rule that does, the
    /// source that ends last.
    pub fn inhibition(&self, labels: &Labels, now_ms: i64) -> Option<Inhibition> {
        self.rules.iter().enumerate().find_map(|(rule, index)| {
            if index.sources.is_empty() || !index.rule.target.matches(labels) {
                return None;
            }
            let sources = index.sources.get(&index.rule.key(labels))?;
            let is_both_sided = index.rule.source.matches(labels);
            sources
                .active(now_ms, is_both_sided)
                .map(|source| Inhibition { source, rule })
        })
    }
}

impl InhibitRule {
    fn key(&self, labels: &Labels) -> Labels {
        labels.only(&self.equal)
    }
}

impl Sources {
    fn side(&mut self, is_target: bool) -> &mut BTreeSet<(i64, u64)> {
        if is_target {
            &mut self.both_sided
        } else {
            &mut self.one_sided
        }
    }

    fn is_empty(&self) -> bool {
        self.one_sided.is_empty() && self.both_sided.is_empty()
    }

    /// An active source for a target that is itself both-sided or not.
    fn active(&self, now_ms: i64, target_is_both_sided: bool) -> Option<u64> {
        let active = |side: &BTreeSet<(i64, u64)>| side.last().filter(|(ends_at_ms, _)| *ends_at_ms > now_ms).copied();
        let one_sided = active(&self.one_sided);
        let both_sided = active(&self.both_sided).filter(|_| !target_is_both_sided);
        one_sided.max(both_sided).map(|(_, fingerprint)| fingerprint)
    }
}

#[cfg(test)]
mod tests;
