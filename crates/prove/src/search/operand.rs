//! The ranges of one operand while the other has a value.

use skopos_promql::ast::{BinaryExpr, BinaryOp};

use super::binary::Side;
use crate::range::Range;

/// A level of denominators at which ratios read as percentages.
const PLAIN_DENOMINATOR: f64 = 100.0;

/// The level of series on a side of which nothing is asked but to be there.
pub(super) fn level_for(binary: &BinaryExpr, side: Side, level: f64) -> f64 {
    if binary.op == BinaryOp::Div && side == Side::Right && level == 1.0 {
        PLAIN_DENOMINATOR
    } else {
        level
    }
}

/// Where a side of an operation starts before it is moved: ratios start with something above zero
/// on both sides.
pub(super) fn first_range(binary: &BinaryExpr, side: Side, range: Range) -> Range {
    let is_positive = range.lo > 0.0 || range.lo == 0.0 && range.lo_open;
    match (binary.op, side) {
        (BinaryOp::Div, Side::Right) => Range::above(0.0),
        (BinaryOp::Div | BinaryOp::Mul, _) if is_positive => Range::above(0.0),
        _ => Range::ALL,
    }
}

/// The numbers around a bound.
pub(super) fn near(bound: f64) -> Range {
    if bound == 0.0 {
        return Range::closed(-1.0, 1.0);
    }
    let ends = [bound * 0.5, bound * 1.5];
    Range::closed(ends[0].min(ends[1]), ends[0].max(ends[1]))
}

/// The ranges of an operand for which a comparison with `c` gives a value of `range`.
pub(super) fn compared(binary: &BinaryExpr, side: Side, range: Range, c: f64) -> Vec<Range> {
    let op = if side == Side::Left {
        binary.op
    } else {
        flipped(binary.op)
    };
    let fitting = Range::satisfying(op, c);
    if binary.return_bool {
        let mut ranges = Vec::new();
        if range.contains(1.0) {
            ranges.extend(fitting);
        }
        if range.contains(0.0) {
            ranges.extend(Range::satisfying(negated(op), c));
        }
        return ranges;
    }
    let is_own_value = side == Side::Left || binary.matching.is_none();
    if !is_own_value && !range.contains(c) {
        return Vec::new();
    }
    let own = if is_own_value { range } else { Range::ALL };
    fitting.into_iter().filter_map(|fitting| fitting.meet(own)).collect()
}

/// Intersects lists of alternatives place by place.
pub(super) fn intersect_each(lists: impl Iterator<Item = Vec<Range>>) -> Vec<Range> {
    let merged = lists.reduce(|merged, next| {
        let pairs = merged.into_iter().zip(next);
        pairs.filter_map(|(a, b)| a.meet(b)).collect()
    });
    let mut merged = merged.unwrap_or_default();
    merged.retain(|range| !range.is_empty());
    merged
}

/// The operator with its sides exchanged.
pub(crate) fn flipped(op: BinaryOp) -> BinaryOp {
    match op {
        BinaryOp::Less => BinaryOp::Greater,
        BinaryOp::LessOrEqual => BinaryOp::GreaterOrEqual,
        BinaryOp::Greater => BinaryOp::Less,
        BinaryOp::GreaterOrEqual => BinaryOp::LessOrEqual,
        other => other,
    }
}

/// The operator that holds where this one does not.
pub(super) fn negated(op: BinaryOp) -> BinaryOp {
    match op {
        BinaryOp::Less => BinaryOp::GreaterOrEqual,
        BinaryOp::LessOrEqual => BinaryOp::Greater,
        BinaryOp::Greater => BinaryOp::LessOrEqual,
        BinaryOp::GreaterOrEqual => BinaryOp::Less,
        BinaryOp::Equal => BinaryOp::NotEqual,
        BinaryOp::NotEqual => BinaryOp::Equal,
        other => other,
    }
}
