//! `/api/v1/status/*`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use skopos_core::metric::NameCount;

use super::envelope::{ApiError, success};
use crate::params::Params;
use crate::query::{self, QueryText};
use crate::router::Shared;
use crate::tenant::Tenant;
use crate::text;
use crate::time::rfc3339;

/// Bounds of `limit` of `/status/tsdb`.
const TSDB_LIMITS: std::ops::RangeInclusive<usize> = 1..=10_000;
const TSDB_DEFAULT_LIMIT: usize = 10;

/// The loaded configuration.
pub(crate) async fn config(State(app): State<Shared>) -> Response {
    success(json!({ "yaml": app.state.config.yaml() }))
}

/// The flags.
pub(crate) async fn flags(State(app): State<Shared>) -> Response {
    success(app.state.config.flags())
}

/// Facts about the running process, under Go's names where Prometheus has them.
pub(crate) async fn runtime_info(State(app): State<Shared>) -> Response {
    let reload = app.state.reloader.last_reload();
    let directory = std::env::current_dir().map_or_else(|_| String::new(), |path| path.display().to_string());
    let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let threads = app.state.options.query_threads;
    success(json!({
        "startTime": rfc3339(Some(app.started_ms)),
        "CWD": directory,
        "hostname": hostname.trim(),
        "serverTime": rfc3339(Some(app.state.clock.now_ms())),
        "reloadConfigSuccess": reload.succeeded,
        "lastConfigTime": rfc3339(Some(reload.loaded_at_ms)),
        "corruptionCount": 0,
        "goroutineCount": 0,
        "GOMAXPROCS": threads,
        "GOMEMLIMIT": 0,
        "GOGC": "",
        "GODEBUG": "",
        "storageRetention": app.state.config.retention(),
    }))
}

/// Facts about the build.
pub(crate) async fn build_info(State(app): State<Shared>) -> Response {
    success(app.state.build.json())
}

/// The same without the envelope, at the root.
pub(crate) async fn version(State(app): State<Shared>) -> Response {
    text::json(StatusCode::OK, &app.state.build.json())
}

/// The replay is over before requests are answered.
pub(crate) async fn wal_replay() -> Response {
    success(json!({ "min": 0, "max": 0, "current": 0 }))
}

/// Which metrics and labels make the most series.
pub(crate) async fn tsdb(
    State(app): State<Shared>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, ApiError> {
    let limit = tsdb_limit(&params)?;
    let admin = app.state.stores.tenant(&tenant).metric_admin;
    let found = query::run(&app, QueryText::new("metadata", "status/tsdb"), move |_| {
        admin.cardinality(limit)
    })
    .await?;
    Ok(success(json!({
        "headStats": {
            "numSeries": found.series,
            "numLabelPairs": found.label_pairs,
            "chunkCount": found.chunks,
            "minTime": found.bounds.map_or(i64::MAX, |bounds| bounds.start_ms),
            "maxTime": found.bounds.map_or(i64::MIN, |bounds| bounds.end_ms),
        },
        "seriesCountByMetricName": counts(&found.series_by_metric),
        "labelValueCountByLabelName": counts(&found.values_by_label),
        "memoryInBytesByLabelName": counts(&found.bytes_by_label),
        "seriesCountByLabelValuePair": counts(&found.series_by_pair),
    })))
}

/// Names with their counts.
pub(crate) fn counts(counts: &[NameCount]) -> Vec<Value> {
    counts
        .iter()
        .map(|entry| json!({ "name": entry.name, "value": entry.count }))
        .collect()
}

/// `limit`: entries of each list.
pub(crate) fn tsdb_limit(params: &Params) -> Result<usize, ApiError> {
    let Some(text) = params.non_empty("limit") else {
        return Ok(TSDB_DEFAULT_LIMIT);
    };
    match text.parse::<usize>() {
        Ok(limit) if TSDB_LIMITS.contains(&limit) => Ok(limit),
        Ok(limit) if limit > *TSDB_LIMITS.end() => Err(ApiError::bad_data("limit must not exceed 10000")),
        _ => Err(ApiError::bad_data("limit must be a positive number")),
    }
}
