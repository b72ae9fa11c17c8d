//! An instant query with its time written into every selector by `@`: it must give the same at
//! any other time.

use skopos_promql::Expr;
use skopos_promql::ast::{AtModifier, VectorSelector};

/// Functions whose result depends on the time of evaluation although their arguments do not
/// (`AtModifierUnsafeFunctions` in Prometheus).
const TIME_DEPENDENT: [&str; 17] = [
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "end",
    "hour",
    "minute",
    "month",
    "predict_linear",
    "range",
    "start",
    "start_timestamp",
    "step",
    "time",
    "timestamp",
    "vector",
    "year",
];

/// The expression with `@ time_ms` on all selectors and subqueries that have none, unless its
/// result depends on the time of evaluation all the same.
pub(super) fn pinned(expr: &Expr, time_ms: i64) -> Option<Expr> {
    if is_time_dependent(expr) {
        return None;
    }
    let mut expr = expr.clone();
    pin(&mut expr, AtModifier::Timestamp(time_ms));
    Some(expr)
}

/// The times at which a pinned query is evaluated.
pub(super) fn times(time_ms: i64) -> Vec<i64> {
    if time_ms == 0 {
        return vec![-1000, 0, 1000];
    }
    vec![-10 * time_ms, 0, time_ms / 5, time_ms, 10 * time_ms]
}

fn is_time_dependent(expr: &Expr) -> bool {
    let here = matches!(expr, Expr::Call(call) if TIME_DEPENDENT.contains(&call.function.name));
    here || expr.children().into_iter().any(is_time_dependent)
}

fn pin(expr: &mut Expr, at: AtModifier) {
    let pin_selector = |selector: &mut VectorSelector| {
        selector.at.get_or_insert(at);
    };
    match expr {
        Expr::Vector(selector) => pin_selector(selector),
        Expr::Matrix(matrix) => pin_selector(&mut matrix.selector),
        // What is inside is evaluated at the subquery's own times.
        Expr::Subquery(subquery) => {
            subquery.at.get_or_insert(at);
        }
        Expr::Aggregate(aggregate) => {
            pin(&mut aggregate.expr, at);
            if let Some(param) = &mut aggregate.param {
                pin(param, at);
            }
        }
        Expr::Binary(binary) => {
            pin(&mut binary.lhs, at);
            pin(&mut binary.rhs, at);
        }
        Expr::Call(call) => call.args.iter_mut().for_each(|arg| pin(arg, at)),
        Expr::Paren(paren) => pin(&mut paren.expr, at),
        Expr::Unary(unary) => pin(&mut unary.expr, at),
        Expr::Number(_) | Expr::String(_) => {}
    }
}
