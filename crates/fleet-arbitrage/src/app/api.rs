//! The API of the agents: tasks in, their progress out, and the webhooks of payments.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::App;
use super::task::{Progress, TaskRequest};
use crate::failure::Refusal;
use crate::signature;

/// Characters of a task's input.
const MAX_INPUT: usize = 2_000;
/// Range of the wait while the store of tasks is slow.
const SLOW_MS: std::ops::Range<u64> = 600..900;

/// A task that was taken on.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Submitted {
    pub(crate) task_id: String,
}

pub(super) async fn submit(
    State(app): State<Arc<App>>,
    Json(request): Json<TaskRequest>,
) -> Result<(StatusCode, Json<Submitted>), Refusal> {
    app.wait_for_store().await;
    if request.input.chars().count() > MAX_INPUT {
        return Err(Refusal::unprocessable(format!(
            "the input may have {MAX_INPUT} characters"
        )));
    }
    let task_id = app.engine.submit(request)?;
    Ok((StatusCode::ACCEPTED, Json(Submitted { task_id })))
}

pub(super) async fn read(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<Progress>, Refusal> {
    app.wait_for_store().await;
    let unknown = || {
        Refusal(
            StatusCode::NOT_FOUND,
            format!("there is no task {id}, or it is long past"),
        )
    };
    app.engine.progress(&id).map(Json).ok_or_else(unknown)
}

/// Takes what the provider tells of a payment, if it is the provider that tells it.
pub(super) async fn payment_webhook(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    let signature = headers
        .get(signature::HEADER)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let now = Timestamp::now().as_second();
    let (status, counted) = match app.agents.payments.confirm(signature, &body, now) {
        Ok(()) => (Ok(StatusCode::NO_CONTENT), "accepted"),
        Err(refusal) if refusal.0 == StatusCode::UNAUTHORIZED => (Err(refusal), "bad_signature"),
        Err(refusal) => (Err(refusal), "unreadable"),
    };
    app.webhooks.with_label_values(&[counted]).inc();
    status
}

impl App {
    async fn wait_for_store(&self) {
        if self.slow.is_on() {
            let wait = rand::random_range(SLOW_MS);
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
    }
}
