//! Prometheus' HTTP API under `/api/v1` and its management endpoints.
//!
//! Answers follow Prometheus 3: envelope, error types, statuses and number formats. What lies
//! behind, engines, stores, rules and targets, is reached through [`crate::State`].

use axum::Router;
use axum::routing::{MethodFilter, MethodRouter};
use axum::routing::{get, on, post, put};

use crate::router::Shared;
use crate::text;

mod admin;
pub(crate) mod arguments;
mod blocks;
mod buckets;
mod encode;
pub(crate) mod envelope;
mod exemplars;
mod expression;
mod features;
mod federate;
mod label_name;
pub(crate) mod labels;
mod manage;
mod notifications;
mod pools;
pub(crate) mod query;
mod remote_read;
mod rules;
mod search;
mod self_metrics;
mod series;
pub(crate) mod status;
mod targets;
mod write;

pub(crate) use manage::metrics;
pub use manage::own_metrics;
pub(crate) use notifications::Listeners;

/// The routes.
pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/api/v1/query", read(get(query::instant).post(query::instant)))
        .route("/api/v1/query_range", read(get(query::range).post(query::range)))
        .route(
            "/api/v1/query_exemplars",
            read(get(exemplars::exemplars).post(exemplars::exemplars)),
        )
        .route(
            "/api/v1/format_query",
            read(get(expression::format_query).post(expression::format_query)),
        )
        .route(
            "/api/v1/parse_query",
            read(get(expression::parse_query).post(expression::parse_query)),
        )
        .route("/api/v1/series", read(get(series::series).post(series::series)))
        .route(
            "/api/v1/labels",
            read(get(series::label_names).post(series::label_names)),
        )
        .route(
            "/api/v1/label/{name}/values",
            read(get(series::label_values).post(series::label_values)),
        )
        .route("/api/v1/rules", read(get(rules::rules)))
        .route("/api/v1/alerts", read(get(rules::alerts)))
        .route("/api/v1/alertmanagers", read(get(rules::alertmanagers)))
        .route("/api/v1/targets", read(get(targets::targets)))
        .route("/api/v1/targets/metadata", read(get(targets::target_metadata)))
        .route("/api/v1/metadata", read(get(targets::metadata)))
        .route("/api/v1/targets/relabel_steps", read(get(pools::relabel_steps)))
        .route("/api/v1/scrape_pools", read(get(pools::names)))
        .route("/api/v1/scrape_pools/config", read(get(pools::config)))
        .merge(search_routes())
        .merge(status_routes())
        .merge(manage_routes())
}

fn search_routes() -> Router<Shared> {
    Router::new()
        .route(
            "/api/v1/search/metric_names",
            read(get(search::metric_names).post(search::metric_names)),
        )
        .route(
            "/api/v1/search/label_names",
            read(get(search::label_names).post(search::label_names)),
        )
        .route(
            "/api/v1/search/label_values",
            read(get(search::label_values).post(search::label_values)),
        )
}

fn status_routes() -> Router<Shared> {
    Router::new()
        .route("/api/v1/status/config", read(get(status::config)))
        .route("/api/v1/status/flags", read(get(status::flags)))
        .route("/api/v1/status/runtimeinfo", read(get(status::runtime_info)))
        .route("/api/v1/status/buildinfo", read(get(status::build_info)))
        .route("/api/v1/status/self_metrics", read(get(self_metrics::self_metrics)))
        .route("/api/v1/status/tsdb", read(get(status::tsdb)))
        .route("/api/v1/status/tsdb/blocks", read(get(blocks::list)))
        .route("/api/v1/notifications", read(get(notifications::list)))
        .route("/api/v1/notifications/live", read(get(notifications::live)))
        .route("/api/v1/status/walreplay", read(get(status::wal_replay)))
        .route("/api/v1/features", read(get(features::features)))
}

fn manage_routes() -> Router<Shared> {
    Router::new()
        .route("/-/healthy", get(manage::healthy))
        .route("/-/ready", get(manage::ready))
        .route("/version", get(status::version))
        .route("/-/reload", post(manage::reload).merge(put(manage::reload)))
        .route("/-/quit", post(manage::quit).merge(put(manage::quit)))
        .route("/metrics", get(manage::metrics))
        .route("/federate", get(federate::federate))
        .route("/api/v1/read", post(remote_read::read))
        .route("/api/v1/write", post(write::write))
        .route(
            "/api/v1/admin/tsdb/snapshot",
            post(admin::snapshot).merge(put(admin::snapshot)),
        )
        .route(
            "/api/v1/admin/tsdb/delete_series",
            post(admin::delete_series).merge(put(admin::delete_series)),
        )
        .route(
            "/api/v1/admin/tsdb/clean_tombstones",
            post(admin::clean_tombstones).merge(put(admin::clean_tombstones)),
        )
}

/// Adds the `OPTIONS` answer that Prometheus gives on every route of its API.
fn read(route: MethodRouter<Shared>) -> MethodRouter<Shared> {
    route.merge(on(MethodFilter::OPTIONS, text::options))
}
