//! Trees without what printing does not keep: positions, and the order in which matchers were
//! written.

use skopos_core::Matcher;

use super::{DurationArg, DurationExpr, Expr, VectorSelector};
use crate::position::PosRange;

impl Expr {
    /// The tree without positions and with sorted matchers: expressions that mean the same part for
    /// part are the same in their `Debug` form.
    #[must_use]
    pub fn normalized(mut self) -> Self {
        normalize(&mut self);
        self
    }
}

fn normalize(expr: &mut Expr) {
    match expr {
        Expr::Aggregate(aggregate) => {
            aggregate.pos = PosRange::default();
            aggregate.param.iter_mut().for_each(normalize);
            normalize(&mut aggregate.expr);
        }
        Expr::Binary(binary) => {
            normalize(&mut binary.lhs);
            normalize(&mut binary.rhs);
        }
        Expr::Call(call) => {
            call.pos = PosRange::default();
            call.args.iter_mut().for_each(normalize);
        }
        Expr::Matrix(matrix) => {
            matrix.end = 0;
            selector(&mut matrix.selector);
            duration(&mut matrix.range);
        }
        Expr::Number(number) => number.pos = PosRange::default(),
        Expr::Paren(paren) => {
            paren.pos = PosRange::default();
            normalize(&mut paren.expr);
        }
        Expr::String(string) => string.pos = PosRange::default(),
        Expr::Subquery(subquery) => {
            subquery.end = 0;
            normalize(&mut subquery.expr);
            duration(&mut subquery.range);
            duration(&mut subquery.offset);
            subquery.step.iter_mut().for_each(duration);
        }
        Expr::Unary(unary) => {
            unary.start = 0;
            normalize(&mut unary.expr);
        }
        Expr::Vector(vector) => selector(vector),
    }
}

fn selector(selector: &mut VectorSelector) {
    selector.pos = PosRange::default();
    duration(&mut selector.offset);
    let key = |matcher: &Matcher| {
        (
            matcher.name().to_owned(),
            matcher.op().as_str(),
            matcher.value().to_owned(),
        )
    };
    selector.matchers.sort_by_cached_key(key);
}

fn duration(arg: &mut DurationArg) {
    arg.expr.iter_mut().for_each(duration_expr);
}

fn duration_expr(expr: &mut DurationExpr) {
    match expr {
        DurationExpr::Number(number) => number.pos = PosRange::default(),
        DurationExpr::Step(pos) | DurationExpr::Range(pos) => *pos = PosRange::default(),
        DurationExpr::Negate(inner, start) => {
            *start = 0;
            duration_expr(inner);
        }
        DurationExpr::Binary(_, lhs, rhs) => {
            duration_expr(lhs);
            duration_expr(rhs);
        }
        DurationExpr::MinOf(first, second, pos) | DurationExpr::MaxOf(first, second, pos) => {
            *pos = PosRange::default();
            duration_expr(first);
            duration_expr(second);
        }
        DurationExpr::Paren(inner, pos) => {
            *pos = PosRange::default();
            duration_expr(inner);
        }
    }
}
