//! Jaeger: its unversioned query API under `/jaeger/api`, and under `/api` on its classic port; its collector.
//!
//! Grafana's Jaeger data source, Kiali and scripts use the query API. Reading and searching is the trace
//! store's work; here are parameters, adjusters and the JSON of the Jaeger page. Decoding what the collector takes is
//! `skopos-wire`'s.

use axum::Router;
use axum::routing::get;

use crate::router::Shared;

mod adjust;
mod collector;
mod envelope;
mod page;
mod params;
mod search;
mod spans;
mod ui;

pub(crate) use collector::{collector_grpc, collector_router};
pub(crate) use page::pages;

/// The routes on the page's port.
pub(crate) fn router() -> Router<Shared> {
    router_below("/jaeger/api")
}

/// The routes below a path, which is `/api` on Jaeger's own port.
pub(crate) fn router_below(path: &str) -> Router<Shared> {
    let api = Router::new()
        .route("/services", get(search::services))
        .route("/services/{service}/operations", get(search::service_operations))
        .route("/operations", get(search::operations))
        .route("/traces", get(search::traces))
        .route("/traces/{trace_id}", get(search::trace))
        .route("/dependencies", get(search::dependencies));
    Router::new().nest(path, api)
}
