//! `POST /api/v1/write`: remote write 1.0.
//!
//! Unlike Prometheus, which keeps nothing of a batch with one bad sample, the good samples are
//! kept: the sender does not repeat a 400, so the rest would be lost.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use skopos_core::WriteError;
use skopos_core::ledger::Signal;
use skopos_wire::compression::CompressionError;
use skopos_wire::remote_write::{RemoteWriteError, decode_remote_write};

use crate::body::{BodyError, Push, read_push};
use crate::doors::Door;
use crate::pool::PoolError;
use crate::router::{App, Shared};
use crate::text;

const DOOR: &str = "remote_write";
const MEDIA_TYPE: &str = "application/x-protobuf";
const MESSAGE: &str = "prometheus.WriteRequest";

/// Takes samples in.
pub(crate) async fn write(State(app): State<Shared>, request: Request<Body>) -> Response {
    receive(app, request).await.unwrap_or_else(IntoResponse::into_response)
}

/// Why a write failed, wholly or in part.
#[derive(Debug, thiserror::Error)]
enum WriteFailure {
    #[error("{0}")]
    MediaType(String),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Decode(#[from] RemoteWriteError),
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    Pool(#[from] PoolError),
}

impl WriteFailure {
    fn status(&self) -> StatusCode {
        match self {
            Self::MediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Body(error) => error.status(),
            Self::Decode(RemoteWriteError::Compression(CompressionError::TooLarge { .. })) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::Decode(_) | Self::Refused(_) => StatusCode::BAD_REQUEST,
            // Senders repeat what is answered with 5xx.
            Self::Write(_) | Self::Pool(PoolError::Busy) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Pool(PoolError::Panicked(_)) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for WriteFailure {
    fn into_response(self) -> Response {
        text::text(self.status(), format!("{self}\n"))
    }
}

async fn receive(app: Shared, request: Request<Body>) -> Result<Response, WriteFailure> {
    let push = read_push(&app, DOOR, request).await?;
    check_content_type(&push.content_type)?;
    check_content_encoding(&push.content_encoding)?;
    let worker = Arc::clone(&app);
    app.ingest.run(move || store(&worker, &push)).await??;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn store(app: &App, push: &Push) -> Result<(), WriteFailure> {
    let door = Door {
        tenant: push.tenant.clone(),
        signal: Signal::Metrics,
        name: DOOR,
    };
    let ledger = &app.state.ledger;
    let decoded = decode_remote_write(&push.body, app.state.options.max_body_bytes)
        .map_err(WriteFailure::from)
        .inspect_err(|error| door.reject_body(ledger, error.status()))?;
    // Series that the decoder left out are counted; the sender is not told, as in Prometheus.
    door.record(ledger, &decoded.report);
    let count = decoded
        .batch
        .series
        .iter()
        .map(|series| series.samples.len() as u64)
        .sum();
    let sink = app.state.stores.tenant(&push.tenant).metric_sink;
    let appended = sink.append(decoded.batch);
    let report = appended.inspect_err(|_| door.reject(ledger, "write_failed", count))?;
    door.record(ledger, &report);
    match report.refused.into_iter().next() {
        None => Ok(()),
        Some(refusal) => Err(WriteFailure::Refused(refusal.example)),
    }
}

fn check_content_type(content_type: &str) -> Result<(), WriteFailure> {
    let mut parts = content_type.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    if !media_type.is_empty() && !media_type.eq_ignore_ascii_case(MEDIA_TYPE) {
        return Err(WriteFailure::MediaType(format!(
            "expected {MEDIA_TYPE} as the first (media) part, got {content_type} content-type"
        )));
    }
    for message in parts.filter_map(|part| part.strip_prefix("proto=")) {
        if message != MESSAGE {
            return Err(WriteFailure::MediaType(format!(
                "got {content_type} content type; unknown remote write protobuf message {message}, \
                 supported: {MESSAGE}"
            )));
        }
    }
    Ok(())
}

fn check_content_encoding(encoding: &str) -> Result<(), WriteFailure> {
    if matches!(encoding, "" | "snappy") {
        return Ok(());
    }
    Err(WriteFailure::MediaType(format!(
        "{encoding} encoding (compression) is not accepted by this server; only snappy is acceptable"
    )))
}
