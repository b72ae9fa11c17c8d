//! Ages of samples: an instant selector finds none that is older than the lookback.

use skopos_promql::ast::{AggregateOp, BinaryExpr};
use skopos_promql::{DEFAULT_LOOKBACK_MS, Expr};

/// The age in seconds that `time() - timestamp(x)` stays below; `None` of other differences.
pub(super) fn most_s(binary: &BinaryExpr) -> Option<f64> {
    let is_now = matches!(binary.lhs.unwrap_parens(), Expr::Call(call) if call.function.name == "time");
    let most_ms = is_now.then(|| most_ms(&binary.rhs)).flatten()?;
    Some(most_ms as f64 / 1000.0)
}

fn most_ms(expr: &Expr) -> Option<i64> {
    match expr.unwrap_parens() {
        Expr::Aggregate(aggregate)
            if matches!(aggregate.op, AggregateOp::Max | AggregateOp::Min | AggregateOp::Avg) =>
        {
            most_ms(&aggregate.expr)
        }
        Expr::Call(call) if call.function.name == "timestamp" => match call.args.first()?.unwrap_parens() {
            Expr::Vector(selector) if selector.at.is_none() => Some(selector.offset.ms + DEFAULT_LOOKBACK_MS),
            _ => None,
        },
        _ => None,
    }
}
