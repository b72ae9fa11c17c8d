//! Errors as Alertmanager's API writes them: a JSON string, or an object with a code and a message.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::handle::{Busy, StoreError};
use crate::text;

/// A value of another type than the schema asks for.
pub(super) const WRONG_TYPE: u16 = 601;
/// Something required is missing.
pub(super) const REQUIRED: u16 = 602;
/// A list is too short.
pub(super) const TOO_FEW: u16 = 612;

/// A failure and its answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ApiError {
    status: StatusCode,
    body: Option<Value>,
}

impl ApiError {
    /// What the handler refuses: a JSON string.
    pub(super) fn plain(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            body: Some(Value::String(message.into())),
        }
    }

    /// 400 with a JSON string.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::plain(StatusCode::BAD_REQUEST, message)
    }

    /// What the protocol refuses: an object whose code is the status.
    pub(super) fn coded(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            body: Some(json!({ "code": status.as_u16(), "message": message.into() })),
        }
    }

    /// What the schema refuses: 422 with a code of the schema.
    pub(super) fn schema(code: u16, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            body: Some(json!({ "code": code, "message": message.into() })),
        }
    }

    /// A field that is missing in the body.
    pub(super) fn required(field: &str) -> Self {
        Self::schema(REQUIRED, format!("{field} in body is required"))
    }

    /// 404 without a body.
    pub(super) fn not_found() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            body: None,
        }
    }
}

impl From<Busy> for ApiError {
    fn from(busy: Busy) -> Self {
        match busy {
            Busy::TooMany { limit } => Self::plain(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("Limit of concurrent GET requests reached ({limit}), try again later."),
            ),
            Busy::Panicked => Self::plain(StatusCode::INTERNAL_SERVER_ERROR, "internal error"),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::plain(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}

impl From<ApiError> for Response {
    fn from(error: ApiError) -> Self {
        match error.body {
            None => error.status.into_response(),
            Some(body) => text::with_type(error.status, text::JSON, format!("{body}\n")),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.into()
    }
}
