//! InfluxDB's write API: version 1 at `/write`, version 2 at `/api/v2/write`.
//!
//! Good lines of a body are kept; the answer names those that are not by their number, as InfluxDB
//! does with a partial write.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderName, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use skopos_core::WriteError;
use skopos_core::ledger::Signal;
use skopos_wire::compression::{CompressionError, Encoding, decompress};
use skopos_wire::influx::{InfluxLines, Precision, decode_lines};

use crate::body::{BodyError, Push, read_push};
use crate::doors::Door;
use crate::pool::PoolError;
use crate::router::{App, Shared};
use crate::text;

const DOOR: &str = "influx";
const VERSION_HEADER: HeaderName = HeaderName::from_static("x-influxdb-version");
/// The version whose write API this is.
const VERSION: &str = "1.8.10";

/// The routes.
pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/write", post(write_v1))
        .route("/api/v2/write", post(write_v2))
        .route("/ping", get(ping).post(ping))
}

/// `GET /ping`, which clients ask before they write.
async fn ping() -> Response {
    (StatusCode::NO_CONTENT, [(VERSION_HEADER, VERSION)]).into_response()
}

/// Parameters of either version.
#[derive(Debug, Default, Deserialize)]
struct Parameters {
    #[serde(default)]
    db: String,
    #[serde(default)]
    bucket: String,
    #[serde(default)]
    precision: String,
}

/// How faults are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Api {
    V1,
    V2,
}

async fn write_v1(State(app): State<Shared>, Query(parameters): Query<Parameters>, request: Request<Body>) -> Response {
    answer(Api::V1, receive(app, parameters, request).await)
}

async fn write_v2(State(app): State<Shared>, Query(parameters): Query<Parameters>, request: Request<Body>) -> Response {
    answer(Api::V2, receive(app, parameters, request).await)
}

fn answer(api: Api, result: Result<(), Failure>) -> Response {
    let Err(failure) = result else {
        return StatusCode::NO_CONTENT.into_response();
    };
    let status = failure.status();
    let body = match (api, status) {
        (Api::V1, _) => json!({ "error": failure.to_string() }),
        (Api::V2, StatusCode::BAD_REQUEST) => json!({ "code": "invalid", "message": failure.to_string() }),
        (Api::V2, StatusCode::PAYLOAD_TOO_LARGE) => {
            json!({ "code": "request too large", "message": failure.to_string() })
        }
        (Api::V2, StatusCode::TOO_MANY_REQUESTS) => {
            json!({ "code": "too many requests", "message": failure.to_string() })
        }
        (Api::V2, _) => json!({ "code": "unavailable", "message": failure.to_string() }),
    };
    text::json(status, &body)
}

/// Why a write failed, wholly or in part.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("invalid precision {0:?} (use n, ns, u, us, ms, s, m or h)")]
    Precision(String),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Compression(#[from] CompressionError),
    #[error("body is not UTF-8: {0}")]
    Utf8(#[from] std::str::Utf8Error),
    #[error("partial write: {reasons} dropped={dropped}")]
    Partial { reasons: String, dropped: u64 },
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    Pool(#[from] PoolError),
}

impl Failure {
    fn status(&self) -> StatusCode {
        match self {
            Self::Body(error) => error.status(),
            Self::Compression(CompressionError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Precision(_) | Self::Compression(_) | Self::Utf8(_) | Self::Partial { .. } => StatusCode::BAD_REQUEST,
            Self::Write(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Pool(PoolError::Busy) => StatusCode::TOO_MANY_REQUESTS,
            Self::Pool(PoolError::Panicked(_)) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

async fn receive(app: Shared, parameters: Parameters, request: Request<Body>) -> Result<(), Failure> {
    let push = read_push(&app, DOOR, request).await?;
    let worker = Arc::clone(&app);
    app.ingest.run(move || store(&worker, &parameters, &push)).await?
}

fn store(app: &App, parameters: &Parameters, push: &Push) -> Result<(), Failure> {
    let door = Door {
        tenant: push.tenant.clone(),
        signal: Signal::Metrics,
        name: DOOR,
    };
    let ledger = &app.state.ledger;
    let read = decode(app, parameters, push).inspect_err(|error| door.reject_body(ledger, error.status()))?;
    door.drop_by_rule(ledger, "text_field", read.texts);
    door.reject(ledger, "invalid_line", read.faulty);
    let mut dropped = read.faulty;
    let mut reasons = read.told;
    let count = read.batch.series.len() as u64;
    if count > 0 {
        let sink = app.state.stores.tenant(&push.tenant).metric_sink;
        let appended = sink.append(read.batch);
        let report = appended.inspect_err(|_| door.reject(ledger, "write_failed", count))?;
        door.record(ledger, &report);
        dropped += report.refused_count();
        reasons.extend(report.refused.into_iter().map(|refusal| refusal.example));
    }
    if dropped == 0 {
        return Ok(());
    }
    Err(Failure::Partial {
        reasons: reasons.join("; "),
        dropped,
    })
}

fn decode(app: &App, parameters: &Parameters, push: &Push) -> Result<InfluxLines, Failure> {
    let precision =
        Precision::from_name(&parameters.precision).ok_or_else(|| Failure::Precision(parameters.precision.clone()))?;
    let limit = app.state.options.max_body_bytes;
    let body = decompress(Encoding::from_header(&push.content_encoding)?, &push.body, limit)?;
    let body = std::str::from_utf8(&body)?;
    let database = if parameters.db.is_empty() {
        &parameters.bucket
    } else {
        &parameters.db
    };
    let now_ms = app.state.clock.now_ms();
    Ok(decode_lines(body, precision, &[("db", database)], now_ms))
}
