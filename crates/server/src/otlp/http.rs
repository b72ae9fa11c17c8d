//! OTLP over HTTP: bodies in protobuf or JSON, answers in the coding of the request.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use skopos_core::WriteError;
use skopos_core::ledger::Signal;
use skopos_wire::compression::CompressionError;
use skopos_wire::otlp::{
    Codec, ExportLogsServiceRequest, ExportMetricsServiceRequest, ExportTraceServiceRequest, OtlpError, decode_logs,
    decode_metrics, decode_traces, encode_logs_response, encode_metrics_response, encode_status,
    encode_traces_response,
};

use super::store;
use crate::body::{BodyError, Push, header_text, read_push, unpack};
use crate::doors::Door;
use crate::pool::PoolError;
use crate::router::{App, Shared};
use crate::text;

const DOOR: &str = "otlp_http";
const LOKI_DOOR: &str = "loki_otlp";
/// Seconds that a client waits before it sends a refused request again.
const RETRY_AFTER_SECONDS: &str = "5";

/// `POST /v1/traces`.
pub(super) async fn traces(State(app): State<Shared>, request: Request<Body>) -> Response {
    export(app, Export::new(Kind::Traces, DOOR), request).await
}

/// `POST /v1/logs`.
pub(super) async fn logs(State(app): State<Shared>, request: Request<Body>) -> Response {
    export(app, Export::new(Kind::Logs, DOOR), request).await
}

/// `POST /v1/metrics`.
pub(super) async fn metrics(State(app): State<Shared>, request: Request<Body>) -> Response {
    export(app, Export::new(Kind::Metrics, DOOR), request).await
}

/// `POST /otlp/v1/logs`, which answers 204 as Loki does.
pub(super) async fn loki_logs(State(app): State<Shared>, request: Request<Body>) -> Response {
    let response = export(app, Export::new(Kind::Logs, LOKI_DOOR), request).await;
    match response.status() {
        StatusCode::OK => StatusCode::NO_CONTENT.into_response(),
        _ => response,
    }
}

/// What is exported through which door.
#[derive(Debug, Clone, Copy)]
struct Export {
    kind: Kind,
    door: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Traces,
    Logs,
    Metrics,
}

impl Kind {
    fn signal(self) -> Signal {
        match self {
            Self::Traces => Signal::Traces,
            Self::Logs => Signal::Logs,
            Self::Metrics => Signal::Metrics,
        }
    }
}

/// The request of an export.
enum Decoded {
    Traces(ExportTraceServiceRequest),
    Logs(ExportLogsServiceRequest),
    Metrics(ExportMetricsServiceRequest),
}

impl Export {
    fn new(kind: Kind, door: &'static str) -> Self {
        Self { kind, door }
    }
}

/// Why an export failed as a whole.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error("Content-Type {0:?} not supported: send application/x-protobuf or application/json")]
    ContentType(String),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Compression(#[from] CompressionError),
    #[error(transparent)]
    Decode(#[from] OtlpError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    Pool(#[from] PoolError),
}

impl ExportError {
    fn status(&self) -> StatusCode {
        match self {
            Self::ContentType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Body(error) => error.status(),
            Self::Compression(CompressionError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Compression(_) | Self::Decode(_) => StatusCode::BAD_REQUEST,
            Self::Write(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Pool(PoolError::Busy) => StatusCode::TOO_MANY_REQUESTS,
            Self::Pool(PoolError::Panicked(_)) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The code of `google.rpc.Code` that goes with the status.
    fn rpc_code(&self) -> tonic::Code {
        match self.status() {
            StatusCode::PAYLOAD_TOO_LARGE => tonic::Code::ResourceExhausted,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => tonic::Code::Unavailable,
            StatusCode::INTERNAL_SERVER_ERROR => tonic::Code::Internal,
            _ => tonic::Code::InvalidArgument,
        }
    }
}

async fn export(app: Shared, export: Export, request: Request<Body>) -> Response {
    let content_type = header_text(request.headers(), &CONTENT_TYPE);
    let Some(codec) = Codec::from_content_type(&content_type) else {
        let error = ExportError::ContentType(content_type);
        return text::text(error.status(), error.to_string());
    };
    match receive(app, export, codec, request).await {
        Ok(answer) => answered(StatusCode::OK, codec, answer),
        Err(error) => refused(&error, codec),
    }
}

async fn receive(app: Shared, export: Export, codec: Codec, request: Request<Body>) -> Result<Vec<u8>, ExportError> {
    let push = read_push(&app, export.door, request).await?;
    let worker = Arc::clone(&app);
    app.ingest.run(move || take(&worker, export, codec, push)).await?
}

fn take(app: &App, export: Export, codec: Codec, push: Push) -> Result<Vec<u8>, ExportError> {
    let door = Door {
        tenant: push.tenant,
        signal: export.kind.signal(),
        name: export.door,
    };
    let request = decode(app, export.kind, codec, &push.content_encoding, push.body)
        .inspect_err(|error| door.reject_body(&app.state.ledger, error.status()))?;
    Ok(match request {
        Decoded::Traces(request) => encode_traces_response(codec, store::traces(app, &door, request)?),
        Decoded::Logs(request) => encode_logs_response(codec, store::logs(app, &door, request)?),
        Decoded::Metrics(request) => encode_metrics_response(codec, store::metrics(app, &door, &request)?),
    })
}

fn decode(app: &App, kind: Kind, codec: Codec, encoding: &str, body: Bytes) -> Result<Decoded, ExportError> {
    let body = unpack(encoding, body, app.state.options.max_body_bytes)?;
    Ok(match kind {
        Kind::Traces => Decoded::Traces(decode_traces(codec, &body)?),
        Kind::Logs => Decoded::Logs(decode_logs(codec, &body)?),
        Kind::Metrics => Decoded::Metrics(decode_metrics(codec, &body)?),
    })
}

fn answered(status: StatusCode, codec: Codec, body: Vec<u8>) -> Response {
    text::with_type(status, codec.content_type(), body)
}

fn refused(error: &ExportError, codec: Codec) -> Response {
    let status = error.status();
    let body = encode_status(codec, error.rpc_code() as i32, &error.to_string());
    let mut response = answered(status, codec, body);
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        let seconds = HeaderValue::from_static(RETRY_AFTER_SECONDS);
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    response
}
