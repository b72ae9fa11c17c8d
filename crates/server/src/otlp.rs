//! OTLP receivers: HTTP with protobuf or JSON at `/v1/{traces,logs,metrics}`, and gRPC.
//!
//! Decoding and mapping are `skopos-wire`'s; storing is the tenant's sinks'. What cannot be mapped
//! or stored is counted and told in the partial success; the rest is kept.

use axum::Router;
use axum::routing::post;

use crate::router::Shared;

pub(crate) mod grpc;
mod http;
mod store;
mod streams;

pub(crate) use streams::DeltaStates;

/// The routes of OTLP over HTTP.
pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/v1/traces", post(http::traces))
        .route("/v1/logs", post(http::logs))
        .route("/v1/metrics", post(http::metrics))
}

/// Where Prometheus and Mimir take OTLP metrics, on the main port only.
pub(crate) fn metrics_router() -> Router<Shared> {
    Router::new()
        .route("/api/v1/otlp/v1/metrics", post(http::metrics))
        .route("/otlp/v1/metrics", post(http::metrics))
}

/// Loki's door for OTLP logs, on the main port only.
pub(crate) fn loki_router() -> Router<Shared> {
    Router::new().route("/otlp/v1/logs", post(http::loki_logs))
}
