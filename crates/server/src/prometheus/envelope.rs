//! The envelope of Prometheus' API: `status`, `data`, `errorType`, `error`, `warnings`, `infos`.

use std::fmt;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use skopos_core::{ErrorKind, Kinded};

use crate::pool::PoolError;
use crate::query::QueryFailure;
use crate::text;

/// The warning of a list cut by `limit`.
pub(crate) const TRUNCATED: &str = "results truncated due to limit";

/// The kinds of errors, each with its name and status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorType {
    BadData,
    Execution,
    Timeout,
    Canceled,
    Internal,
    Unavailable,
    NotFound,
    TooMany,
}

impl ErrorType {
    fn name(self) -> &'static str {
        match self {
            Self::BadData => "bad_data",
            Self::Execution => "execution",
            Self::Timeout => "timeout",
            Self::Canceled => "canceled",
            Self::Internal => "internal",
            Self::Unavailable | Self::TooMany => "unavailable",
            Self::NotFound => "not_found",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::BadData => StatusCode::BAD_REQUEST,
            Self::Execution => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Timeout => StatusCode::SERVICE_UNAVAILABLE,
            Self::Canceled => text::client_closed_request(),
            Self::Internal | Self::Unavailable => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
        }
    }
}

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) error_type: ErrorType,
    pub(crate) message: String,
}

impl ApiError {
    pub(crate) fn new(error_type: ErrorType, message: impl Into<String>) -> Self {
        Self {
            error_type,
            message: message.into(),
        }
    }

    pub(crate) fn bad_data(message: impl Into<String>) -> Self {
        Self::new(ErrorType::BadData, message)
    }

    /// An error of type `bad_data` with another error's text.
    pub(crate) fn bad_data_of(error: impl fmt::Display) -> Self {
        Self::bad_data(error.to_string())
    }

    /// `invalid parameter "name": reason`.
    pub(crate) fn parameter(name: &str, reason: impl fmt::Display) -> Self {
        Self::bad_data(format!("invalid parameter {name:?}: {reason}"))
    }

    /// An error of an engine or store; what the caller could have asked better is an execution
    /// error, as in Prometheus.
    pub(crate) fn of(error: &(impl Kinded + fmt::Display)) -> Self {
        let error_type = match error.kind() {
            ErrorKind::Timeout => ErrorType::Timeout,
            ErrorKind::Cancelled => ErrorType::Canceled,
            ErrorKind::Internal => ErrorType::Internal,
            ErrorKind::Unavailable => ErrorType::Unavailable,
            ErrorKind::NotFound => ErrorType::NotFound,
            ErrorKind::TooMany => ErrorType::TooMany,
            ErrorKind::BadRequest | ErrorKind::Unauthenticated | ErrorKind::Forbidden | ErrorKind::Conflict => {
                ErrorType::Execution
            }
        };
        Self::new(error_type, error.to_string())
    }
}

impl<E: Kinded + fmt::Display> From<QueryFailure<E>> for ApiError {
    fn from(failure: QueryFailure<E>) -> Self {
        match failure {
            QueryFailure::Waited(error) => Self::of(&error),
            QueryFailure::Pool(error) => Self::of(&error),
            QueryFailure::Engine(error) => Self::of(&error),
        }
    }
}

impl From<PoolError> for ApiError {
    fn from(error: PoolError) -> Self {
        Self::of(&error)
    }
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    status: &'static str,
    #[serde(rename = "errorType")]
    error_type: &'static str,
    error: &'a str,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorBody {
            status: "error",
            error_type: self.error_type.name(),
            error: &self.message,
        };
        text::json(self.error_type.status(), &body)
    }
}

/// An error answer of type `bad_data`.
pub(crate) fn bad_data(message: impl Into<String>) -> Response {
    ApiError::bad_data(message).into_response()
}

#[derive(Serialize)]
struct SuccessBody<'a, T> {
    status: &'static str,
    data: T,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    infos: &'a [String],
}

/// An answer with data.
pub(crate) fn success(data: impl Serialize) -> Response {
    success_with_warnings(data, &[])
}

/// An answer with data and warnings.
pub(crate) fn success_with_warnings(data: impl Serialize, warnings: &[String]) -> Response {
    let body = SuccessBody {
        status: "success",
        data,
        warnings,
        infos: &[],
    };
    text::json(StatusCode::OK, &body)
}

/// Cuts `items` to `limit` (0 is no limit) and gives the warning that goes with it.
pub(crate) fn truncate<T>(items: &mut Vec<T>, limit: usize) -> Vec<String> {
    if limit == 0 || items.len() <= limit {
        return Vec::new();
    }
    items.truncate(limit);
    vec![TRUNCATED.to_owned()]
}
