//! Spans of an evaluation, under the names that Prometheus' engine gives them (`promql/engine.go`, `util/stats`). Nobody
//! wants them by default: then each costs a look at a flag. None is made for a series or a sample.

use tracing::Span;

use crate::ast::{Expr, VectorSelector};
use crate::printer::Operation;

/// The evaluation of a query as a whole.
pub(crate) fn evaluation() -> Span {
    tracing::debug_span!("promqlEval")
}

/// What is done before anything is computed.
pub(crate) fn preparation() -> Span {
    tracing::debug_span!("promqlPrepare")
}

/// The computation.
pub(crate) fn inner() -> Span {
    tracing::debug_span!("promqlInnerEval")
}

/// Putting the result in order.
pub(crate) fn sort() -> Span {
    tracing::debug_span!("promqlSort")
}

/// The computation of a part of the tree; none for constants and parentheses.
#[inline(never)]
pub(crate) fn part(expr: &Expr) -> Span {
    let name = match expr {
        Expr::Aggregate(_) => "promqlInnerEval eval AggregateExpr",
        Expr::Binary(_) => "promqlInnerEval eval BinaryExpr",
        Expr::Call(_) => "promqlInnerEval eval Call",
        Expr::Matrix(_) => "promqlInnerEval eval MatrixSelector",
        Expr::Subquery(_) => "promqlInnerEval eval SubqueryExpr",
        Expr::Unary(_) => "promqlInnerEval eval UnaryExpr",
        Expr::Vector(_) => "promqlInnerEval eval VectorSelector",
        Expr::Number(_) | Expr::Paren(_) | Expr::String(_) => return Span::none(),
    };
    tracing::debug_span!("promqlInnerEval eval", otel.name = name, operation = %Operation(expr))
}

/// Reading what a selector selects, and what is computed while series are lent.
pub(crate) fn select(selector: &VectorSelector) -> Span {
    tracing::debug_span!(
        "select",
        %selector,
        series = tracing::field::Empty,
        samples = tracing::field::Empty,
    )
}

/// Tells how much a selector gave.
pub(crate) fn selected(span: &Span, series: usize, samples: usize) {
    span.record("series", series as i64).record("samples", samples as i64);
}
