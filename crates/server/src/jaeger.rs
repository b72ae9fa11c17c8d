//! Jaeger's unversioned query API under `/jaeger/api`.
//!
//! Grafana's Jaeger data source, Kiali and scripts use it. Reading and searching is the trace
//! store's work; here are parameters, adjusters and the JSON of the Jaeger page.

use axum::Router;
use axum::routing::get;

use crate::router::Shared;

mod adjust;
mod envelope;
mod params;
mod search;
mod spans;
mod ui;

/// The routes.
pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/jaeger/api/services", get(search::services))
        .route(
            "/jaeger/api/services/{service}/operations",
            get(search::service_operations),
        )
        .route("/jaeger/api/operations", get(search::operations))
        .route("/jaeger/api/traces", get(search::traces))
        .route("/jaeger/api/traces/{trace_id}", get(search::trace))
        .route("/jaeger/api/dependencies", get(search::dependencies))
}
