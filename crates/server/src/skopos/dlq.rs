//! `/api/skopos/dlq`: the dead letters of the event bus, listed, shown, replayed and discarded.
//!
//! A replay or discard is a job: the answer comes when it has ended, or after a short while with how far it is;
//! `/api/skopos/dlq/jobs/{id}` tells the rest.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use prometheus::proto::MetricFamily;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::alerting::read;
use crate::prometheus::envelope::{ApiError, ErrorType};
use crate::router::Shared;
use crate::text;

/// The `state` of a job that goes on.
pub const RUNNING: &str = "running";

/// Answers what is asked of the dead letters.
pub trait DeadLettersView: Send + Sync + fmt::Debug {
    /// The answer as the API gives it.
    fn answer(&self, call: DeadLettersCall) -> DeadLettersAnswer<'_>;

    /// What is counted of them, for the process's own metrics.
    fn metrics(&self) -> Vec<MetricFamily>;
}

/// An answer in the making.
pub type DeadLettersAnswer<'a> = Pin<Box<dyn Future<Output = Result<Value, DeadLettersError>> + Send + 'a>>;

/// Why there is no answer. Each text says how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeadLettersError {
    /// There is no such letter or job.
    #[error("{0}")]
    NotFound(String),
    /// The question cannot be understood.
    #[error("{0}")]
    Bad(String),
    /// Too much is under way.
    #[error("{0}")]
    Busy(String),
    /// The bus does not answer.
    #[error("{0}")]
    Unavailable(String),
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum DeadLettersCall {
    /// A page of the letters that match, the newest first, with the counts of all.
    List(LetterFilter),
    /// One letter, named `TOPIC/PARTITION/OFFSET`.
    Show(String),
    /// How many letters wait, by topic and by reason.
    Counts,
    /// Letters go back to their topics.
    Replay(LetterWork),
    /// Letters are put away.
    Discard(LetterWork),
    /// The jobs, the newest first.
    Jobs,
    /// One job.
    Job(u64),
    /// A job is ended; letters that it did not reach wait on.
    Cancel(u64),
}

/// Which letters are meant: each part that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LetterFilter {
    /// Source topic or its dead-letter topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Class of the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_type: Option<String>,
    /// Consumer group that gave it up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Trace in which it was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Text within the error, the key or the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Given up then or later: RFC 3339, Unix seconds, or a duration before now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Given up before then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// `waiting` (where nothing is said), `settled` or `all`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Letters at most, the newest ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Newer ones that a list passes over; no work has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<usize>,
}

/// Which letters are to be dealt with, and who says so.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LetterWork {
    /// The letters by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// Those that match, in place of names; `{}` means all that wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<LetterFilter>,
    /// Letters a second at most; without it there is no pause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_second: Option<f64>,
    /// Who asks, for the record.
    pub by: String,
    /// Why, for the record; a discard needs one.
    pub reason: String,
}

pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/api/skopos/dlq", get(list))
        .route("/api/skopos/dlq/counts", get(|app| ask(app, DeadLettersCall::Counts)))
        .route("/api/skopos/dlq/replay", post(replay))
        .route("/api/skopos/dlq/discard", post(discard))
        .route("/api/skopos/dlq/jobs", get(|app| ask(app, DeadLettersCall::Jobs)))
        .route("/api/skopos/dlq/jobs/{id}", get(job).delete(cancel))
        .route("/api/skopos/dlq/{topic}/{partition}/{offset}", get(show))
}

async fn ask(State(app): State<Shared>, call: DeadLettersCall) -> Result<Response, ApiError> {
    let Some(view) = app.state.dead_letters.as_ref().map(Arc::clone) else {
        let hint = "this server looks at no event bus: start it with --bus kafka://HOST:PORT, or run `skopos demo`";
        return Err(ApiError::new(ErrorType::NotFound, hint));
    };
    let value = view.answer(call).await.map_err(|error| {
        let error_type = match &error {
            DeadLettersError::NotFound(_) => ErrorType::NotFound,
            DeadLettersError::Bad(_) => ErrorType::BadData,
            DeadLettersError::Busy(_) => ErrorType::TooMany,
            DeadLettersError::Unavailable(_) => ErrorType::Unavailable,
        };
        ApiError::new(error_type, error.to_string())
    })?;
    // A job that goes on is no result yet.
    let status = match &value["state"] {
        Value::String(state) if state == RUNNING => StatusCode::ACCEPTED,
        _ => StatusCode::OK,
    };
    Ok(text::json(status, &value))
}

async fn list(app: State<Shared>, Query(filter): Query<LetterFilter>) -> Result<Response, ApiError> {
    ask(app, DeadLettersCall::List(filter)).await
}

async fn show(
    app: State<Shared>,
    Path((topic, partition, offset)): Path<(String, String, String)>,
) -> Result<Response, ApiError> {
    ask(app, DeadLettersCall::Show(format!("{topic}/{partition}/{offset}"))).await
}

async fn replay(app: State<Shared>, body: Bytes) -> Result<Response, ApiError> {
    let work = read(&body)?;
    ask(app, DeadLettersCall::Replay(work)).await
}

async fn discard(app: State<Shared>, body: Bytes) -> Result<Response, ApiError> {
    let work = read(&body)?;
    ask(app, DeadLettersCall::Discard(work)).await
}

async fn job(app: State<Shared>, Path(id): Path<u64>) -> Result<Response, ApiError> {
    ask(app, DeadLettersCall::Job(id)).await
}

async fn cancel(app: State<Shared>, Path(id): Path<u64>) -> Result<Response, ApiError> {
    ask(app, DeadLettersCall::Cancel(id)).await
}
