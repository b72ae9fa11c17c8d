//! The requests to the ML engine: rankings for users, items like an item, the models that serve.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::engine::{Engine, NoAnswer};
use super::model;
use super::training::MODEL_NAME;
use crate::catalog::{self, Tenant};
use crate::ranking::{Batch, BatchRankings, DEFAULT_COUNT, MAX_BATCH, MAX_COUNT, Ranking};

pub(super) fn router(engine: Arc<Engine>) -> Router {
    Router::new()
        .route("/v1/models", get(models))
        .route("/v1/models/{tenant}/recommendations", get(recommend))
        .route("/v1/models/{tenant}/batch", post(batch))
        .route("/v1/models/{tenant}/similar/{item}", get(similar))
        .with_state(engine)
}

#[derive(Debug, Deserialize)]
struct ForUser {
    user: u32,
    count: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct Count {
    count: Option<usize>,
}

fn bounded(count: Option<usize>) -> usize {
    count.unwrap_or(DEFAULT_COUNT).clamp(1, MAX_COUNT)
}

async fn recommend(
    State(engine): State<Arc<Engine>>,
    Path(tenant): Path<String>,
    Query(query): Query<ForUser>,
) -> Result<Json<Ranking>, Refusal> {
    let ranking = engine.recommend(known(&tenant)?, query.user, bounded(query.count))?;
    Ok(Json(ranking))
}

async fn batch(
    State(engine): State<Arc<Engine>>,
    Path(tenant): Path<String>,
    Json(batch): Json<Batch>,
) -> Result<Json<BatchRankings>, Refusal> {
    let tenant = known(&tenant)?;
    let count = bounded(Some(batch.count));
    let mut rankings = Vec::new();
    for user in batch.users.into_iter().take(MAX_BATCH) {
        match engine.recommend(tenant, user, count) {
            Ok(ranking) => rankings.push((user, ranking)),
            Err(error @ NoAnswer::NoModel) => return Err(error.into()),
            Err(error) => tracing::debug!(user, %error, "left out of the batch"),
        }
    }
    Ok(Json(BatchRankings { rankings }))
}

async fn similar(
    State(engine): State<Arc<Engine>>,
    Path((tenant, item)): Path<(String, u32)>,
    Query(query): Query<Count>,
) -> Result<Json<Ranking>, Refusal> {
    let ranking = engine.similar(known(&tenant)?, item, bounded(query.count))?;
    Ok(Json(ranking))
}

async fn models(State(engine): State<Arc<Engine>>) -> Json<serde_json::Value> {
    let models: Vec<_> = engine
        .deployed()
        .iter()
        .map(|model| {
            json!({
                "tenant_id": model.tenant.id,
                "model_name": MODEL_NAME,
                "model_version": model::label(model.version),
                "quality_at_10": model.quality,
            })
        })
        .collect();
    Json(json!({ "models": models }))
}

fn known(id: &str) -> Result<&'static Tenant, Refusal> {
    catalog::find(id).ok_or_else(|| Refusal(StatusCode::NOT_FOUND, format!("there is no tenant {id}")))
}

/// A request that is not answered.
#[derive(Debug)]
struct Refusal(StatusCode, String);

impl From<NoAnswer> for Refusal {
    fn from(error: NoAnswer) -> Self {
        let status = match error {
            NoAnswer::NoModel | NoAnswer::Unknown => StatusCode::NOT_FOUND,
            NoAnswer::GeneratorStuck => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self(status, error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": { "message": self.1 } }))).into_response()
    }
}
