//! Skopos' own JSON API under `/api/skopos`: what the page needs beyond the protocols of others.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::prometheus::envelope::{ApiError, ErrorType};
use crate::router::Shared;
use crate::text;
use crate::views::SignalStats;

pub(crate) mod alerting;
mod cardinality;
pub(crate) mod dlq;
mod explain;
mod fleet;
mod process;
mod proving;
mod remote_write;

pub(crate) use proving::DeadCache;

/// The routes.
pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/api/skopos/status", get(status))
        .route("/api/skopos/ledger", get(ledger))
        .route("/api/skopos/dashboards", get(dashboards))
        .route("/api/skopos/dashboards/{uid}", get(dashboard))
        .route("/api/skopos/connect", get(connect))
        .merge(alerting::router())
        .merge(cardinality::router())
        .merge(dlq::router())
        .merge(explain::router())
        .merge(fleet::router())
        .merge(proving::router())
        .merge(remote_write::router())
}

async fn status(State(app): State<Shared>) -> Result<Response, ApiError> {
    let worker = std::sync::Arc::clone(&app);
    let storage = app.queries.run(move || worker.state.stores.stats()).await?;
    let uptime_ms = app.state.clock.now_ms() - app.started_ms;
    Ok(ok(&json!({
        "version": app.state.build.version,
        "startTimeMs": app.started_ms,
        "uptimeSeconds": uptime_ms as f64 / 1000.0,
        "process": process::status(),
        // What only some servers have, so that a page need not ask for what is not there.
        "parts": { "fleet": app.state.fleet.is_some(), "bus": app.state.dead_letters.is_some() },
        "storage": {
            "path": storage.path.display().to_string(),
            "diskBytes": storage.disk_bytes,
            "diskFreeBytes": storage.disk_free_bytes,
            "signals": {
                "metrics": signal(&storage.metrics, "series", "samples"),
                "logs": signal(&storage.logs, "streams", "entries"),
                "traces": signal(&storage.traces, "traces", "spans"),
            },
        },
    })))
}

fn signal(stats: &SignalStats, groups: &str, items: &str) -> Value {
    json!({
        groups: stats.groups,
        items: stats.items,
        "headBytes": stats.head_bytes,
        "walBytes": stats.wal_bytes,
        "parts": stats.parts,
        "partBytes": stats.part_bytes,
        "rows": stats.rows,
        "oldestMs": stats.oldest_ms,
        "newestMs": stats.newest_ms,
    })
}

async fn ledger(State(app): State<Shared>) -> Response {
    let lines = app.state.ledger.snapshot();
    let entries: Vec<Value> = lines
        .iter()
        .map(|(key, count)| {
            json!({
                "tenant": key.tenant.as_str(),
                "signal": key.signal.as_str(),
                "door": key.door,
                "outcome": key.outcome.as_str(),
                "reason": key.reason,
                "count": count,
            })
        })
        .collect();
    ok(&json!({ "entries": entries }))
}

async fn dashboards(State(app): State<Shared>) -> Response {
    let store = app.state.dashboards.dashboards();
    let shown: Vec<Value> = store
        .list()
        .into_iter()
        .map(|dashboard| {
            json!({
                "uid": dashboard.uid,
                "title": dashboard.title,
                "folder": dashboard.folder,
                "tags": dashboard.tags,
                "file": dashboard.file,
                "panels": dashboard.panels,
                "warnings": dashboard.warnings,
            })
        })
        .collect();
    ok(&Value::from(shown))
}

async fn dashboard(State(app): State<Shared>, Path(uid): Path<String>) -> Result<Response, ApiError> {
    let store = app.state.dashboards.dashboards();
    let dashboard = store
        .get(&uid)
        .ok_or_else(|| ApiError::new(ErrorType::NotFound, format!("no dashboard has uid {uid:?}")))?;
    Ok(ok(&json!({
        "dashboard": dashboard.json,
        "meta": { "folder": dashboard.folder, "file": dashboard.file, "warnings": dashboard.warnings },
    })))
}

#[derive(Deserialize)]
struct ConnectParams {
    /// How the caller reaches this server: scheme, host and port, as a page's `location.origin`.
    origin: Option<String>,
}

/// Scheme and authority under which the caller reaches this server: what it says itself, since a proxy may stand
/// between, or else what its request was sent to.
fn reached_at(params: &ConnectParams, uri: &Uri, headers: &HeaderMap) -> (String, Authority) {
    let origin: Option<Uri> = params.origin.as_deref().and_then(|origin| origin.parse().ok());
    let of = |uri: &Uri| Some((uri.scheme_str()?.to_owned(), uri.authority()?.clone()));
    let by_header = || {
        let host = headers.get(HOST)?.to_str().ok()?.parse().ok()?;
        Some(("http".to_owned(), host))
    };
    origin
        .as_ref()
        .and_then(of)
        .filter(|(scheme, _)| matches!(scheme.as_str(), "http" | "https"))
        // Requests by HTTP/2 have no header `Host`.
        .or_else(|| of(uri))
        .or_else(by_header)
        .unwrap_or_else(|| ("http".to_owned(), Authority::from_static("localhost:9090")))
}

/// What to point at which URL, with the scheme and host that the caller uses. The OTLP ports are taken to speak TLS
/// where this port does, as they do with `--web.config.file`.
async fn connect(
    State(app): State<Shared>,
    Query(params): Query<ConnectParams>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let (scheme, host) = reached_at(&params, &uri, &headers);
    let name = host.host();
    let line = |what: &str, url: String, hint: &str| json!({ "what": what, "url": url, "hint": hint });
    let ports = app.state.options.otlp_ports;
    let otlp = |port: Option<u16>, protocol: &str, value: &str| {
        let hint = format!("OTEL_EXPORTER_OTLP_ENDPOINT with OTEL_EXPORTER_OTLP_PROTOCOL={value}; traces and logs");
        port.map(|port| {
            line(
                &format!("OpenTelemetry SDK or Collector, {protocol}"),
                format!("{scheme}://{name}:{port}"),
                &hint,
            )
        })
    };
    let mut lines: Vec<Value> = otlp(ports.grpc, "gRPC", "grpc").into_iter().collect();
    lines.extend(otlp(ports.http, "HTTP", "http/protobuf"));
    lines.extend([
        line(
            "Prometheus remote write",
            format!("{scheme}://{host}/api/v1/write"),
            "remote_write: [{url: …}] in prometheus.yml of another Prometheus or agent",
        ),
        line(
            "Promtail, Grafana Alloy, Fluent Bit (Loki output)",
            format!("{scheme}://{host}/loki/api/v1/push"),
            "clients: [{url: …}]",
        ),
        line(
            "Grafana data source Prometheus",
            format!("{scheme}://{host}"),
            "type Prometheus",
        ),
        line("Grafana data source Loki", format!("{scheme}://{host}"), "type Loki"),
        line(
            "Grafana data source Jaeger",
            format!("{scheme}://{host}/jaeger"),
            "type Jaeger",
        ),
        line(
            "Scraping",
            String::new(),
            "list your services in prometheus.yml and start with --config.file=prometheus.yml",
        ),
    ]);
    ok(&Value::from(lines))
}

fn ok(body: &Value) -> Response {
    text::json(axum::http::StatusCode::OK, body)
}
