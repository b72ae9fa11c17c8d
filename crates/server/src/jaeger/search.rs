//! The handlers: services, operations, traces, dependencies.

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use skopos_core::ReadError;
use skopos_core::span::{Span, SpanKind, TraceId};
use skopos_core::time::TimeRangeNs;

use super::envelope::{JaegerError, success};
use super::params::{self, Adjusters};
use super::ui::UiTrace;
use super::{adjust, spans};
use crate::params::Params;
use crate::query::{self, QueryText};
use crate::router::{App, Shared};
use crate::tenant::Tenant;

/// Names of services.
pub(super) async fn services(State(app): State<Shared>, Tenant(tenant): Tenant) -> Result<Response, JaegerError> {
    let source = app.state.stores.tenant(&tenant).trace_source;
    let names = query::run(&app, text("services"), move |_| source.services(TimeRangeNs::ALL)).await?;
    Ok(success(&names, names.len()))
}

/// Names of a service's operations.
pub(super) async fn service_operations(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    Path(service): Path<String>,
) -> Result<Response, JaegerError> {
    let source = app.state.stores.tenant(&tenant).trace_source;
    let operations = query::run(&app, text("operations"), move |_| {
        source.operations(&service, TimeRangeNs::ALL)
    })
    .await?;
    let mut names: Vec<String> = operations.into_iter().map(|(name, _)| name).collect();
    names.dedup();
    Ok(success(&names, names.len()))
}

/// A service's operations with their kinds.
pub(super) async fn operations(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, JaegerError> {
    let service = params
        .non_empty("service")
        .ok_or_else(params::service_required)?
        .to_owned();
    let kind = params.get("spanKind").to_owned();
    let source = app.state.stores.tenant(&tenant).trace_source;
    let operations = query::run(&app, text("operations"), move |_| {
        source.operations(&service, TimeRangeNs::ALL)
    })
    .await?;
    let shown: Vec<_> = operations
        .iter()
        .map(|(name, kind)| (name, kind_text(*kind)))
        .filter(|(_, shown)| kind.is_empty() || kind == *shown)
        .map(|(name, kind)| json!({ "name": name, "spanKind": kind }))
        .collect();
    Ok(success(&shown, shown.len()))
}

/// Traces by search or by ids.
pub(super) async fn traces(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, JaegerError> {
    let request = params::traces_request(&params, app.state.clock.now_ns())?;
    let source = app.state.stores.tenant(&tenant).trace_source;
    let found = query::run(&app, text(format!("{:?}", request.search)), move |budget| {
        if request.trace_ids.is_empty() {
            let traces = source.search(&request.search, budget)?;
            return Ok(shown(traces, request.adjusters));
        }
        let mut traces = Vec::with_capacity(request.trace_ids.len());
        for trace_id in &request.trace_ids {
            traces.push(source.trace(*trace_id, budget)?);
        }
        Ok::<_, ReadError>(shown(traces, request.adjusters))
    })
    .await?;
    Ok(success(found, 0))
}

/// One trace by id.
pub(super) async fn trace(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    Path(trace_id): Path<String>,
    params: Params,
) -> Result<Response, JaegerError> {
    let id: TraceId = trace_id
        .parse()
        .map_err(|error| JaegerError::bad_request(format!("unable to parse param 'traceID': {error}")))?;
    let adjusters = params::adjusters(&params)?;
    match read_trace(&app, &tenant, id, adjusters).await? {
        Some(trace) => Ok(success([trace], 0)),
        None => Err(JaegerError::trace_not_found(spans::trace_id_text(id))),
    }
}

async fn read_trace(
    app: &App,
    tenant: &skopos_core::TenantId,
    id: TraceId,
    adjusters: Adjusters,
) -> Result<Option<Box<RawValue>>, JaegerError> {
    let source = app.state.stores.tenant(tenant).trace_source;
    let traces = query::run(app, text(format!("trace {id}")), move |budget| {
        let spans = source.trace(id, budget)?;
        Ok::<_, ReadError>(shown(vec![spans], adjusters))
    })
    .await?;
    Ok(traces.into_iter().next())
}

/// Calls between services.
pub(super) async fn dependencies(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, JaegerError> {
    let range = params::dependency_range(&params, app.state.clock.now_ns())?;
    let service = params.non_empty("service").map(str::to_owned);
    let source = app.state.stores.tenant(&tenant).trace_source;
    let calls = query::run(&app, text("dependencies"), move |_| source.dependencies(range)).await?;
    let wanted = |parent: &str, child: &str| service.as_deref().is_none_or(|s| s == parent || s == child);
    let shown: Vec<_> = calls
        .iter()
        .filter(|(parent, child, _)| wanted(parent, child))
        .map(|(parent, child, count)| json!({ "parent": parent, "child": child, "callCount": count }))
        .collect();
    Ok(success(shown, 0))
}

/// The traces as Jaeger writes them, made on the query pool. Each becomes text before the next is made, so that a long
/// list stands in memory as text alone.
fn shown(traces: Vec<Vec<Span>>, adjusters: Adjusters) -> Vec<Box<RawValue>> {
    let known = traces.into_iter().filter(|spans| !spans.is_empty());
    known.map(|spans| written(&one(spans, adjusters))).collect()
}

fn one(mut spans: Vec<Span>, adjusters: Adjusters) -> UiTrace {
    if adjusters == Adjusters::Skip {
        return spans::ui_trace(&spans);
    }
    adjust::spans(&mut spans);
    let mut trace = spans::ui_trace(&spans);
    adjust::warn_of_orphans(&spans, &mut trace);
    trace
}

fn written(trace: &UiTrace) -> Box<RawValue> {
    to_raw_value(trace).expect("a trace is plain data with text keys, which JSON can hold")
}

fn kind_text(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Unspecified => "",
        other => other.as_str(),
    }
}

fn text(query: impl Into<String>) -> QueryText {
    QueryText::new("traces", query)
}
