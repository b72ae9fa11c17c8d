//! Whether a selector matches a series now, or would as soon as a loaded recording rule has run.

use std::collections::HashMap;

use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::MetricSource;
use skopos_core::{MatchOp, Matcher, QueryBudget, ReadError, TimeRange};
use skopos_promql::Expr;
use skopos_promql::ast::{AggregateOp, BinaryExpr, BinaryOp};
use skopos_promql::parse_with;
use skopos_rules::{QueryLanguage, RuleKind, RuleSpec};

use super::asked::{Selector, selectors};
use super::blame::{Blame, Present};
use super::{DeadInput, DeadOptions, DeadSelector, last_seen};
use crate::reads::{Role, is_absence};

const STAGE: &str = "search for dead selectors";
/// Series that rules make while alerts are active; that there are none is the usual case.
const ALERT_SERIES: [&str; 2] = ["ALERTS", "ALERTS_FOR_STATE"];
/// Recording rules that are looked through, one below the other.
const MAX_DEPTH: usize = 16;

/// A recording rule.
#[derive(Debug)]
struct Recorder<'a> {
    spec: &'a RuleSpec,
    expr: Expr,
}

/// Answers whether selectors are alive; remembers what it found.
pub(super) struct Life<'a> {
    source: &'a dyn MetricSource,
    now_ms: i64,
    options: &'a DeadOptions,
    budget: &'a QueryBudget,
    recorders: HashMap<&'a str, Vec<Recorder<'a>>>,
    /// By question: whether the source has such series.
    present: HashMap<String, bool>,
    findings: HashMap<String, (Blame, Option<i64>)>,
}

impl<'a> Life<'a> {
    pub(super) fn new(input: &DeadInput<'a>, options: &'a DeadOptions, budget: &'a QueryBudget) -> Self {
        let mut recorders: HashMap<&str, Vec<Recorder<'_>>> = HashMap::new();
        let groups = input.rules.iter().flat_map(|file| &file.groups);
        let rules = groups.flat_map(|group| &group.rules);
        for spec in rules.filter(|rule| rule.kind == RuleKind::Recording && rule.language == QueryLanguage::PromQl) {
            if let Ok(expr) = parse_with(&spec.expr, options.syntax) {
                recorders.entry(&spec.name).or_default().push(Recorder { spec, expr });
            }
        }
        Self {
            source: input.source,
            now_ms: input.now_ms,
            options,
            budget,
            recorders,
            present: HashMap::new(),
            findings: HashMap::new(),
        }
    }

    /// What is wrong with a selector; `None` if nothing is.
    pub(super) fn judge(&mut self, selector: &Selector) -> Result<Option<DeadSelector>, ReadError> {
        if selector.role == Role::Absence || selector.is_fixed || reads_alerts(&selector.matchers) {
            return Ok(None);
        }
        self.budget.check(STAGE)?;
        if self.is_alive(selector, 0)? {
            return Ok(None);
        }
        let question = selector.question();
        if !self.findings.contains_key(&question) {
            let found = self.examine(selector)?;
            self.findings.insert(question.clone(), found);
        }
        let finding = self.findings.get(&question);
        Ok(finding.map(|(blame, last_seen_ms)| DeadSelector {
            selector: selector.text.clone(),
            role: selector.role,
            cause: blame.cause,
            why: blame.why.clone(),
            last_seen_ms: *last_seen_ms,
            nearest: blame.nearest.clone(),
        }))
    }

    fn examine(&self, selector: &Selector) -> Result<(Blame, Option<i64>), ReadError> {
        let present = Present {
            source: self.source,
            range: self.range(selector.reach_ms),
            max_nearest: self.options.max_nearest,
        };
        let blame = present.blame(&selector.matchers)?;
        let ages = last_seen::Ages {
            newest_ms: present.range.start_ms.saturating_sub(1),
            oldest_ms: self.now_ms.saturating_sub(self.options.max_age_ms),
        };
        let last_seen_ms = last_seen::last_seen(self.source, &selector.matchers, ages, self.budget)?;
        Ok((blame, last_seen_ms))
    }

    fn range(&self, reach_ms: i64) -> TimeRange {
        TimeRange::new(self.now_ms.saturating_sub(reach_ms), self.now_ms)
    }

    fn is_alive(&mut self, selector: &Selector, depth: usize) -> Result<bool, ReadError> {
        let question = selector.question();
        let is_present = if let Some(known) = self.present.get(&question) {
            *known
        } else {
            let range = self.range(selector.reach_ms);
            let names = self.source.label_values(METRIC_NAME, &selector.matchers, range)?;
            self.present.insert(question, !names.is_empty());
            !names.is_empty()
        };
        Ok(is_present || self.is_recorded(&selector.matchers, depth)?)
    }

    /// Whether a recording rule makes such series from what is alive.
    fn is_recorded(&mut self, matchers: &[Matcher], depth: usize) -> Result<bool, ReadError> {
        if depth >= MAX_DEPTH {
            return Ok(false);
        }
        for name in metric_names(matchers) {
            // Taken out while it is looked at, so that a rule that reads what it records ends the search.
            let Some((name, recorders)) = self.recorders.remove_entry(name.as_str()) else {
                continue;
            };
            let mut found = Ok(false);
            for recorder in recorders.iter().filter(|recorder| recorder.may_make(matchers)) {
                found = self.may_yield(&recorder.expr, &recorder.spec.expr, depth + 1);
                if !matches!(found, Ok(false)) {
                    break;
                }
            }
            self.recorders.insert(name, recorders);
            if found? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether an expression can have a result, as far as its selectors decide that.
    fn may_yield(&mut self, expr: &Expr, text: &str, depth: usize) -> Result<bool, ReadError> {
        match expr {
            Expr::Vector(_) | Expr::Matrix(_) => {
                for selector in selectors(expr, text, self.options.lookback_ms) {
                    if !reads_alerts(&selector.matchers) && !self.is_alive(&selector, depth)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Expr::Binary(binary) => self.sides_may_yield(binary, text, depth),
            Expr::Call(call) if is_absence(call.function.name) => Ok(true),
            Expr::Aggregate(aggregate) => self.may_yield(&aggregate.expr, text, depth),
            other => {
                for child in other.children() {
                    if !self.may_yield(child, text, depth)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }

    fn sides_may_yield(&mut self, binary: &BinaryExpr, text: &str, depth: usize) -> Result<bool, ReadError> {
        let matching = binary.matching.as_ref();
        let is_filled = matching.is_some_and(|matching| matching.fill_left.or(matching.fill_right).is_some());
        let left = self.may_yield(&binary.lhs, text, depth)?;
        if binary.op == BinaryOp::Unless {
            return Ok(left);
        }
        let right = self.may_yield(&binary.rhs, text, depth)?;
        Ok(if binary.op == BinaryOp::Or || is_filled {
            left || right
        } else {
            left && right
        })
    }
}

impl Recorder<'_> {
    /// Whether series that it makes can meet all conditions, as far as its own labels say.
    fn may_make(&self, matchers: &[Matcher]) -> bool {
        let others = matchers.iter().filter(|matcher| matcher.name() != METRIC_NAME);
        others
            .into_iter()
            .all(|matcher| match self.spec.labels.get(matcher.name()) {
                Some(value) => matcher.matches(value),
                None => self.may_have_label(matcher.name()) || matcher.matches_empty(),
            })
    }

    fn may_have_label(&self, label: &str) -> bool {
        match self.expr.unwrap_parens() {
            Expr::Aggregate(aggregate) => match aggregate.op {
                AggregateOp::TopK | AggregateOp::BottomK | AggregateOp::CountValues => true,
                AggregateOp::LimitK | AggregateOp::LimitRatio => true,
                _ => aggregate.without != aggregate.grouping.iter().any(|name| name == label),
            },
            _ => true,
        }
    }
}

/// Names that the conditions allow, where they can be listed.
fn metric_names(matchers: &[Matcher]) -> Vec<String> {
    let names = matchers.iter().filter(|matcher| matcher.name() == METRIC_NAME);
    names.filter_map(Matcher::literal_values).flatten().cloned().collect()
}

fn reads_alerts(matchers: &[Matcher]) -> bool {
    matchers.iter().any(|matcher| {
        matcher.name() == METRIC_NAME && matcher.op() == MatchOp::Equal && ALERT_SERIES.contains(&matcher.value())
    })
}
