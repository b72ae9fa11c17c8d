//! Which rules of a group may run side by side (`rules/group.go`, `buildDependencyMap`).
//!
//! Rules are laid into stages. A rule stands after every earlier rule that makes what it reads,
//! reads what it makes, or makes the same: the outcome is that of running them one by one.

use std::collections::HashMap;

use skopos_core::labels::METRIC_NAME;
use skopos_core::{MatchOp, Matcher};

use crate::file::{RuleKind, RuleSpec};
use crate::query::RuleQuery;

const ALERT_SERIES: [&str; 2] = ["ALERTS", "ALERTS_FOR_STATE"];

/// Which metrics a rule reads.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    /// By name.
    names: Vec<String>,
    /// By conditions on the name that are not a plain name; all of a selector must hold.
    patterns: Vec<Vec<Matcher>>,
    /// A selector without a name, or a template that queries: it may read everything.
    everything: bool,
}

impl Reads {
    /// What a rule reads. Templates that query count as reading everything.
    pub(crate) fn of(query: Option<&RuleQuery>, spec: &RuleSpec) -> Self {
        let mut reads = Self {
            everything: spec
                .labels
                .values()
                .chain(spec.annotations.values())
                .any(|text| queries(text)),
            ..Self::default()
        };
        if let Some(expr) = query.and_then(RuleQuery::promql) {
            expr.for_each_selector(&mut |selector| reads.add(&selector.matchers));
        }
        reads
    }

    fn add(&mut self, matchers: &[Matcher]) {
        let on_name: Vec<&Matcher> = matchers
            .iter()
            .filter(|matcher| matcher.name() == METRIC_NAME)
            .collect();
        match on_name.as_slice() {
            [] => self.everything = true,
            [matcher] if matcher.op() == MatchOp::Equal => self.names.push(matcher.value().to_owned()),
            several => self
                .patterns
                .push(several.iter().map(|matcher| (*matcher).clone()).collect()),
        }
    }
}

fn queries(text: &str) -> bool {
    text.contains("{{") && text.contains("query")
}

/// Which series a rule makes: metric names, and what no two rules should make at once.
fn writes(spec: &RuleSpec) -> (Vec<&str>, String) {
    match spec.kind {
        RuleKind::Recording => (vec![&spec.name], spec.name.clone()),
        RuleKind::Alerting => (ALERT_SERIES.to_vec(), format!("alert {}", spec.name)),
    }
}

/// The highest stage of those seen so far, by what they read or write.
#[derive(Default)]
struct Seen<'a> {
    writers: HashMap<&'a str, usize>,
    makers: HashMap<String, usize>,
    readers: HashMap<&'a str, usize>,
    pattern_readers: Vec<(&'a [Matcher], usize)>,
    read_everything: Option<usize>,
}

fn matches(pattern: &[Matcher], name: &str) -> bool {
    pattern.iter().all(|matcher| matcher.matches(name))
}

impl<'a> Seen<'a> {
    /// The highest stage that the rule must wait for.
    fn before(&self, reads: &Reads, made: &[&str], maker: &str) -> Option<usize> {
        let by_name = reads
            .names
            .iter()
            .filter_map(|name| self.writers.get(name.as_str()).copied());
        let by_pattern = reads.patterns.iter().flat_map(|pattern| {
            let written = self.writers.iter().filter(|(name, _)| matches(pattern, name));
            written.map(|(_, stage)| *stage)
        });
        let any_writer = self.writers.values().copied().max().filter(|_| reads.everything);
        let readers = made.iter().filter_map(|name| self.readers.get(name).copied());
        let pattern_readers = self.pattern_readers.iter();
        let pattern_readers = pattern_readers
            .filter(|(pattern, _)| made.iter().any(|name| matches(pattern, name)))
            .map(|(_, stage)| *stage);
        let all = by_name
            .chain(by_pattern)
            .chain(any_writer)
            .chain(readers)
            .chain(pattern_readers);
        all.chain(self.read_everything)
            .chain(self.makers.get(maker).copied())
            .max()
    }

    fn add(&mut self, stage: usize, reads: &'a Reads, made: Vec<&'a str>, maker: String) {
        let raise = |slot: &mut usize| *slot = stage.max(*slot);
        for name in made {
            raise(self.writers.entry(name).or_insert(stage));
        }
        raise(self.makers.entry(maker).or_insert(stage));
        for name in &reads.names {
            raise(self.readers.entry(name).or_insert(stage));
        }
        let patterns = reads.patterns.iter().map(|pattern| (pattern.as_slice(), stage));
        self.pattern_readers.extend(patterns);
        if reads.everything {
            self.read_everything = self.read_everything.max(Some(stage));
        }
    }
}

/// The stages of a group: numbers of rules that may run side by side, stage after stage.
pub(crate) fn stages(rules: &[(&RuleSpec, Reads)]) -> Vec<Vec<usize>> {
    let mut seen = Seen::default();
    let mut stages: Vec<Vec<usize>> = Vec::new();
    for (number, (spec, reads)) in rules.iter().enumerate() {
        let (made, maker) = writes(spec);
        let stage = seen.before(reads, &made, &maker).map_or(0, |before| before + 1);
        seen.add(stage, reads, made, maker);
        if stages.len() <= stage {
            stages.resize(stage + 1, Vec::new());
        }
        stages[stage].push(number);
    }
    stages
}

/// Runs the tasks of a stage.
pub trait Runner: Sync {
    /// Calls `task` once with each number below `count`, in any order or side by side, and returns
    /// when all calls have.
    fn run(&self, count: usize, task: &(dyn Fn(usize) + Sync));
}

/// Runs one task after the other.
#[derive(Debug, Clone, Copy, Default)]
pub struct InOrder;

impl Runner for InOrder {
    fn run(&self, count: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..count).for_each(task);
    }
}

#[cfg(test)]
mod tests;
