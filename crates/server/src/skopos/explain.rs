//! `/api/skopos/explain`: the plan of a PromQL query, what it would read, and with `run` what it read.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};
use skopos_core::metric::{MetricSource, Selection};
use skopos_core::{QueryBudget, ReadError};
use skopos_promql::duration::format_duration;
use skopos_promql::{Engine, EvalError, PlanNode, PlannedRead, QueryPlan};

use crate::params::Params;
use crate::prometheus::arguments;
use crate::prometheus::envelope::ApiError;
use crate::prometheus::query::{Span, failure, read_span};
use crate::query::{self, PROMQL, QueryText};
use crate::router::Shared;
use crate::tenant::Tenant;

/// The routes.
pub(super) fn router() -> Router<Shared> {
    Router::new().route("/api/skopos/explain", get(explain).post(explain))
}

/// Explains a query at `time`, or from `start` to `end` by `step`; evaluates it too unless
/// `run=false`.
async fn explain(State(app): State<Shared>, Tenant(tenant): Tenant, params: Params) -> Result<Response, ApiError> {
    let span = read_span(&params, app.state.clock.now_ms())?;
    let runs = params.get("run") != "false";
    let text = params.get("query").to_owned();
    let source = app.state.stores.tenant(&tenant).metric_source;
    let engine = match arguments::source_resolution(&params)? {
        Some(resolution) => app.state.promql.with_source_resolution(resolution),
        None => app.state.promql.clone(),
    };
    let explained = query::run(&app, QueryText::new(PROMQL, text.clone()), move |budget| {
        let plan = match span {
            Span::At { time_ms } => engine.plan_instant(&text, time_ms),
            Span::Range {
                start_ms,
                end_ms,
                step_ms,
            } => engine.plan_range(&text, start_ms, end_ms, step_ms),
        }?;
        let mut explained = plan_json(&plan, &source)?;
        if runs {
            explained["read"] = run(&engine, &source, &text, span, budget)?;
        }
        Ok::<_, EvalError>(explained)
    })
    .await
    .map_err(failure)?;
    Ok(super::ok(&explained))
}

fn plan_json(plan: &QueryPlan, source: &Arc<dyn MetricSource>) -> Result<Value, EvalError> {
    let reads = plan.reads.iter().map(|read| read_json(read, source));
    Ok(json!({
        "query": plan.query,
        "steps": plan.steps,
        "plan": node_json(&plan.tree),
        "selectors": reads.collect::<Result<Vec<_>, ReadError>>()?,
    }))
}

fn node_json(node: &PlanNode) -> Value {
    json!({
        "what": node.what,
        "steps": node.steps,
        "repeats": node.repeats,
        "selector": node.read,
        "parts": node.children.iter().map(node_json).collect::<Vec<_>>(),
    })
}

/// A selector with what the store says that it would read.
fn read_json(read: &PlannedRead, source: &Arc<dyn MetricSource>) -> Result<Value, ReadError> {
    let estimate = source.estimate(&Selection {
        matchers: &read.matchers,
        range: read.range,
        step_ms: read.step_ms,
        resolution: read.resolution,
    })?;
    Ok(json!({
        "selector": read.selector,
        "startMs": read.range.start_ms,
        "endMs": read.range.end_ms,
        "series": estimate.series,
        "samples": estimate.samples,
        "bytes": estimate.bytes,
        "parts": estimate.parts,
        "downsampledParts": estimate.downsampled_parts.iter().map(|(resolution_ms, parts)| {
            (format_duration(*resolution_ms), Value::from(*parts))
        }).collect::<serde_json::Map<_, _>>(),
    }))
}

fn run(
    engine: &Engine,
    source: &Arc<dyn MetricSource>,
    text: &str,
    span: Span,
    budget: &QueryBudget,
) -> Result<Value, EvalError> {
    let started = Instant::now();
    let output = span.evaluate(engine, &**source, text, budget)?;
    Ok(json!({
        "durationSeconds": started.elapsed().as_secs_f64(),
        "series": output.stats.series,
        "samples": output.stats.read_samples,
        "queryableSamples": output.stats.queryable_samples,
        "downsampledWindows": crate::query_stats::windows_json(&output.stats),
        "peakSamples": budget.peak_samples(),
        "bytes": budget.part_bytes(),
        "parts": budget.parts(),
        "resultSeries": crate::prometheus::query::series_of(&output),
        "warnings": output.warnings,
        "infos": output.infos,
    }))
}
