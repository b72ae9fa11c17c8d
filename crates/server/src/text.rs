//! Plain-text and JSON answers that several APIs share.

use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use skopos_core::ErrorKind;

/// Content type of JSON answers.
pub(crate) const JSON: &str = "application/json";
/// Content type of text answers, as Go's `http.Error` writes it.
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";

/// A text answer.
pub(crate) fn text(status: StatusCode, body: impl Into<String>) -> Response {
    with_type(status, TEXT, body.into())
}

/// A JSON answer. Our own answers always serialize; a fault is told as such.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => with_type(status, JSON, bytes),
        Err(error) => text(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("error marshalling response: {error}"),
        ),
    }
}

/// An answer of the given content type.
pub(crate) fn with_type(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// What a path that no API has answers.
pub(crate) fn not_found() -> Response {
    text(StatusCode::NOT_FOUND, "404 page not found\n")
}

/// What a known path answers to another method.
pub(crate) async fn method_not_allowed() -> Response {
    text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n")
}

/// 204 without body, as Prometheus answers `OPTIONS`.
pub(crate) async fn options() -> Response {
    (StatusCode::NO_CONTENT, [(ALLOW, "GET, POST, OPTIONS")]).into_response()
}

/// The status of a client that went away (nginx' 499).
pub(crate) fn client_closed_request() -> StatusCode {
    StatusCode::from_u16(499).expect("499 lies in the range of statuses")
}

/// The HTTP status of a kind of failure where the protocol says nothing else.
pub(crate) fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::BadRequest => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::TooMany => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Timeout | ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Cancelled => client_closed_request(),
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
