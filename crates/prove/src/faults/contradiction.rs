//! `and` and `unless` between conditions on one and the same expression.

use skopos_promql::Expr;
use skopos_promql::ast::{BinaryExpr, BinaryOp, VectorMatching};

use super::{Fault, text_of};
use crate::range::Range;
use crate::report::Link;
use crate::search::flipped;

/// A condition on an expression.
#[derive(Debug)]
struct Condition {
    operand: String,
    allowed: Vec<Range>,
}

/// Says why a conjunction never holds.
pub(super) fn fault(query: &str, expr: &Expr, binary: &BinaryExpr) -> Option<Fault> {
    if !matches!(binary.op, BinaryOp::And | BinaryOp::Unless) {
        return None;
    }
    let mut left = Vec::new();
    conditions(query, &binary.lhs, &mut left);
    let mut right = Vec::new();
    conditions(query, &binary.rhs, &mut right);
    let matching = binary.matching.as_ref();
    if !meets_itself(matching, &binary.lhs) {
        return None;
    }
    if binary.op == BinaryOp::Unless {
        let [excluded] = right.as_slice() else {
            return None;
        };
        let same = left.iter().find(|condition| condition.operand == excluded.operand)?;
        let is_swallowed = same.allowed.iter().all(|range| covered(*range, &excluded.allowed));
        return is_swallowed.then(|| {
            let why = format!(
                "what `{}` must be on the left is what `unless` takes away",
                same.operand
            );
            Fault::new(Link::Expression, expr, format!("the condition never holds: {why}"))
        });
    }
    for condition in &left {
        let same = right.iter().filter(|other| other.operand == condition.operand);
        for other in same {
            let is_possible = condition
                .allowed
                .iter()
                .any(|a| other.allowed.iter().any(|b| a.meet(*b).is_some()));
            if !is_possible {
                let why = format!("`{}` cannot satisfy both conditions at once", condition.operand);
                return Some(Fault::new(
                    Link::Expression,
                    expr,
                    format!("the condition never holds: {why}"),
                ));
            }
        }
    }
    None
}

fn covered(range: Range, by: &[Range]) -> bool {
    by.iter().any(|other| range.intersect(*other) == range)
}

/// Whether an element of the left side meets the same element on the right, and no other.
fn meets_itself(matching: Option<&VectorMatching>, left: &Expr) -> bool {
    match matching {
        None => true,
        Some(matching) if !matching.on => matching.labels.is_empty(),
        Some(matching) => {
            groups_of(left).is_some_and(|groups| groups.iter().all(|name| matching.labels.contains(name)))
        }
    }
}

/// The labels of the grouping that a condition is about.
fn groups_of(expr: &Expr) -> Option<&[String]> {
    match expr.unwrap_parens() {
        Expr::Aggregate(aggregate) if !aggregate.without => Some(&aggregate.grouping),
        Expr::Binary(binary) if binary.op.is_comparison() => groups_of(&binary.lhs),
        _ => None,
    }
}

/// The conditions that hold for every element of a result, by the expression they are about.
fn conditions(query: &str, expr: &Expr, found: &mut Vec<Condition>) {
    match expr.unwrap_parens() {
        Expr::Binary(binary) if binary.op == BinaryOp::And => {
            conditions(query, &binary.lhs, found);
            if meets_itself(binary.matching.as_ref(), &binary.lhs) {
                conditions(query, &binary.rhs, found);
            }
        }
        Expr::Binary(binary) if binary.op.is_comparison() && !binary.return_bool => {
            let right = super::domain::number(&binary.rhs).map(|bound| (binary.op, &binary.lhs, bound));
            let left = super::domain::number(&binary.lhs).map(|bound| (flipped(binary.op), &binary.rhs, bound));
            if let Some((op, operand, bound)) = right.or(left) {
                conditions(query, operand, found);
                found.push(Condition {
                    operand: text_of(query, operand.unwrap_parens()),
                    allowed: Range::satisfying(op, bound),
                });
            }
        }
        _ => {}
    }
}
