//! How operators carry a range back to their operands.

use skopos_promql::ast::BinaryOp;

use super::Range;

/// The left operands `x` for which `x op c` lies in `range`.
pub(crate) fn left_of(op: BinaryOp, range: Range, c: f64) -> Vec<Range> {
    match op {
        BinaryOp::Add => vec![range.shift(-c)],
        BinaryOp::Sub => vec![range.shift(c)],
        BinaryOp::Mul if c != 0.0 => vec![range.scale(1.0 / c)],
        BinaryOp::Mul if range.contains(0.0) => vec![Range::ALL],
        BinaryOp::Div if c != 0.0 && c.is_finite() => vec![range.scale(c)],
        BinaryOp::Div if c == 0.0 && range.hi == f64::INFINITY => vec![Range::above(0.0)],
        BinaryOp::Mod if c != 0.0 => remainders(range, c),
        BinaryOp::Pow if c > 0.0 => {
            let base = range.meet(Range::NOT_NEGATIVE);
            base.map(|base| base.map(|value| value.powf(1.0 / c)))
                .into_iter()
                .collect()
        }
        _ => Vec::new(),
    }
}

/// The right operands `x` for which `c op x` lies in `range`.
pub(crate) fn right_of(op: BinaryOp, range: Range, c: f64) -> Vec<Range> {
    match op {
        BinaryOp::Add | BinaryOp::Mul => left_of(op, range, c),
        BinaryOp::Sub => vec![range.negate().shift(c)],
        BinaryOp::Div => divisors(range, c),
        BinaryOp::Pow if c > 1.0 => {
            let power = range.meet(Range::above(0.0));
            power
                .map(|power| power.map(|value| value.ln() / c.ln()))
                .into_iter()
                .collect()
        }
        _ => Vec::new(),
    }
}

/// The numbers of which `range` holds the remainder by `c`.
fn remainders(range: Range, c: f64) -> Vec<Range> {
    let possible = Range {
        hi_open: true,
        ..Range::closed(0.0, c.abs())
    };
    let Some(remainder) = range.meet(possible) else {
        return Vec::new();
    };
    let remainder = remainder.pick(None, 0);
    (0..3)
        .map(|turn| Range::point(f64::from(turn).mul_add(c.abs(), remainder)))
        .collect()
}

/// The positive, then the negative divisors `x` for which `c / x` lies in `range`.
fn divisors(range: Range, c: f64) -> Vec<Range> {
    if c == 0.0 {
        return if range.contains(0.0) {
            vec![Range::above(0.0), Range::below(0.0)]
        } else {
            Vec::new()
        };
    }
    let mut found = Vec::new();
    for sign in [1.0, -1.0] {
        // c / x = r and x of this sign: r has the sign of c times it.
        let quotient_sign = c.signum() * sign;
        let side = range.scale(quotient_sign);
        let Some(side) = side.meet(Range::NOT_NEGATIVE) else {
            continue;
        };
        let size = Range {
            lo: c.abs() / side.hi,
            hi: c.abs() / side.lo,
            lo_open: side.hi_open || side.hi == f64::INFINITY,
            hi_open: side.lo_open && side.lo > 0.0,
        };
        if !size.is_empty() {
            found.push(size.scale(sign));
        }
    }
    found
}
