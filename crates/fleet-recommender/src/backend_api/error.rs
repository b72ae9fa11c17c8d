//! What a request that is not served is told: a code for programs, a sentence and a hint for people.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

/// A request that is not served.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    hint: &'static str,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: String, hint: &'static str) -> Self {
        Self {
            status,
            code,
            message,
            hint,
        }
    }

    pub(super) fn no_tenant(named: Option<&str>) -> Self {
        let message = match named {
            Some(named) => format!("{named} is no customer"),
            None => "the request does not say whose it is".to_owned(),
        };
        let hint = "send the header X-Tenant-ID with a tenant that has signed up: POST /v1/tenants";
        Self::new(StatusCode::UNAUTHORIZED, "unknown_tenant", message, hint)
    }

    pub(super) fn rate_limited(requests_per_second: u32) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limited",
            format!("the plan allows {requests_per_second} requests a second"),
            "wait as long as Retry-After says, or change the plan",
        )
    }

    pub(super) fn invalid(message: String) -> Self {
        let hint = "users and items are numbers below those of the tenant's catalogue";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", message, hint)
    }

    pub(super) fn ledger(error: &sqlx::Error) -> Self {
        tracing::error!(
            error = error as &(dyn std::error::Error + 'static),
            "a billable event is not recorded"
        );
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "ledger_unavailable",
            "the request could not be recorded, so it is not served".to_owned(),
            "send it again in a few seconds; nothing was billed",
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "code": self.code, "message": self.message, "hint": self.hint } });
        (self.status, Json(body)).into_response()
    }
}
