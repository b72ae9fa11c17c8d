//! The values that an expression can take at all, and comparisons that none of them satisfies.

use skopos_promql::Expr;
use skopos_promql::ast::{AggregateExpr, AggregateOp, BinaryExpr, BinaryOp, Call, UnaryOp};
use skopos_promql::number::format_value;

use super::part::is_part_of;
use super::{Fault, age, text_of};
use crate::inline::metric_name;
use crate::range::Range;
use crate::report::Link;

const FROM_ZERO_TO_ONE: Range = Range::closed(0.0, 1.0);

/// Says why a comparison that filters never lets anything through.
pub(super) fn fault(query: &str, expr: &Expr, binary: &BinaryExpr) -> Option<Fault> {
    if !binary.op.is_comparison() || binary.return_bool {
        return None;
    }
    let (left, right) = (domain(query, &binary.lhs), domain(query, &binary.rhs));
    if is_possible(binary.op, left, right) {
        return None;
    }
    let (own, own_range, bound) = if matches!(binary.lhs.unwrap_parens(), Expr::Number(_)) {
        (&binary.rhs, right, left)
    } else {
        (&binary.lhs, left, right)
    };
    let why = format!(
        "`{}` is always {}, compared with {}",
        text_of(query, own),
        words(own_range),
        words(bound)
    );
    Some(Fault::new(
        Link::Expression,
        expr,
        format!("the condition never holds: {why}"),
    ))
}

fn words(range: Range) -> String {
    let text = |value: f64| format_value(value);
    match (range.lo > f64::NEG_INFINITY, range.hi < f64::INFINITY) {
        (true, true) if range.lo == range.hi => text(range.lo),
        (true, true) => format!("between {} and {}", text(range.lo), text(range.hi)),
        (true, false) if range.lo_open => format!("above {}", text(range.lo)),
        (true, false) => format!("{} or above", text(range.lo)),
        (false, true) if range.hi_open => format!("below {}", text(range.hi)),
        (false, true) => format!("{} or below", text(range.hi)),
        (false, false) => "any number".to_owned(),
    }
}

fn is_possible(op: BinaryOp, left: Range, right: Range) -> bool {
    match op {
        BinaryOp::Greater => left.hi > right.lo,
        BinaryOp::Less => left.lo < right.hi,
        BinaryOp::GreaterOrEqual => left.meet(Range::closed(right.lo, f64::INFINITY)).is_some() || right.is_all(),
        BinaryOp::LessOrEqual => left.meet(Range::closed(f64::NEG_INFINITY, right.hi)).is_some() || right.is_all(),
        BinaryOp::Equal => left.meet(right).is_some(),
        BinaryOp::NotEqual => left.lo != left.hi || left != right,
        _ => true,
    }
}

/// The number that an expression without series is.
pub(super) fn number(expr: &Expr) -> Option<f64> {
    let range = domain("", expr);
    (range.lo == range.hi && crate::search::is_constant(expr)).then_some(range.lo)
}

/// The values that an expression can take.
pub(super) fn domain(query: &str, expr: &Expr) -> Range {
    let range = match expr {
        Expr::Number(number) => Range::point(number.value),
        Expr::Paren(paren) => domain(query, &paren.expr),
        Expr::Unary(unary) if unary.op == UnaryOp::Minus => domain(query, &unary.expr).negate(),
        Expr::Unary(unary) => domain(query, &unary.expr),
        Expr::Vector(selector) => named(metric_name(selector).unwrap_or_default()),
        Expr::Matrix(matrix) => named(metric_name(&matrix.selector).unwrap_or_default()),
        Expr::Subquery(subquery) => domain(query, &subquery.expr),
        Expr::Aggregate(aggregate) => aggregated(query, aggregate),
        Expr::Binary(binary) => combined(query, binary),
        Expr::Call(call) => called(query, call),
        Expr::String(_) => Range::ALL,
    };
    if range.lo.is_nan() || range.hi.is_nan() {
        Range::ALL
    } else {
        range
    }
}

/// Metrics whose values are known by definition.
fn named(metric: &str) -> Range {
    match metric {
        "up" => FROM_ZERO_TO_ONE,
        "ALERTS" => Range::point(1.0),
        _ => Range::ALL,
    }
}

fn aggregated(query: &str, aggregate: &AggregateExpr) -> Range {
    let inner = domain(query, &aggregate.expr);
    match aggregate.op {
        AggregateOp::Count | AggregateOp::CountValues => Range::closed(1.0, f64::INFINITY),
        AggregateOp::Group => Range::point(1.0),
        AggregateOp::Stddev | AggregateOp::Stdvar => Range::NOT_NEGATIVE,
        AggregateOp::Sum if inner == Range::point(0.0) => inner,
        AggregateOp::Sum if inner.lo >= 0.0 => Range {
            hi: f64::INFINITY,
            hi_open: false,
            ..inner
        },
        AggregateOp::Sum if inner.hi <= 0.0 => Range {
            lo: f64::NEG_INFINITY,
            lo_open: false,
            ..inner
        },
        AggregateOp::Sum => Range::ALL,
        _ => inner,
    }
}

fn combined(query: &str, binary: &BinaryExpr) -> Range {
    let (left, right) = (domain(query, &binary.lhs), domain(query, &binary.rhs));
    match binary.op {
        op if op.is_comparison() && binary.return_bool => FROM_ZERO_TO_ONE,
        op if op.is_comparison() => filtered(binary, left, right),
        BinaryOp::And | BinaryOp::Unless => left,
        BinaryOp::Or => hull(left, right),
        BinaryOp::Add => Range {
            lo: left.lo + right.lo,
            hi: left.hi + right.hi,
            lo_open: left.lo_open || right.lo_open,
            hi_open: left.hi_open || right.hi_open,
        },
        BinaryOp::Sub if let Some(most) = age::most_s(binary) => Range {
            hi_open: true,
            ..Range::closed(f64::NEG_INFINITY, most)
        },
        BinaryOp::Sub => {
            let right = right.negate();
            Range {
                lo: left.lo + right.lo,
                hi: left.hi + right.hi,
                lo_open: left.lo_open || right.lo_open,
                hi_open: left.hi_open || right.hi_open,
            }
        }
        BinaryOp::Div if is_part_of(query, &binary.lhs, &binary.rhs) => FROM_ZERO_TO_ONE,
        BinaryOp::Div if right.lo == right.hi && right.lo != 0.0 => left.scale(1.0 / right.lo),
        BinaryOp::Mul if right.lo == right.hi && right.lo != 0.0 => left.scale(right.lo),
        BinaryOp::Mul if left.lo == left.hi && left.lo != 0.0 => right.scale(left.lo),
        BinaryOp::Div | BinaryOp::Mul if left.lo >= 0.0 && right.lo >= 0.0 => Range::NOT_NEGATIVE,
        BinaryOp::Pow if left.lo == left.hi && right.lo == right.hi => Range::point(left.lo.powf(right.lo)),
        BinaryOp::Mod if right.lo == right.hi && left.lo >= 0.0 => Range {
            hi_open: true,
            ..Range::closed(0.0, right.lo.abs())
        },
        _ => Range::ALL,
    }
}

/// What of the vector passes a comparison.
fn filtered(binary: &BinaryExpr, left: Range, right: Range) -> Range {
    let is_left_constant = matches!(binary.lhs.unwrap_parens(), Expr::Number(_));
    let (op, own, bound) = if is_left_constant {
        (crate::search::flipped(binary.op), right, left)
    } else {
        (binary.op, left, right)
    };
    let limit = match op {
        BinaryOp::Greater => Range::above(bound.lo),
        BinaryOp::GreaterOrEqual => Range::closed(bound.lo, f64::INFINITY),
        BinaryOp::Less => Range::below(bound.hi),
        BinaryOp::LessOrEqual => Range::closed(f64::NEG_INFINITY, bound.hi),
        BinaryOp::Equal => bound,
        _ => Range::ALL,
    };
    own.meet(limit).unwrap_or(own)
}

fn hull(left: Range, right: Range) -> Range {
    Range::closed(left.lo.min(right.lo), left.hi.max(right.hi))
}

fn called(query: &str, call: &Call) -> Range {
    let first = || call.args.first().map_or(Range::ALL, |arg| domain(query, arg));
    match call.function.name {
        "rate" | "irate" | "increase" | "changes" | "resets" | "stddev_over_time" | "stdvar_over_time" | "time"
        | "timestamp" | "histogram_count" | "histogram_stddev" | "histogram_stdvar" | "sqrt" | "exp"
        | "mad_over_time" => Range::NOT_NEGATIVE,
        "abs" => {
            let inner = first();
            let least = if inner.contains(0.0) {
                0.0
            } else {
                inner.lo.abs().min(inner.hi.abs())
            };
            Range::closed(least, inner.lo.abs().max(inner.hi.abs()))
        }
        "count_over_time" => Range::closed(1.0, f64::INFINITY),
        "present_over_time" | "absent" | "absent_over_time" => Range::point(1.0),
        "avg_over_time" | "min_over_time" | "max_over_time" | "last_over_time" | "first_over_time" | "sort"
        | "sort_desc" | "label_replace" | "label_join" | "vector" => first(),
        "quantile_over_time" => call.args.get(1).map_or(Range::ALL, |arg| domain(query, arg)),
        "sum_over_time" if first().lo >= 0.0 => Range::NOT_NEGATIVE,
        "histogram_fraction" => FROM_ZERO_TO_ONE,
        "sgn" => Range::closed(-1.0, 1.0),
        "hour" => Range::closed(0.0, 23.0),
        "minute" => Range::closed(0.0, 59.0),
        "day_of_week" => Range::closed(0.0, 6.0),
        "day_of_month" => Range::closed(1.0, 31.0),
        "day_of_year" => Range::closed(1.0, 366.0),
        "days_in_month" => Range::closed(28.0, 31.0),
        "month" => Range::closed(1.0, 12.0),
        "clamp" | "clamp_min" | "clamp_max" => clamped(call, first()),
        _ => Range::ALL,
    }
}

fn clamped(call: &Call, inner: Range) -> Range {
    let bound = |index: usize| call.args.get(index).and_then(number);
    let (least, most) = match call.function.name {
        "clamp_min" => (bound(1), None),
        "clamp_max" => (None, bound(1)),
        _ => (bound(1), bound(2)),
    };
    let clamp = |value: f64| {
        let value = least.map_or(value, |least| value.max(least));
        most.map_or(value, |most| value.min(most))
    };
    Range::closed(clamp(inner.lo), clamp(inner.hi))
}
