//! `/api/v1/format_query` and `/api/v1/parse_query`: an expression as text over several lines, and
//! as a tree in JSON.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use skopos_core::Matcher;
use skopos_promql::Expr;
use skopos_promql::ast::{
    AtModifier, BinaryExpr, Call, Cardinality, DurationArg, SubqueryExpr, VectorMatching, VectorSelector,
};
use skopos_promql::number::format_plain;
use skopos_promql::{Function, Variadic};

use super::envelope::{ApiError, success};
use super::query::failure;
use crate::params::Params;
use crate::query::{self, QueryText};
use crate::router::Shared;

/// The expression in the form of Prometheus' formatter.
pub(crate) async fn format_query(State(app): State<Shared>, params: Params) -> Result<Response, ApiError> {
    answer(&app, &params, |expr| Value::from(expr.pretty())).await
}

/// The tree of the expression.
pub(crate) async fn parse_query(State(app): State<Shared>, params: Params) -> Result<Response, ApiError> {
    answer(&app, &params, tree).await
}

/// Parses on the query pool, whose threads have the stack that a deep tree takes.
async fn answer(
    app: &Shared,
    params: &Params,
    show: impl FnOnce(&Expr) -> Value + Send + 'static,
) -> Result<Response, ApiError> {
    let (engine, text) = (app.state.promql.clone(), params.get("query").to_owned());
    let shown = query::run(app, QueryText::new("expression", text.clone()), move |_| {
        engine.parse(&text).map(|expr| show(&expr))
    })
    .await
    .map_err(failure)?;
    Ok(success(shown))
}

fn tree(expr: &Expr) -> Value {
    match expr {
        Expr::Aggregate(aggregate) => json!({
            "type": "aggregation",
            "op": aggregate.op.as_str(),
            "expr": tree(&aggregate.expr),
            "param": aggregate.param.as_ref().map(tree),
            "grouping": aggregate.grouping,
            "without": aggregate.without,
        }),
        Expr::Binary(binary) => binary_tree(binary),
        Expr::Call(call) => call_tree(call),
        Expr::Matrix(matrix) => {
            let mut node = selector_tree("matrixSelector", &matrix.selector);
            node["range"] = duration(&matrix.range);
            node
        }
        Expr::Number(number) => json!({ "type": "numberLiteral", "val": format_plain(number.value) }),
        Expr::Paren(paren) => json!({ "type": "parenExpr", "expr": tree(&paren.expr) }),
        Expr::String(string) => json!({ "type": "stringLiteral", "val": string.value }),
        Expr::Subquery(subquery) => subquery_tree(subquery),
        Expr::Unary(unary) => json!({ "type": "unaryExpr", "op": unary.op.as_str(), "expr": tree(&unary.expr) }),
        Expr::Vector(selector) => selector_tree("vectorSelector", selector),
    }
}

fn binary_tree(binary: &BinaryExpr) -> Value {
    json!({
        "type": "binaryExpr",
        "op": binary.op.as_str(),
        "lhs": tree(&binary.lhs),
        "rhs": tree(&binary.rhs),
        "matching": binary.matching.as_ref().map(matching_tree),
        "bool": binary.return_bool,
    })
}

fn matching_tree(matching: &VectorMatching) -> Value {
    let cardinality = match matching.cardinality {
        Cardinality::OneToOne => "one-to-one",
        Cardinality::ManyToOne => "many-to-one",
        Cardinality::OneToMany => "one-to-many",
        Cardinality::ManyToMany => "many-to-many",
    };
    json!({
        "card": cardinality,
        "labels": matching.labels,
        "on": matching.on,
        "include": matching.include,
        "fillValues": { "lhs": matching.fill_left, "rhs": matching.fill_right },
    })
}

fn call_tree(call: &Call) -> Value {
    let args: Vec<Value> = call.args.iter().map(tree).collect();
    json!({ "type": "call", "func": signature(call.function), "args": args })
}

fn signature(function: &Function) -> Value {
    let types: Vec<&str> = function.args.iter().map(|arg| arg.as_str()).collect();
    let variadic = match function.variadic {
        Variadic::No => 0,
        Variadic::UpTo(count) => i64::try_from(count).unwrap_or(i64::MAX),
        Variadic::Any => -1,
    };
    json!({
        "name": function.name,
        "argTypes": types,
        "variadic": variadic,
        "returnType": function.returns.as_str(),
    })
}

fn subquery_tree(subquery: &SubqueryExpr) -> Value {
    json!({
        "type": "subquery",
        "expr": tree(&subquery.expr),
        "range": duration(&subquery.range),
        "offset": duration(&subquery.offset),
        "step": subquery.step.as_ref().map_or(Value::from(0), duration),
        "timestamp": timestamp(subquery.at),
        "startOrEnd": start_or_end(subquery.at),
    })
}

fn selector_tree(kind: &str, selector: &VectorSelector) -> Value {
    let matchers: Vec<Value> = selector.matchers.iter().map(matcher_tree).collect();
    json!({
        "type": kind,
        "name": selector.name,
        "offset": duration(&selector.offset),
        "matchers": matchers,
        "timestamp": timestamp(selector.at),
        "startOrEnd": start_or_end(selector.at),
        "anchored": selector.anchored,
        "smoothed": selector.smoothed,
    })
}

fn matcher_tree(matcher: &Matcher) -> Value {
    json!({ "name": matcher.name(), "value": matcher.value(), "type": matcher.op().as_str() })
}

/// Milliseconds; 0 of a duration that is an expression, as in Prometheus.
fn duration(duration: &DurationArg) -> Value {
    Value::from(if duration.expr.is_some() { 0 } else { duration.ms })
}

fn timestamp(at: Option<AtModifier>) -> Value {
    match at {
        Some(AtModifier::Timestamp(ms)) => Value::from(ms),
        _ => Value::Null,
    }
}

fn start_or_end(at: Option<AtModifier>) -> Value {
    match at {
        Some(AtModifier::Start) => Value::from("start"),
        Some(AtModifier::End) => Value::from("end"),
        _ => Value::Null,
    }
}
