//! Turns a tree as written into one with plain times: durations become milliseconds, `@ start()`
//! and `@ end()` become timestamps. Also tells which parts are the same at every step.

use crate::ast::{AtModifier, BinaryOp, DurationArg, DurationExpr, Expr, VectorSelector};
use crate::duration::milliseconds;
use crate::eval::{EvalResult, Grid};
use crate::eval_error::EvalError;

/// A copy of `expr` with all times resolved for a query over `grid`.
pub(super) fn resolve(expr: &Expr, grid: Grid) -> EvalResult<Expr> {
    let mut expr = expr.clone();
    resolve_in_place(&mut expr, grid)?;
    mark_statistics(&mut expr, false);
    Ok(expr)
}

fn resolve_in_place(expr: &mut Expr, grid: Grid) -> EvalResult<()> {
    match expr {
        Expr::Number(_) | Expr::String(_) => Ok(()),
        Expr::Paren(paren) => resolve_in_place(&mut paren.expr, grid),
        Expr::Unary(unary) => resolve_in_place(&mut unary.expr, grid),
        Expr::Vector(selector) => resolve_selector(selector, grid),
        Expr::Matrix(matrix) => {
            resolve_duration(&mut matrix.range, Sign::Positive, grid)?;
            resolve_selector(&mut matrix.selector, grid)
        }
        Expr::Subquery(subquery) => {
            resolve_duration(&mut subquery.range, Sign::Positive, grid)?;
            resolve_duration(&mut subquery.offset, Sign::Any, grid)?;
            if let Some(step) = &mut subquery.step {
                resolve_duration(step, Sign::Positive, grid)?;
            }
            resolve_at(&mut subquery.at, grid);
            resolve_in_place(&mut subquery.expr, grid)
        }
        Expr::Aggregate(aggregate) => {
            if let Some(param) = &mut aggregate.param {
                resolve_in_place(param, grid)?;
            }
            resolve_in_place(&mut aggregate.expr, grid)
        }
        Expr::Binary(binary) => {
            resolve_in_place(&mut binary.lhs, grid)?;
            resolve_in_place(&mut binary.rhs, grid)
        }
        Expr::Call(call) => call.args.iter_mut().try_for_each(|arg| resolve_in_place(arg, grid)),
    }
}

/// Marks the selectors whose histograms are read for their count and sum only. Subqueries and
/// what cuts or measures buckets need them whole.
fn mark_statistics(expr: &mut Expr, statistics: bool) {
    match expr {
        Expr::Vector(selector) => selector.histogram_stats = statistics,
        Expr::Matrix(matrix) => matrix.selector.histogram_stats = statistics,
        Expr::Subquery(subquery) => mark_statistics(&mut subquery.expr, false),
        Expr::Binary(binary) => {
            let statistics = statistics && !matches!(binary.op, BinaryOp::TrimUpper | BinaryOp::TrimLower);
            mark_statistics(&mut binary.lhs, statistics);
            mark_statistics(&mut binary.rhs, statistics);
        }
        Expr::Call(call) => {
            let statistics = match call.function.name {
                "histogram_count" | "histogram_sum" | "histogram_avg" => true,
                "histogram_quantile" | "histogram_quantiles" | "histogram_fraction" => false,
                _ => statistics,
            };
            call.args.iter_mut().for_each(|arg| mark_statistics(arg, statistics));
        }
        Expr::Aggregate(aggregate) => mark_statistics(&mut aggregate.expr, statistics),
        Expr::Paren(paren) => mark_statistics(&mut paren.expr, statistics),
        Expr::Unary(unary) => mark_statistics(&mut unary.expr, statistics),
        Expr::Number(_) | Expr::String(_) => {}
    }
}

fn resolve_selector(selector: &mut VectorSelector, grid: Grid) -> EvalResult<()> {
    resolve_duration(&mut selector.offset, Sign::Any, grid)?;
    resolve_at(&mut selector.at, grid);
    Ok(())
}

fn resolve_at(at: &mut Option<AtModifier>, grid: Grid) {
    match at {
        Some(AtModifier::Start) => *at = Some(AtModifier::Timestamp(grid.start_ms)),
        Some(AtModifier::End) => *at = Some(AtModifier::Timestamp(grid.end_ms)),
        Some(AtModifier::Timestamp(_)) | None => {}
    }
}

/// The time an `@` modifier fixes, once resolved.
pub(crate) fn at_ms(at: Option<AtModifier>) -> Option<i64> {
    match at {
        Some(AtModifier::Timestamp(timestamp_ms)) => Some(timestamp_ms),
        _ => None,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Any,
    Positive,
}

fn resolve_duration(arg: &mut DurationArg, sign: Sign, grid: Grid) -> EvalResult<()> {
    let Some(expr) = &arg.expr else {
        return Ok(());
    };
    let seconds = duration_seconds(expr, grid)?;
    let start = expr.pos().start;
    let fail = |what: &str| Err(EvalError::execution(format!("{start}: {what}")));
    if sign == Sign::Positive && seconds <= 0.0 {
        return fail("duration must be greater than 0");
    }
    arg.ms = match milliseconds(seconds) {
        Some(ms) => ms,
        None => return fail("duration is out of range"),
    };
    Ok(())
}

fn duration_seconds(expr: &DurationExpr, grid: Grid) -> EvalResult<f64> {
    Ok(match expr {
        DurationExpr::Number(number) => number.value,
        // An instant query has no step: `step()` and `range()` are zero.
        DurationExpr::Step(_) if grid.is_instant() => 0.0,
        DurationExpr::Step(_) => grid.step_ms as f64 / 1000.0,
        DurationExpr::Range(_) => (grid.end_ms - grid.start_ms) as f64 / 1000.0,
        DurationExpr::Negate(inner, _) => -duration_seconds(inner, grid)?,
        DurationExpr::Paren(inner, _) => duration_seconds(inner, grid)?,
        DurationExpr::MinOf(a, b, _) => duration_seconds(a, grid)?.min(duration_seconds(b, grid)?),
        DurationExpr::MaxOf(a, b, _) => duration_seconds(a, grid)?.max(duration_seconds(b, grid)?),
        DurationExpr::Binary(op, lhs, rhs) => {
            let (left, right) = (duration_seconds(lhs, grid)?, duration_seconds(rhs, grid)?);
            match op {
                BinaryOp::Add => left + right,
                BinaryOp::Sub => left - right,
                BinaryOp::Mul => left * right,
                BinaryOp::Pow => left.powf(right),
                BinaryOp::Div if right == 0.0 => return Err(EvalError::execution("division by zero")),
                BinaryOp::Mod if right == 0.0 => return Err(EvalError::execution("modulo by zero")),
                BinaryOp::Div => left / right,
                _ => left % right,
            }
        }
    })
}

/// Functions whose result depends on the time of evaluation although their arguments may not
/// (`AtModifierUnsafeFunctions` in Prometheus).
const TIME_DEPENDENT: [&str; 13] = [
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "hour",
    "minute",
    "month",
    "predict_linear",
    "start_timestamp",
    "time",
    "timestamp",
    "vector",
    "year",
];

/// Whether the expression yields the same at every step. Literals do too, but gain nothing.
pub(super) fn is_step_invariant(expr: &Expr) -> bool {
    !matches!(expr, Expr::Number(_) | Expr::String(_)) && is_invariant(expr)
}

fn is_invariant(expr: &Expr) -> bool {
    match expr {
        Expr::Number(_) | Expr::String(_) => true,
        Expr::Vector(selector) => selector.at.is_some(),
        Expr::Matrix(matrix) => matrix.selector.at.is_some(),
        Expr::Subquery(subquery) => subquery.at.is_some(),
        Expr::Call(call) if TIME_DEPENDENT.contains(&call.function.name) => {
            call.function.name == "vector" && call.args.iter().all(is_invariant)
        }
        // As in Prometheus, the parameter is not asked.
        Expr::Aggregate(aggregate) => is_invariant(&aggregate.expr),
        Expr::Call(call) => call.args.iter().all(is_invariant),
        other => other.children().into_iter().all(is_invariant),
    }
}
