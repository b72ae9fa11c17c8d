//! Recorded series inside an expression, replaced by what records them: the search then works
//! down to raw input. The proof itself runs through the recording rules.

use std::collections::BTreeMap;

use skopos_core::labels::METRIC_NAME;
use skopos_core::{MatchOp, Matcher};
use skopos_promql::ast::{
    BinaryExpr, BinaryOp, Call, Cardinality, DurationArg, MatrixSelector, ParenExpr, StringLiteral, SubqueryExpr,
    VectorMatching, VectorSelector,
};
use skopos_promql::{Expr, Function, PosRange};
use skopos_rules::{RuleFile, RuleKind, RuleSpec};

/// Recording rules that are looked through, one below the other.
const MAX_DEPTH: usize = 8;
/// Replaced selectors of one expression.
const MAX_REPLACED: usize = 256;
/// Positions from here on point into the table of replaced selectors, not into the text.
const BEYOND_TEXT: usize = 1 << 40;

/// A recording rule with its expression.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) spec: RuleSpec,
    pub(crate) expr: Expr,
    /// Place among all recording rules, in the order in which they are evaluated.
    pub(crate) order: usize,
}

/// The recording rules of the files that are proven together, by the name they record.
#[derive(Debug, Default)]
pub(crate) struct Recordings {
    by_name: BTreeMap<String, Vec<Recording>>,
}

impl Recordings {
    pub(crate) fn new(files: &[RuleFile]) -> Self {
        let mut recordings = Self::default();
        let rules = files
            .iter()
            .flat_map(|file| &file.groups)
            .flat_map(|group| &group.rules);
        let recorded = rules.filter(|rule| rule.kind == RuleKind::Recording);
        for (order, spec) in recorded.enumerate() {
            if let Ok(expr) = skopos_promql::parse(&spec.expr) {
                let same_name = recordings.by_name.entry(spec.name.clone()).or_default();
                same_name.push(Recording {
                    spec: spec.clone(),
                    expr,
                    order,
                });
            }
        }
        recordings
    }

    fn named(&self, name: &str) -> &[Recording] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// The rules that record these names, in order.
    pub(crate) fn rules(&self, names: &[String]) -> Vec<RuleSpec> {
        let mut found: Vec<&Recording> = names.iter().flat_map(|name| self.named(name)).collect();
        found.sort_by_key(|recording| recording.order);
        found.iter().map(|recording| recording.spec.clone()).collect()
    }
}

/// A selector that was replaced.
#[derive(Debug, Clone)]
pub(crate) struct Replaced {
    /// The recorded name.
    pub(crate) name: String,
    /// What the selector asked of the recorded series, the name aside.
    pub(crate) matchers: Vec<Matcher>,
}

/// Replaces recorded series in expressions.
#[derive(Debug)]
pub(crate) struct Inliner<'a> {
    recordings: &'a Recordings,
    interval_ms: i64,
    /// What was replaced.
    pub(crate) replaced: Vec<Replaced>,
    path: Vec<String>,
}

impl<'a> Inliner<'a> {
    pub(crate) fn new(recordings: &'a Recordings, interval_ms: i64) -> Self {
        Self {
            recordings,
            interval_ms,
            replaced: Vec::new(),
            path: Vec::new(),
        }
    }

    /// The expression over raw series.
    pub(crate) fn inline(&mut self, expr: &Expr) -> Expr {
        match expr {
            Expr::Vector(selector) => self.selector(selector).unwrap_or_else(|| expr.clone()),
            Expr::Matrix(matrix) => self.matrix(matrix).unwrap_or_else(|| expr.clone()),
            other => {
                let mut copy = other.clone();
                self.children(&mut copy);
                copy
            }
        }
    }

    fn children(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Aggregate(aggregate) => {
                aggregate.expr = self.inline(&aggregate.expr);
                aggregate.param = aggregate.param.as_ref().map(|param| self.inline(param));
            }
            Expr::Binary(binary) => {
                binary.lhs = self.inline(&binary.lhs);
                binary.rhs = self.inline(&binary.rhs);
            }
            Expr::Call(call) => call.args = call.args.iter().map(|arg| self.inline(arg)).collect(),
            Expr::Paren(paren) => *paren.expr = self.inline(&paren.expr),
            Expr::Unary(unary) => *unary.expr = self.inline(&unary.expr),
            Expr::Subquery(subquery) => subquery.expr = self.inline(&subquery.expr),
            Expr::Matrix(_) | Expr::Number(_) | Expr::String(_) | Expr::Vector(_) => {}
        }
    }

    fn selector(&mut self, selector: &VectorSelector) -> Option<Expr> {
        let body = self.body(selector)?;
        if selector.offset.is_unset() && selector.at.is_none() {
            return Some(body);
        }
        let interval = DurationArg {
            ms: self.interval_ms,
            expr: None,
        };
        let range = self.subquery(body, selector, interval);
        Some(Expr::Call(Call {
            function: Function::by_name("last_over_time")?,
            args: vec![range],
            pos: selector.pos,
        }))
    }

    fn matrix(&mut self, matrix: &MatrixSelector) -> Option<Expr> {
        let body = self.body(&matrix.selector)?;
        Some(self.subquery(body, &matrix.selector, matrix.range.clone()))
    }

    fn subquery(&self, expr: Expr, selector: &VectorSelector, range: DurationArg) -> Expr {
        let step = DurationArg {
            ms: self.interval_ms,
            expr: None,
        };
        Expr::Subquery(Box::new(SubqueryExpr {
            expr,
            range,
            step: Some(step),
            offset: selector.offset.clone(),
            at: selector.at,
            end: selector.pos.end,
        }))
    }

    /// What records the series of a selector, if anything does.
    fn body(&mut self, selector: &VectorSelector) -> Option<Expr> {
        let name = metric_name(selector)?.to_owned();
        let recordings = self.recordings.named(&name);
        let is_new = !self.path.contains(&name) && self.path.len() < MAX_DEPTH && self.replaced.len() < MAX_REPLACED;
        if recordings.is_empty() || !is_new {
            return None;
        }
        self.path.push(name.clone());
        let fitting = recordings
            .iter()
            .filter(|recording| can_match(selector, &recording.spec));
        let bodies: Vec<Expr> = fitting.map(|recording| self.labelled(recording)).collect();
        self.path.pop();
        let body = bodies.into_iter().reduce(either)?;
        let index = self.replaced.len();
        self.replaced.push(Replaced {
            name,
            matchers: selector
                .matchers
                .iter()
                .filter(|matcher| matcher.name() != METRIC_NAME)
                .cloned()
                .collect(),
        });
        Some(Expr::Paren(ParenExpr {
            expr: Box::new(body),
            pos: PosRange::new(BEYOND_TEXT + index, BEYOND_TEXT + index),
        }))
    }

    /// The expression of a recording rule, with the labels that the rule sets.
    fn labelled(&mut self, recording: &Recording) -> Expr {
        let mut expr = self.inline(&recording.expr);
        for (name, value) in &recording.spec.labels {
            let Some(function) = Function::by_name("label_replace") else {
                break;
            };
            let text = |value: &str| {
                Expr::String(StringLiteral {
                    value: value.to_owned(),
                    pos: PosRange::default(),
                })
            };
            // A dollar sign would be read as a reference to a group.
            let literal = value.replace('$', "$$");
            expr = Expr::Call(Call {
                function,
                args: vec![expr, text(name), text(&literal), text(""), text("")],
                pos: PosRange::default(),
            });
        }
        expr
    }
}

/// The table entry to which a position points.
pub(crate) fn replaced_index(pos: PosRange) -> Option<usize> {
    pos.start.checked_sub(BEYOND_TEXT)
}

/// The metric name that a selector asks for by equality.
pub(crate) fn metric_name(selector: &VectorSelector) -> Option<&str> {
    let mut matchers = selector.matchers.iter();
    let equal = matchers.find(|matcher| matcher.name() == METRIC_NAME && matcher.op() == MatchOp::Equal);
    equal.map(Matcher::value).filter(|name| !name.is_empty())
}

/// Whether the labels that the rule sets pass the selector.
fn can_match(selector: &VectorSelector, spec: &RuleSpec) -> bool {
    let mut matchers = selector.matchers.iter();
    matchers.all(|matcher| {
        spec.labels
            .get(matcher.name())
            .is_none_or(|value| matcher.matches(value))
    })
}

fn either(lhs: Expr, rhs: Expr) -> Expr {
    Expr::Binary(Box::new(BinaryExpr {
        op: BinaryOp::Or,
        lhs,
        rhs,
        matching: Some(VectorMatching {
            cardinality: Cardinality::ManyToMany,
            ..VectorMatching::default()
        }),
        return_bool: false,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_names_become_what_records_them() {
        let text = "groups:\n- name: g\n  rules:\n  - {record: 'a:r', expr: sum(x), labels: {k: v}}\n  - {record: 'b:r', expr: 'a:r * 2'}\n";
        let file = skopos_rules::parse_rule_file(text, "f.yml").expect("the file is valid");
        let recordings = Recordings::new(&[file]);
        let mut inliner = Inliner::new(&recordings, 60_000);
        let expr = skopos_promql::parse(r#"rate(b:r[5m]) > a:r{k="w"}"#).expect("the query is valid");
        let inlined = inliner.inline(&expr);
        assert_eq!(skopos_promql::metric_names(&inlined), ["a:r", "x"]);
        let names: Vec<&str> = inliner.replaced.iter().map(|replaced| replaced.name.as_str()).collect();
        assert_eq!(names, ["a:r", "b:r"]);
    }
}
