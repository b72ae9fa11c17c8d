//! Notifications, receivers, routes, incidents, evidence, runbooks, heartbeats and drills: what the
//! page asks of alerting beyond Alertmanager's API.

use std::collections::BTreeMap;
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
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::prometheus::envelope::{ApiError, ErrorType};
use crate::router::Shared;
use crate::text;

/// Most rows that are given at once.
const MAX_ROWS: u32 = 1_000;
const DEFAULT_ROWS: u32 = 100;
const MARKDOWN: &str = "text/markdown; charset=utf-8";

/// Answers what is asked of alerting.
pub trait AlertingView: Send + Sync + fmt::Debug {
    /// The answer as the API gives it; of a runbook its text.
    fn answer(&self, call: AlertingCall) -> AlertingAnswer<'_>;
}

/// An answer in the making.
pub type AlertingAnswer<'a> = Pin<Box<dyn Future<Output = Result<Value, AlertingError>> + Send + 'a>>;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AlertingError {
    /// What was asked for does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The question cannot be understood.
    #[error("{0}")]
    Bad(String),
    /// A fault of ours.
    #[error("{0}")]
    Internal(String),
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum AlertingCall {
    /// Recorded notifications, the newest first.
    Notifications(NotificationsQuery),
    /// One with its payload.
    Notification(i64),
    /// The receivers and how they fare.
    Receivers,
    /// Sends a test through a receiver.
    TestReceiver {
        /// The receiver.
        name: String,
        /// What the test looks like.
        alert: AlertText,
    },
    /// The routing tree.
    Routes,
    /// Where labels lead to.
    TestRoute(BTreeMap<String, String>),
    /// Incidents, the newest first.
    Incidents(IncidentsQuery),
    /// One with its timeline.
    Incident(String),
    /// Somebody takes an incident on.
    Acknowledge {
        /// The incident.
        id: String,
        /// Who, and a note.
        said: Said,
    },
    /// Somebody writes a note.
    Note {
        /// The incident.
        id: String,
        /// Who, and what.
        said: Said,
    },
    /// Times of the incidents in a range.
    IncidentStats(IncidentsQuery),
    /// What decided an alert, by fingerprint.
    Evidence(String),
    /// A runbook of a pack.
    Runbook {
        /// The pack.
        pack: String,
        /// The file below its `runbooks/`.
        name: String,
    },
    /// The heartbeats.
    Heartbeats,
    /// Other Alertmanagers that alerts are sent to, as Prometheus' API shows them.
    Alertmanagers,
    /// Sends an alert through the real receivers, marked as a drill.
    Drill {
        /// The alert's name.
        alert: String,
        /// Labels that the rule's expression would give it.
        labels: BTreeMap<String, String>,
    },
}

/// Which notifications are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct NotificationsQuery {
    /// Most rows.
    pub limit: Option<u32>,
    /// Only with a lower id.
    pub before: Option<i64>,
    /// Only of this receiver.
    pub receiver: Option<String>,
    /// Only with this outcome.
    pub outcome: Option<String>,
    /// Only with an alert of this name.
    pub alertname: Option<String>,
    /// Only of this incident.
    pub incident: Option<String>,
}

/// Which incidents are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct IncidentsQuery {
    /// `open`, `resolved` or `all`.
    pub state: Option<String>,
    /// Most rows.
    pub limit: Option<u32>,
    /// Start of the range, Unix milliseconds.
    pub from: Option<i64>,
    /// End of the range, Unix milliseconds.
    pub to: Option<i64>,
    /// Only of this service.
    pub service: Option<String>,
}

/// Labels and annotations of an alert that is made up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlertText {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// Who said what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// Who.
    pub by: String,
    /// What.
    #[serde(default, alias = "note")]
    pub text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DrillBody {
    alert: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteBody {
    labels: BTreeMap<String, String>,
}

impl NotificationsQuery {
    /// Most rows, within bounds.
    pub fn rows(&self) -> u32 {
        self.limit.unwrap_or(DEFAULT_ROWS).clamp(1, MAX_ROWS)
    }
}

impl IncidentsQuery {
    /// Most rows, within bounds.
    pub fn rows(&self) -> u32 {
        self.limit.unwrap_or(DEFAULT_ROWS).clamp(1, MAX_ROWS)
    }
}

pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/api/skopos/notifications", get(notifications))
        .route("/api/skopos/notifications/{id}", get(notification))
        .route("/api/skopos/receivers", get(|app| ask(app, AlertingCall::Receivers)))
        .route("/api/skopos/receivers/{*name}", post(test_receiver))
        .route("/api/skopos/routes", get(|app| ask(app, AlertingCall::Routes)))
        .route("/api/skopos/routes/test", post(test_route))
        .route("/api/skopos/incidents", get(incidents))
        .route("/api/skopos/incidents/stats", get(stats))
        .route("/api/skopos/incidents/{id}", get(incident))
        .route("/api/skopos/incidents/{id}/acknowledge", post(acknowledge))
        .route("/api/skopos/incidents/{id}/notes", post(note))
        .route("/api/skopos/evidence/{fingerprint}", get(evidence))
        .route("/api/skopos/runbooks/{pack}/{name}", get(runbook))
        .route("/api/skopos/heartbeats", get(|app| ask(app, AlertingCall::Heartbeats)))
        .route("/api/skopos/drill", post(drill))
}

async fn ask(State(app): State<Shared>, call: AlertingCall) -> Result<Response, ApiError> {
    let value = answer(&app, call).await?;
    Ok(text::json(StatusCode::OK, &value))
}

pub(crate) async fn answer(app: &Shared, call: AlertingCall) -> Result<Value, ApiError> {
    let Some(view) = app.state.alerting.as_ref().map(Arc::clone) else {
        return Err(ApiError::new(ErrorType::NotFound, "this server does not notify"));
    };
    view.answer(call).await.map_err(|error| {
        let error_type = match &error {
            AlertingError::NotFound(_) => ErrorType::NotFound,
            AlertingError::Bad(_) => ErrorType::BadData,
            AlertingError::Internal(_) => ErrorType::Internal,
        };
        ApiError::new(error_type, error.to_string())
    })
}

pub(super) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, ApiError> {
    let body: &[u8] = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| ApiError::bad_data(format!("the body cannot be read: {error}")))
}

async fn notifications(app: State<Shared>, Query(query): Query<NotificationsQuery>) -> Result<Response, ApiError> {
    ask(app, AlertingCall::Notifications(query)).await
}

async fn notification(app: State<Shared>, Path(id): Path<i64>) -> Result<Response, ApiError> {
    ask(app, AlertingCall::Notification(id)).await
}

/// Names of receivers may hold slashes, so `/test` is looked for at the end.
async fn test_receiver(app: State<Shared>, Path(path): Path<String>, body: Bytes) -> Result<Response, ApiError> {
    let Some(name) = path.strip_suffix("/test") else {
        let hint = "a receiver is tested by POST /api/skopos/receivers/NAME/test";
        return Err(ApiError::new(ErrorType::NotFound, hint));
    };
    let (name, alert) = (name.to_owned(), read(&body)?);
    ask(app, AlertingCall::TestReceiver { name, alert }).await
}

async fn test_route(app: State<Shared>, body: Bytes) -> Result<Response, ApiError> {
    let asked: RouteBody = read(&body)?;
    ask(app, AlertingCall::TestRoute(asked.labels)).await
}

async fn incidents(app: State<Shared>, Query(query): Query<IncidentsQuery>) -> Result<Response, ApiError> {
    ask(app, AlertingCall::Incidents(query)).await
}

async fn stats(app: State<Shared>, Query(query): Query<IncidentsQuery>) -> Result<Response, ApiError> {
    ask(app, AlertingCall::IncidentStats(query)).await
}

async fn incident(app: State<Shared>, Path(id): Path<String>) -> Result<Response, ApiError> {
    ask(app, AlertingCall::Incident(id)).await
}

async fn acknowledge(app: State<Shared>, Path(id): Path<String>, body: Bytes) -> Result<Response, ApiError> {
    let said = read(&body)?;
    ask(app, AlertingCall::Acknowledge { id, said }).await
}

async fn note(app: State<Shared>, Path(id): Path<String>, body: Bytes) -> Result<Response, ApiError> {
    let said = read(&body)?;
    ask(app, AlertingCall::Note { id, said }).await
}

async fn evidence(app: State<Shared>, Path(fingerprint): Path<String>) -> Result<Response, ApiError> {
    ask(app, AlertingCall::Evidence(fingerprint)).await
}

async fn runbook(State(app): State<Shared>, Path((pack, name)): Path<(String, String)>) -> Result<Response, ApiError> {
    let value = answer(&app, AlertingCall::Runbook { pack, name }).await?;
    let markdown = value.as_str().unwrap_or_default().to_owned();
    Ok(text::with_type(StatusCode::OK, MARKDOWN, markdown))
}

async fn drill(app: State<Shared>, body: Bytes) -> Result<Response, ApiError> {
    let DrillBody { alert, labels } = read(&body)?;
    ask(app, AlertingCall::Drill { alert, labels }).await
}
