//! `POST /loki/api/v1/push` and the older `/api/prom/push`.

use std::fmt::Write;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use skopos_core::WriteError;
use skopos_core::ledger::Signal;
use skopos_core::metric::{AppendReport, Refusal};
use skopos_wire::loki::{self, PushError, PushOptions, decode_legacy_push, decode_push};

use crate::body::{BodyError, Push, read_push};
use crate::doors::Door;
use crate::pool::PoolError;
use crate::router::{App, Shared};
use crate::text;

const DOOR: &str = "loki_push";
/// Refusals that a sender should try again later.
const RATE_REASONS: [&str; 3] = ["rate_limited", "per_stream_rate_limit", "stream_limit"];

type Decode = fn(&str, &str, &[u8], &PushOptions) -> Result<loki::Push, PushError>;

/// Takes a push in JSON or snappy protobuf.
pub(super) async fn push(State(app): State<Shared>, request: Request<Body>) -> Response {
    receive(app, request, decode_push)
        .await
        .unwrap_or_else(IntoResponse::into_response)
}

/// Takes a push in the older JSON form.
pub(super) async fn legacy_push(State(app): State<Shared>, request: Request<Body>) -> Response {
    receive(app, request, decode_legacy_push)
        .await
        .unwrap_or_else(IntoResponse::into_response)
}

/// Why a push failed, wholly or in part.
#[derive(Debug, thiserror::Error)]
enum PushFailure {
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Decode(#[from] PushError),
    #[error("error at least one valid stream is required for ingestion")]
    Empty,
    #[error("{}", refusal_text(.0))]
    Refused(Vec<Refusal>),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    Pool(#[from] PoolError),
}

impl PushFailure {
    fn status(&self) -> StatusCode {
        match self {
            Self::Body(error) => error.status(),
            Self::Decode(error) if error.is_too_large() => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Decode(_) => StatusCode::BAD_REQUEST,
            Self::Empty => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Refused(refused) if refused.iter().all(|refusal| RATE_REASONS.contains(&refusal.reason)) => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::Refused(_) => StatusCode::BAD_REQUEST,
            Self::Write(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Pool(PoolError::Busy) => StatusCode::TOO_MANY_REQUESTS,
            Self::Pool(PoolError::Panicked(_)) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for PushFailure {
    fn into_response(self) -> Response {
        text::text(self.status(), format!("{self}\n"))
    }
}

async fn receive(app: Shared, request: Request<Body>, decode: Decode) -> Result<Response, PushFailure> {
    let push = read_push(&app, DOOR, request).await?;
    let worker = Arc::clone(&app);
    app.ingest.run(move || store(&worker, &push, decode)).await??;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn store(app: &App, push: &Push, decode: Decode) -> Result<(), PushFailure> {
    let options = PushOptions {
        max_decompressed_bytes: app.state.options.max_body_bytes,
        ..PushOptions::default()
    };
    let door = Door {
        tenant: push.tenant.clone(),
        signal: Signal::Logs,
        name: DOOR,
    };
    let ledger = &app.state.ledger;
    let decoded = decode(&push.content_type, &push.content_encoding, &push.body, &options)
        .map_err(PushFailure::from)
        .inspect_err(|error| door.reject_body(ledger, error.status()))?;
    door.record(ledger, &decoded.report);
    let mut refused = decoded.report.refused;
    let count: u64 = decoded
        .batch
        .streams
        .iter()
        .map(|stream| stream.entries.len() as u64)
        .sum();
    if count == 0 && refused.is_empty() {
        return Err(PushFailure::Empty);
    }
    if count > 0 {
        let sink = app.state.stores.tenant(&push.tenant).log_sink;
        let appended = sink.append(decoded.batch);
        let report: AppendReport = appended.inspect_err(|_| door.reject(ledger, "write_failed", count))?;
        door.record(ledger, &report);
        refused.extend(report.refused);
    }
    if refused.is_empty() {
        Ok(())
    } else {
        Err(PushFailure::Refused(refused))
    }
}

fn refusal_text(refused: &[Refusal]) -> String {
    let mut out = String::new();
    for refusal in refused {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&refusal.example);
        if refusal.count > 1 {
            write!(out, ", total ignored: {}", refusal.count).expect("writing to memory cannot fail");
        }
    }
    out
}
