//! `/api/skopos/cardinality`: what makes many series, and what grows.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde_json::json;

use crate::params::Params;
use crate::prometheus::envelope::ApiError;
use crate::prometheus::status::{counts, tsdb_limit};
use crate::query::{self, QueryText};
use crate::router::Shared;
use crate::tenant::Tenant;

/// The routes.
pub(super) fn router() -> Router<Shared> {
    Router::new().route("/api/skopos/cardinality", get(cardinality))
}

/// Like `/api/v1/status/tsdb`, and with what came and went since the start.
async fn cardinality(State(app): State<Shared>, Tenant(tenant): Tenant, params: Params) -> Result<Response, ApiError> {
    let limit = tsdb_limit(&params)?;
    let admin = app.state.stores.tenant(&tenant).metric_admin;
    let found = query::run(&app, QueryText::new("metadata", "cardinality"), move |_| {
        admin.cardinality(limit)
    })
    .await?;
    Ok(super::ok(&json!({
        "series": found.series,
        "labelPairs": found.label_pairs,
        "chunks": found.chunks,
        "oldestMs": found.bounds.map(|bounds| bounds.start_ms),
        "newestMs": found.bounds.map(|bounds| bounds.end_ms),
        "created": found.created,
        "removed": found.removed,
        "seriesByMetric": counts(&found.series_by_metric),
        "createdByMetric": counts(&found.created_by_metric),
        "valuesByLabel": counts(&found.values_by_label),
        "bytesByLabel": counts(&found.bytes_by_label),
        "seriesByPair": counts(&found.series_by_pair),
    })))
}
