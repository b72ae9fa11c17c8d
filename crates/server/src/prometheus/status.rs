//! `/api/v1/status/*`.

use std::collections::HashMap;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use skopos_core::{Labels, ReadError, TimeRange};

use super::envelope::{ApiError, success};
use crate::params::Params;
use crate::query::{self, QueryText};
use crate::router::Shared;
use crate::tenant::Tenant;
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
    let build = &app.state.build;
    success(json!({
        "version": build.version,
        "revision": build.revision,
        "branch": build.branch,
        "buildUser": "",
        "buildDate": build.build_date,
        "goVersion": "",
    }))
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
    let source = app.state.stores.tenant(&tenant).metric_source;
    let stats = app.state.stores.stats().metrics;
    let cardinality = query::run(&app, QueryText::new("metadata", "status/tsdb"), move |_| {
        let series = source.series(&[], TimeRange::ALL)?;
        Ok::<_, ReadError>(Cardinality::of(&series))
    })
    .await?;
    Ok(success(json!({
        "headStats": {
            "numSeries": cardinality.series,
            "numLabelPairs": cardinality.pairs.len(),
            "chunkCount": stats.parts,
            "minTime": stats.oldest_ms.unwrap_or(i64::MAX),
            "maxTime": stats.newest_ms.unwrap_or(i64::MIN),
        },
        "seriesCountByMetricName": top(&cardinality.by_metric, limit),
        "labelValueCountByLabelName": top(&cardinality.values_by_name(), limit),
        "memoryInBytesByLabelName": top(&cardinality.bytes_by_name(), limit),
        "seriesCountByLabelValuePair": top(&cardinality.pairs, limit),
    })))
}

fn tsdb_limit(params: &Params) -> Result<usize, ApiError> {
    let Some(text) = params.non_empty("limit") else {
        return Ok(TSDB_DEFAULT_LIMIT);
    };
    match text.parse::<usize>() {
        Ok(limit) if TSDB_LIMITS.contains(&limit) => Ok(limit),
        Ok(limit) if limit > *TSDB_LIMITS.end() => Err(ApiError::bad_data("limit must not exceed 10000")),
        _ => Err(ApiError::bad_data("limit must be a positive number")),
    }
}

#[derive(Debug, Default)]
struct Cardinality {
    series: usize,
    by_metric: HashMap<String, u64>,
    pairs: HashMap<String, u64>,
    names: HashMap<String, (u64, u64)>,
}

impl Cardinality {
    fn of(series: &[Labels]) -> Self {
        let mut counts = Self {
            series: series.len(),
            ..Self::default()
        };
        for labels in series {
            *counts.by_metric.entry(labels.metric_name().to_owned()).or_insert(0) += 1;
            for (name, value) in labels {
                counts.count_pair(name, value);
            }
        }
        counts
    }

    fn count_pair(&mut self, name: &str, value: &str) {
        let pair = self.pairs.entry(format!("{name}={value}")).or_insert(0);
        *pair += 1;
        if *pair == 1 {
            let (values, bytes) = self.names.entry(name.to_owned()).or_insert((0, 0));
            *values += 1;
            *bytes += value.len() as u64;
        }
    }

    fn values_by_name(&self) -> HashMap<String, u64> {
        self.names
            .iter()
            .map(|(name, (values, _))| (name.clone(), *values))
            .collect()
    }

    fn bytes_by_name(&self) -> HashMap<String, u64> {
        self.names
            .iter()
            .map(|(name, (_, bytes))| (name.clone(), *bytes))
            .collect()
    }
}

fn top(counts: &HashMap<String, u64>, limit: usize) -> Vec<Value> {
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by(|(a_name, a), (b_name, b)| b.cmp(a).then_with(|| a_name.cmp(b_name)));
    sorted.truncate(limit);
    sorted
        .into_iter()
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect()
}
