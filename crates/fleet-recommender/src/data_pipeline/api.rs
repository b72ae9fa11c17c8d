//! What the pipeline tells the other services: interactions for training, popular items for those without a model.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;

use super::store::Store;
use crate::catalog;
use crate::events::Interaction;
use crate::ranking::{DEFAULT_COUNT, MAX_COUNT, Ranking};

pub(super) fn router(store: Arc<Store>) -> Router {
    Router::new()
        .route("/v1/interactions/{tenant}", get(interactions))
        .route("/v1/popular/{tenant}", get(popular))
        .with_state(store)
}

#[derive(Debug, Deserialize)]
struct Count {
    count: Option<usize>,
}

async fn interactions(
    State(store): State<Arc<Store>>,
    Path(tenant): Path<String>,
) -> Result<Json<Vec<Interaction>>, StatusCode> {
    let tenant = catalog::find(&tenant).ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(store.of(tenant)))
}

async fn popular(
    State(store): State<Arc<Store>>,
    Path(tenant): Path<String>,
    Query(query): Query<Count>,
) -> Result<Json<Ranking>, StatusCode> {
    let tenant = catalog::find(&tenant).ok_or(StatusCode::NOT_FOUND)?;
    let count = query.count.unwrap_or(DEFAULT_COUNT).clamp(1, MAX_COUNT);
    Ok(Json(store.popular(tenant, count)))
}
