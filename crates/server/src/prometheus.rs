//! Prometheus' HTTP API under `/api/v1` and its management endpoints.
//!
//! Answers follow Prometheus 3: envelope, error types, statuses and number formats. What lies
//! behind, engines, stores, rules and targets, is reached through [`crate::State`].

use axum::Router;
use axum::routing::{MethodFilter, MethodRouter};
use axum::routing::{get, on, post, put};

use crate::router::Shared;
use crate::text;

mod arguments;
mod buckets;
mod encode;
pub(crate) mod envelope;
mod exemplars;
mod federate;
mod label_name;
pub(crate) mod labels;
mod manage;
mod query;
mod rules;
mod series;
mod status;
mod targets;
mod write;

pub(crate) use manage::metrics;
pub use manage::own_metrics;

/// The routes.
pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/api/v1/query", read(get(query::instant).post(query::instant)))
        .route("/api/v1/query_range", read(get(query::range).post(query::range)))
        .route(
            "/api/v1/query_exemplars",
            read(get(exemplars::exemplars).post(exemplars::exemplars)),
        )
        .route("/api/v1/series", read(get(series::series).post(series::series)))
        .route(
            "/api/v1/labels",
            read(get(series::label_names).post(series::label_names)),
        )
        .route("/api/v1/label/{name}/values", read(get(series::label_values)))
        .route("/api/v1/rules", read(get(rules::rules)))
        .route("/api/v1/alerts", read(get(rules::alerts)))
        .route("/api/v1/alertmanagers", read(get(rules::alertmanagers)))
        .route("/api/v1/targets", read(get(targets::targets)))
        .route("/api/v1/targets/metadata", read(get(targets::target_metadata)))
        .route("/api/v1/metadata", read(get(targets::metadata)))
        .route("/api/v1/scrape_pools", read(get(targets::pools)))
        .merge(status_routes())
        .merge(manage_routes())
}

fn status_routes() -> Router<Shared> {
    Router::new()
        .route("/api/v1/status/config", read(get(status::config)))
        .route("/api/v1/status/flags", read(get(status::flags)))
        .route("/api/v1/status/runtimeinfo", read(get(status::runtime_info)))
        .route("/api/v1/status/buildinfo", read(get(status::build_info)))
        .route("/api/v1/status/tsdb", read(get(status::tsdb)))
        .route("/api/v1/status/walreplay", read(get(status::wal_replay)))
        .route("/api/v1/features", read(get(status::features)))
}

fn manage_routes() -> Router<Shared> {
    let admin = || post(manage::admin_disabled).merge(put(manage::admin_disabled));
    Router::new()
        .route("/-/healthy", get(manage::healthy))
        .route("/-/ready", get(manage::ready))
        .route("/-/reload", post(manage::reload).merge(put(manage::reload)))
        .route("/-/quit", post(manage::quit).merge(put(manage::quit)))
        .route("/metrics", get(manage::metrics))
        .route("/federate", get(federate::federate))
        .route("/api/v1/write", post(write::write))
        .route("/api/v1/admin/tsdb/snapshot", admin())
        .route("/api/v1/admin/tsdb/delete_series", admin())
        .route("/api/v1/admin/tsdb/clean_tombstones", admin())
}

/// Adds the `OPTIONS` answer that Prometheus gives on every route of its API.
fn read(route: MethodRouter<Shared>) -> MethodRouter<Shared> {
    route.merge(on(MethodFilter::OPTIONS, text::options))
}
