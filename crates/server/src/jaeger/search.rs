//! The handlers: services, operations, traces, dependencies.

use std::cell::Cell;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Serialize, Serializer};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use skopos_core::ReadError;
use skopos_core::span::{Span, SpanKind, TraceId};
use skopos_core::time::TimeRangeNs;

use super::envelope::{JaegerError, success, success_body};
use super::params::{self, Adjusters};
use super::ui::UiTrace;
use super::{adjust, spans};
use crate::params::Params;
use crate::query::{self, QueryText};
use crate::router::{App, Shared};
use crate::tenant::Tenant;
use crate::text;

/// Why a trace can be written.
const PLAIN: &str = "a trace is plain data with text keys, which JSON can hold";

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
    let body = query::run(&app, text(format!("{:?}", request.search)), move |budget| {
        let traces = if request.trace_ids.is_empty() {
            source.search(&request.search, budget)?
        } else {
            let ids = request.trace_ids.iter();
            ids.map(|id| source.trace(*id, budget)).collect::<Result<_, _>>()?
        };
        Ok::<_, ReadError>(success_body(Shown::new(traces, request.adjusters)).expect(PLAIN))
    })
    .await?;
    Ok(text::with_type(StatusCode::OK, text::JSON, body))
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
    query::run(app, text(format!("trace {id}")), move |budget| {
        let spans = source.trace(id, budget)?;
        let known = Some(spans).filter(|spans| !spans.is_empty());
        Ok::<_, ReadError>(known.map(|spans| to_raw_value(&one(spans, adjusters)).expect(PLAIN)))
    })
    .await
    .map_err(JaegerError::from)
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

/// Traces to be written as Jaeger does, on the query pool. Each is made when its text is due and gone before the next, so
/// that a long list stands in memory as the body alone.
struct Shown {
    traces: Cell<Vec<Vec<Span>>>,
    adjusters: Adjusters,
}

impl Shown {
    const fn new(traces: Vec<Vec<Span>>, adjusters: Adjusters) -> Self {
        let traces = Cell::new(traces);
        Self { traces, adjusters }
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let known = self.traces.take().into_iter().filter(|spans| !spans.is_empty());
        serializer.collect_seq(known.map(|spans| one(spans, self.adjusters)))
    }
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

fn kind_text(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Unspecified => "",
        other => other.as_str(),
    }
}

fn text(query: impl Into<String>) -> QueryText {
    QueryText::new("traces", query)
}
