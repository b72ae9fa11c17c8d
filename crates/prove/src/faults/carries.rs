//! Which labels the elements of a result carry.

use std::collections::BTreeSet;

use skopos_core::labels::METRIC_NAME;
use skopos_core::{MatchOp, Matcher};
use skopos_promql::ast::{AggregateOp, BinaryExpr, Call, Cardinality};
use skopos_promql::{Expr, ValueType};

use crate::inline::{Replaced, replaced_index};

/// What is known of a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Carried {
    /// No element has it.
    Never,
    /// Every element has one of these values.
    OneOf(BTreeSet<String>),
    /// Every element has it, or is meant to: a grouping names it.
    Always,
    /// Nothing is known.
    Unknown,
}

/// What the elements of a result carry under a label's name.
pub(super) fn carried(expr: &Expr, name: &str, replaced: &[Replaced]) -> Carried {
    match expr {
        Expr::Number(_) | Expr::String(_) => Carried::Never,
        Expr::Vector(selector) => selected(&selector.matchers, name),
        Expr::Matrix(matrix) => selected(&matrix.selector.matchers, name),
        Expr::Subquery(subquery) => carried(&subquery.expr, name, replaced),
        Expr::Unary(unary) => carried(&unary.expr, name, replaced),
        Expr::Paren(paren) => {
            let outer = replaced_index(paren.pos).and_then(|at| replaced.get(at));
            match outer.map(|outer| selected(&outer.matchers, name)) {
                None | Some(Carried::Unknown) => carried(&paren.expr, name, replaced),
                Some(known) => known,
            }
        }
        Expr::Aggregate(aggregate) => {
            let keeps = matches!(
                aggregate.op,
                AggregateOp::TopK | AggregateOp::BottomK | AggregateOp::LimitK | AggregateOp::LimitRatio
            );
            let is_named = aggregate.grouping.iter().any(|label| label == name);
            let made = aggregate.op == AggregateOp::CountValues
                && matches!(&aggregate.param, Some(Expr::String(label)) if label.value == name);
            if made {
                Carried::Always
            } else if keeps {
                carried(&aggregate.expr, name, replaced)
            } else if is_named == aggregate.without {
                Carried::Never
            } else {
                let inner = carried(&aggregate.expr, name, replaced);
                if inner == Carried::Unknown && is_named {
                    Carried::Always
                } else {
                    inner
                }
            }
        }
        Expr::Call(call) => called(call, name, replaced),
        Expr::Binary(binary) => combined(binary, name, replaced),
    }
}

fn selected(matchers: &[Matcher], name: &str) -> Carried {
    for matcher in matchers.iter().filter(|matcher| matcher.name() == name) {
        match matcher.op() {
            MatchOp::Equal if matcher.value().is_empty() => return Carried::Never,
            MatchOp::Equal | MatchOp::Regex if !matcher.matches_empty() => {
                return match matcher.literal_values() {
                    Some(values) => Carried::OneOf(values.iter().cloned().collect()),
                    None => Carried::Always,
                };
            }
            _ if !matcher.matches_empty() => return Carried::Always,
            _ => {}
        }
    }
    Carried::Unknown
}

fn called(call: &Call, name: &str, replaced: &[Replaced]) -> Carried {
    let is_target = |index: usize| matches!(call.args.get(index), Some(Expr::String(label)) if label.value == name);
    match call.function.name {
        "absent" | "absent_over_time" => {
            let mut found = Carried::Never;
            call.args[0].for_each_selector(&mut |selector| {
                let equal = selector
                    .matchers
                    .iter()
                    .filter(|matcher| matcher.op() == MatchOp::Equal);
                for matcher in equal.filter(|matcher| matcher.name() == name && !matcher.value().is_empty()) {
                    found = Carried::OneOf([matcher.value().to_owned()].into());
                }
            });
            found
        }
        "label_replace" | "label_join" if is_target(1) => Carried::Unknown,
        "histogram_quantile" if name == "le" => Carried::Never,
        "info" => Carried::Unknown,
        _ => {
            let mut vectors = call.args.iter().filter(|arg| is_vector(arg));
            vectors
                .next()
                .map_or(Carried::Never, |arg| carried(arg, name, replaced))
        }
    }
}

fn is_vector(expr: &Expr) -> bool {
    matches!(expr.value_type(), ValueType::Vector | ValueType::Matrix)
}

fn combined(binary: &BinaryExpr, name: &str, replaced: &[Replaced]) -> Carried {
    let Some(matching) = &binary.matching else {
        let vector = if is_vector(&binary.lhs) {
            &binary.lhs
        } else {
            &binary.rhs
        };
        return carried(vector, name, replaced);
    };
    let left = || carried(&binary.lhs, name, replaced);
    let right = || carried(&binary.rhs, name, replaced);
    if binary.op == skopos_promql::ast::BinaryOp::Or {
        let (left, right) = (left(), right());
        return if left == right { left } else { Carried::Unknown };
    }
    let is_included = matching.include.iter().any(|label| label == name);
    match matching.cardinality {
        Cardinality::ManyToMany => left(),
        Cardinality::ManyToOne if is_included => right(),
        Cardinality::ManyToOne => left(),
        Cardinality::OneToMany if is_included => left(),
        Cardinality::OneToMany => right(),
        Cardinality::OneToOne => {
            let is_listed = matching.labels.iter().any(|label| label == name);
            if is_listed == matching.on {
                left()
            } else {
                Carried::Never
            }
        }
    }
}

/// Names of labels that an expression speaks of.
pub(super) fn spoken_of(expr: &Expr, names: &mut BTreeSet<String>) {
    match expr {
        Expr::Aggregate(aggregate) => names.extend(aggregate.grouping.iter().cloned()),
        Expr::Vector(selector) => names.extend(selector.matchers.iter().map(|matcher| matcher.name().to_owned())),
        Expr::Matrix(matrix) => {
            names.extend(matrix.selector.matchers.iter().map(|matcher| matcher.name().to_owned()));
        }
        _ => {}
    }
    expr.children().into_iter().for_each(|child| spoken_of(child, names));
    names.remove(METRIC_NAME);
}
