//! Errors of Loki's query API: a status and a plain text.

use std::fmt;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use skopos_core::{ErrorKind, Kinded};
use skopos_logql::ParseError;

use crate::query::QueryFailure;
use crate::text;

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LokiError {
    status: StatusCode,
    message: String,
}

impl LokiError {
    /// The request is wrong.
    pub(super) fn bad_request(message: impl fmt::Display) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            message: message.to_string(),
        }
    }

    fn of(error: &(impl Kinded + fmt::Display)) -> Self {
        let status = match error.kind() {
            ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
            kind => text::status_of(kind),
        };
        Self {
            status,
            message: error.to_string(),
        }
    }
}

impl From<ParseError> for LokiError {
    fn from(error: ParseError) -> Self {
        Self::bad_request(error)
    }
}

impl<E: Kinded + fmt::Display> From<QueryFailure<E>> for LokiError {
    fn from(failure: QueryFailure<E>) -> Self {
        match failure {
            QueryFailure::Waited(error) => Self::of(&error),
            QueryFailure::Pool(error) => Self::of(&error),
            QueryFailure::Engine(error) => Self::of(&error),
        }
    }
}

impl IntoResponse for LokiError {
    fn into_response(self) -> Response {
        text::text(self.status, self.message)
    }
}
