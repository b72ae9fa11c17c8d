//! The executor's HTTP interface: run a pattern, and which patterns there are.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use skopos_sdk::context::RequestContext;

use super::executor::Executor;
use crate::refusal::Refusal;

#[derive(Deserialize)]
struct ExecuteRequest {
    pattern_id: String,
    #[serde(default)]
    inputs: Map<String, Value>,
}

pub(super) fn router(executor: Arc<Executor>) -> Router {
    Router::new()
        .route("/v1/execute", post(execute))
        .route("/v1/patterns", get(patterns))
        .with_state(executor)
}

async fn execute(
    State(executor): State<Arc<Executor>>,
    request: Result<Json<ExecuteRequest>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let Json(ExecuteRequest { pattern_id, inputs }) = request?;
    let execution = executor.execute(&pattern_id, inputs).await?;
    let request_id = RequestContext::current().and_then(|context| context.request_id);
    Ok(Json(json!({
        "pattern_id": pattern_id,
        "request_id": request_id,
        "pricing_pack_id": execution.pack.pack_id,
        "asof_date": execution.pack.asof_date,
        "ledger_commit_hash": execution.ledger_commit_hash,
        "outputs": execution.outputs,
    })))
}

async fn patterns(State(executor): State<Arc<Executor>>) -> Json<Value> {
    let list: Vec<Value> = executor
        .patterns
        .iter()
        .map(|pattern| {
            let steps: Vec<&str> = pattern.steps.iter().map(|step| step.capability.as_str()).collect();
            json!({ "pattern_id": pattern.pattern_id, "steps": steps })
        })
        .collect();
    Json(json!(list))
}
