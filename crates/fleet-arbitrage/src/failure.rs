//! Why a step of a task did not succeed, and how a service says no over HTTP.

use std::borrow::Cow;
use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use skopos_sdk::tasks::ErrorType;

/// What went wrong, with a type of low cardinality.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    kind: Cow<'static, str>,
    message: String,
    /// What the peer answered, where it answered.
    pub(crate) status: Option<StatusCode>,
    /// How long the peer wants to be left alone.
    pub(crate) retry_after: Option<Duration>,
}

impl Failure {
    pub(crate) fn new(kind: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            message: message.into(),
            status: None,
            retry_after: None,
        }
    }

    /// A peer's answer that is no success; its status is the type.
    pub(crate) fn refused(status: StatusCode, message: impl Into<String>, retry_after: Option<Duration>) -> Self {
        Self {
            status: Some(status),
            retry_after,
            ..Self::new(status.as_u16().to_string(), message)
        }
    }
}

impl ErrorType for Failure {
    fn error_type(&self) -> Cow<'static, str> {
        self.kind.clone()
    }
}

/// A request that is not carried out: the status, and what the caller can do about it.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) StatusCode, pub(crate) String);

impl Refusal {
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self(StatusCode::CONFLICT, message.into())
    }

    pub(crate) fn unprocessable(message: impl Into<String>) -> Self {
        Self(StatusCode::UNPROCESSABLE_ENTITY, message.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": { "message": self.1 } }))).into_response()
    }
}
