//! Jaeger's collector: `POST /api/traces` with a batch of Thrift, and `CollectorService/PostSpans` over gRPC.
//!
//! Answers and texts are those of Jaeger's `http_thrift_handler.go` and `grpc_handler.go`: it takes what it can and
//! does not tell senders which spans it left out, so the ledger alone does.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use skopos_core::ledger::Signal;
use skopos_wire::compression::CompressionError;
use skopos_wire::jaeger::{PostSpansRequest, PostSpansResponse, ThriftError, decode_batch, is_thrift, span_batch};
use tonic::Status;
use tonic::codec::CompressionEncoding;
use tonic::server::Grpc;
use tonic_prost::ProstCodec;

use crate::body::{BodyError, Push, header_text, read_push, unpack};
use crate::doors::Door;
use crate::ingest::{self, IngestError};
use crate::pool::PoolError;
use crate::router::{App, Shared};
use crate::tenant::tenant_of;
use crate::{layers, text};

const HTTP_DOOR: &str = "jaeger_http";
const GRPC_DOOR: &str = "jaeger_grpc";

/// The routes of the collector over HTTP.
pub(crate) fn collector_router() -> Router<Shared> {
    Router::new().route("/api/traces", post(take_batch))
}

/// The collector's service over gRPC.
pub(crate) fn collector_grpc(app: &Shared) -> Router {
    let router = Router::new()
        .route("/jaeger.api_v2.CollectorService/PostSpans", post(post_spans))
        .fallback(|| async { Status::unimplemented("").into_http::<Body>() });
    layers::watch(router.with_state(Arc::clone(app)))
}

/// Why a batch is not taken.
#[derive(Debug, thiserror::Error)]
enum SubmitError {
    #[error("Cannot parse content type: mime: no media type")]
    NoContentType,
    #[error("Unsupported content type: {0}")]
    ContentType(String),
    #[error("Unable to process request body: {0}")]
    Body(#[from] BodyError),
    #[error("Unable to process request body: {0}")]
    Compression(#[from] CompressionError),
    #[error("Unable to process request body: {0}")]
    Decode(#[from] ThriftError),
    #[error("Cannot submit Jaeger batch: {0}")]
    Submit(#[from] IngestError),
}

impl From<PoolError> for SubmitError {
    fn from(error: PoolError) -> Self {
        Self::Submit(error.into())
    }
}

impl SubmitError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Body(error) => error.status(),
            Self::Compression(CompressionError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoContentType | Self::ContentType(_) | Self::Compression(_) | Self::Decode(_) => {
                StatusCode::BAD_REQUEST
            }
            Self::Submit(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for SubmitError {
    fn into_response(self) -> Response {
        text::text(self.status(), format!("{self}\n"))
    }
}

/// `POST /api/traces`. Old clients add `?format=jaeger.thrift`, which says no more than the content type.
async fn take_batch(State(app): State<Shared>, request: Request<Body>) -> Result<StatusCode, SubmitError> {
    let content_type = header_text(request.headers(), &CONTENT_TYPE);
    if content_type.is_empty() {
        return Err(SubmitError::NoContentType);
    }
    if !is_thrift(&content_type) {
        return Err(SubmitError::ContentType(content_type));
    }
    let push = read_push(&app, HTTP_DOOR, request).await?;
    let worker = Arc::clone(&app);
    app.ingest.run(move || store_batch(&worker, push)).await??;
    Ok(StatusCode::ACCEPTED)
}

fn store_batch(app: &App, push: Push) -> Result<(), SubmitError> {
    let door = Door {
        tenant: push.tenant,
        signal: Signal::Traces,
        name: HTTP_DOOR,
    };
    let decode = || -> Result<_, SubmitError> {
        let body = unpack(&push.content_encoding, push.body, app.state.options.max_body_bytes)?;
        Ok(decode_batch(&body)?)
    };
    let decoded = decode().inspect_err(|error| door.reject_body(&app.state.ledger, error.status()))?;
    ingest::spans(app, &door, decoded).map_err(IngestError::from)?;
    Ok(())
}

/// `jaeger.api_v2.CollectorService/PostSpans`.
async fn post_spans(State(app): State<Shared>, request: Request<Body>) -> Response {
    let limit = app.state.options.max_body_bytes;
    let service = tower::service_fn(move |request| take_spans(Arc::clone(&app), request));
    let codec = ProstCodec::<PostSpansResponse, PostSpansRequest>::default();
    let mut grpc = Grpc::new(codec)
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(limit);
    grpc.unary(service, request).await.map(Body::new)
}

async fn take_spans(
    app: Shared,
    request: tonic::Request<PostSpansRequest>,
) -> Result<tonic::Response<PostSpansResponse>, Status> {
    let tenant = tenant_of(request.metadata().as_ref()).map_err(|error| Status::invalid_argument(error.to_string()))?;
    let door = Door {
        tenant,
        signal: Signal::Traces,
        name: GRPC_DOOR,
    };
    let request = request.into_inner();
    ingest::run(&app, door, |app, door| ingest::spans(app, door, span_batch(request)))
        .await
        .map_err(|error| match error {
            IngestError::Pool(PoolError::Busy) => Status::resource_exhausted(error.to_string()),
            IngestError::Pool(PoolError::Panicked(_)) => Status::internal(error.to_string()),
            IngestError::Write(_) => Status::unavailable(error.to_string()),
        })?;
    Ok(tonic::Response::new(PostSpansResponse {}))
}
