//! Loki's API under `/loki/api/v1`: push and query.
//!
//! Errors are plain text, as Loki's are. Push bodies are `skopos-wire`'s to decode, LogQL is
//! `skopos-logql`'s to evaluate.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};

use crate::router::Shared;
use crate::{otlp, text};

mod encode;
mod error;
mod index;
mod labels;
mod params;
mod push;
mod query;

/// The routes.
pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/loki/api/v1/push", post(push::push))
        .route("/api/prom/push", post(push::legacy_push))
        .route("/loki/api/v1/query_range", get(query::range).post(query::range))
        .route("/loki/api/v1/query", get(query::instant).post(query::instant))
        .route("/loki/api/v1/labels", get(labels::names).post(labels::names))
        .route("/loki/api/v1/label", get(labels::names).post(labels::names))
        .route(
            "/loki/api/v1/label/{name}/values",
            get(labels::values).post(labels::values),
        )
        .route("/loki/api/v1/series", get(labels::series).post(labels::series))
        .route("/loki/api/v1/index/stats", get(index::stats).post(index::stats))
        .route("/loki/api/v1/index/volume", get(index::volume).post(index::volume))
        .route(
            "/loki/api/v1/detected_labels",
            get(index::detected_labels).post(index::detected_labels),
        )
        .route("/loki/api/v1/format_query", get(query::format).post(query::format))
        .route("/loki/api/v1/status/buildinfo", get(build_info))
        .route("/ready", get(ready))
        .merge(otlp::loki_router())
}

/// Facts about the build; Grafana asks for them.
async fn build_info(State(app): State<Shared>) -> Response {
    text::json(StatusCode::OK, &app.state.build.json())
}

async fn ready(State(app): State<Shared>) -> Response {
    if app.state.readiness.is_ready() {
        text::text(StatusCode::OK, "ready\n")
    } else {
        text::text(StatusCode::SERVICE_UNAVAILABLE, "Ingester not ready\n")
    }
}
