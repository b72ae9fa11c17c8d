//! `/loki/api/v1/index/stats`, `/index/volume`, `/detected_labels`: sizes of selections.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use skopos_core::log::LogSource;
use skopos_core::time::TimeRangeNs;
use skopos_core::{Labels, Matcher, QueryBudget, ReadError};

use super::error::LokiError;
use super::labels::{query_text, selector};
use super::params::label_range;
use crate::params::Params;
use crate::prometheus::labels::LabelsJson;
use crate::query;
use crate::router::Shared;
use crate::tenant::Tenant;
use crate::text;

const DEFAULT_VOLUMES: usize = 100;
const STAGE: &str = "log volume";

/// Streams, chunks, entries and bytes of a selection.
pub(super) async fn stats(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, LokiError> {
    let range = label_range(&params, app.state.clock.now_ns())?;
    let matchers = selector(&params)?;
    let source = app.state.stores.tenant(&tenant).log_source;
    let stats = query::run(&app, query_text(&params), move |_| source.stats(&matchers, range)).await?;
    let body = json!({
        "streams": stats.streams,
        "chunks": stats.chunks,
        "entries": stats.entries,
        "bytes": stats.bytes,
    });
    Ok(text::json(StatusCode::OK, &body))
}

/// Bytes by the labels of the selection, or by `targetLabels`.
pub(super) async fn volume(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, LokiError> {
    let range = label_range(&params, app.state.clock.now_ns())?;
    let matchers = selector(&params)?;
    let limit = params.non_empty("limit").map_or(Ok(DEFAULT_VOLUMES), str::parse);
    let limit = limit.map_err(|_| LokiError::bad_request("limit must be a positive value"))?;
    let target: Vec<String> = match params.non_empty("targetLabels") {
        Some(list) => list.split(',').map(|name| name.trim().to_owned()).collect(),
        None => matchers.iter().map(|matcher| matcher.name().to_owned()).collect(),
    };
    let source = app.state.stores.tenant(&tenant).log_source;
    let mut volumes: Vec<(Labels, u64)> = query::run(&app, query_text(&params), move |budget| {
        volumes(&*source, &matchers, &target, range, budget)
    })
    .await?;
    volumes.sort_by(|(a_labels, a), (b_labels, b)| b.cmp(a).then_with(|| a_labels.cmp(b_labels)));
    volumes.truncate(limit);
    let seconds = range.end_ns / 1_000_000_000;
    let result: Vec<Value> = volumes
        .iter()
        .map(|(labels, bytes)| json!({ "metric": LabelsJson(labels), "value": [seconds, bytes.to_string()] }))
        .collect();
    let body = json!({ "status": "success", "data": { "resultType": "vector", "result": result } });
    Ok(text::json(StatusCode::OK, &body))
}

fn volumes(
    source: &dyn LogSource,
    matchers: &[Matcher],
    target: &[String],
    range: TimeRangeNs,
    budget: &QueryBudget,
) -> Result<Vec<(Labels, u64)>, ReadError> {
    let mut volumes: BTreeMap<Labels, u64> = BTreeMap::new();
    for stream in source.series(matchers, range)? {
        budget.check(STAGE)?;
        let exactly: Vec<Matcher> = stream.iter().map(|(name, value)| Matcher::equal(name, value)).collect();
        let bytes = source.stats(&exactly, range)?.bytes;
        *volumes.entry(stream.only(target)).or_insert(0) += bytes;
    }
    Ok(volumes.into_iter().collect())
}

/// Labels and how many values each has.
pub(super) async fn detected_labels(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, LokiError> {
    let range = label_range(&params, app.state.clock.now_ns())?;
    let matchers = selector(&params)?;
    let source = app.state.stores.tenant(&tenant).log_source;
    let found = query::run(&app, query_text(&params), move |_| {
        let mut found = Vec::new();
        for name in source.label_names(&matchers, range)? {
            let values = source.label_values(&name, &matchers, range)?;
            if !values.iter().all(|value| is_id(value)) {
                found.push(json!({ "label": name, "cardinality": values.len() }));
            }
        }
        Ok::<_, ReadError>(found)
    })
    .await?;
    Ok(text::json(StatusCode::OK, &json!({ "detectedLabels": found })))
}

/// Whether a value is a number or a UUID: such labels tell nothing to choose by.
fn is_id(value: &str) -> bool {
    const UUID_LENGTH: usize = 36;
    let is_uuid = value.len() == UUID_LENGTH && value.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_uuid || value.parse::<f64>().is_ok()
}
