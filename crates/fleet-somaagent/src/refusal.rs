//! What a caller is told when a request fails: a status, a code, what happened and how to mend it.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use skopos_sdk::log;

use crate::peer::CallError;

/// A failed request.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Refusal {
    /// `message` says what is wrong and how to mend it.
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code, reason) = (self.status.as_u16(), self.code, self.message.as_str());
        if self.status.is_server_error() {
            log::error!(status, code, reason, "request failed");
        } else {
            log::warn!(status, code, reason, "request refused");
        }
        let body = json!({ "error": { "code": code, "message": reason } });
        (self.status, Json(body)).into_response()
    }
}

impl From<JsonRejection> for Refusal {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), "invalid_body", rejection.body_text())
    }
}

/// A refusal of a peer is handed on; a peer that fails is our failure.
impl From<CallError> for Refusal {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused { status, message, .. } if status.is_client_error() => {
                Self::new(status, "refused", message)
            }
            CallError::Unreachable { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "peer_unreachable", error.to_string())
            }
            CallError::Refused { .. } | CallError::Unreadable { .. } => {
                Self::new(StatusCode::BAD_GATEWAY, "peer_failed", error.to_string())
            }
        }
    }
}
