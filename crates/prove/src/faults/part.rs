//! Ratios of a part to its whole: they lie between 0 and 1 whatever the input.

use skopos_promql::Expr;
use skopos_promql::ast::{AggregateExpr, AggregateOp, BinaryOp, VectorSelector};

use super::domain::domain;
use super::text_of;

/// Whether the left side counts or sums a part of what the right side does.
pub(super) fn is_part_of(query: &str, part: &Expr, whole: &Expr) -> bool {
    is_summand(query, part, whole) || is_subset(query, part, whole)
}

/// Whether the right side is a sum of which the left side is a term, none of them negative.
fn is_summand(query: &str, part: &Expr, whole: &Expr) -> bool {
    let mut terms = Vec::new();
    collect_terms(whole, &mut terms);
    let part = text_of(query, part.unwrap_parens());
    terms.len() > 1
        && terms.iter().any(|term| text_of(query, term) == part)
        && terms.iter().all(|term| domain(query, term).lo >= 0.0)
}

fn collect_terms<'e>(expr: &'e Expr, terms: &mut Vec<&'e Expr>) {
    match expr.unwrap_parens() {
        Expr::Binary(binary) if binary.op == BinaryOp::Add => {
            collect_terms(&binary.lhs, terms);
            collect_terms(&binary.rhs, terms);
        }
        Expr::Call(call) if call.function.name == "clamp_min" => collect_terms(&call.args[0], terms),
        other => terms.push(other),
    }
}

/// Whether both aggregate the same in the same groups, the left side with more conditions.
fn is_subset(query: &str, part: &Expr, whole: &Expr) -> bool {
    let (Expr::Aggregate(part), Expr::Aggregate(whole)) = (part.unwrap_parens(), whole.unwrap_parens()) else {
        return false;
    };
    let is_additive = match part.op {
        AggregateOp::Sum => domain(query, &part.expr).lo >= 0.0,
        AggregateOp::Count => true,
        _ => false,
    };
    is_additive && part.op == whole.op && has_same_groups(part, whole) && is_narrower(&part.expr, &whole.expr)
}

fn has_same_groups(part: &AggregateExpr, whole: &AggregateExpr) -> bool {
    let mut groups = [part.grouping.clone(), whole.grouping.clone()];
    for group in &mut groups {
        group.sort();
    }
    part.without == whole.without && groups[0] == groups[1]
}

/// Whether the left side reads the series of the right side or some of them, in the same way.
fn is_narrower(part: &Expr, whole: &Expr) -> bool {
    match (part.unwrap_parens(), whole.unwrap_parens()) {
        (Expr::Vector(part), Expr::Vector(whole)) => selects_less(part, whole),
        (Expr::Matrix(part), Expr::Matrix(whole)) => {
            part.range.ms == whole.range.ms && selects_less(&part.selector, &whole.selector)
        }
        (Expr::Call(part), Expr::Call(whole)) => {
            let args = part.args.iter().zip(&whole.args);
            part.function.name == whole.function.name
                && part.args.len() == 1
                && whole.args.len() == 1
                && args.into_iter().all(|(part, whole)| is_narrower(part, whole))
        }
        // A comparison lets some of what it compares through.
        (Expr::Binary(binary), whole) if binary.op.is_comparison() && !binary.return_bool => {
            matches!(binary.rhs.unwrap_parens(), Expr::Number(_)) && is_narrower(&binary.lhs, whole)
        }
        _ => false,
    }
}

fn selects_less(part: &VectorSelector, whole: &VectorSelector) -> bool {
    part.offset.ms == whole.offset.ms
        && part.at == whole.at
        && whole.matchers.iter().all(|matcher| part.matchers.contains(matcher))
}
