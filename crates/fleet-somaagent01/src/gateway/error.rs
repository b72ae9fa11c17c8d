//! What a caller is told when a request fails: a code, what happened, how to mend it.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use skopos_sdk::log;

/// A failed request.
#[derive(Debug)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) hint: &'static str,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>, hint: &'static str) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            hint,
        }
    }

    pub(super) fn no_session(id: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "session_not_found",
            format!("there is no session {id} of your tenant"),
            "it may have been closed after a time without messages; open a new one with POST /v1/sessions",
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let span = tracing::Span::current();
        let (status, code, message) = (self.status.as_u16(), self.code, self.message.as_str());
        if self.status.is_server_error() {
            log::error!(parent: &span, status, code, reason = message, "request failed");
        } else {
            log::warn!(parent: &span, status, code, reason = message, "request refused");
        }
        let body = json!({ "error": { "code": self.code, "message": self.message, "hint": self.hint } });
        (self.status, Json(body)).into_response()
    }
}
