//! What surrounds every request: counting, a span, CORS, gzip, panics caught.

use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use regex::Regex;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, Any, CorsLayer};
use tracing::Instrument;

use crate::pool::panic_text;
use crate::request_span::{answered, request_span};
use crate::{telemetry, text};

/// The handler's name of requests that no route took.
const UNMATCHED: &str = "other";
/// The label of methods that HTTP does not know.
const UNKNOWN_METHOD: &str = "other";

/// Wraps a router of HTTP APIs. Pages of all origins may read its answers, or those alone whose
/// origin matches.
pub(crate) fn wrap(router: Router, cors_origin: Option<&Regex>) -> Router {
    let origins = cors_origin.map_or_else(AllowOrigin::any, |pattern| {
        let pattern = pattern.clone();
        AllowOrigin::predicate(move |origin, _| origin.to_str().is_ok_and(|origin| pattern.is_match(origin)))
    });
    let cors = CorsLayer::new()
        .allow_origin(origins)
        .allow_headers(Any)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS]);
    watch(router.layer(CompressionLayer::new().gzip(true)).layer(cors))
}

/// Counts, traces and catches panics, and leaves answers as they are: for gRPC services, which compress by themselves,
/// and routers with headers of their own.
pub(crate) fn watch(router: Router) -> Router {
    router
        .layer(CatchPanicLayer::custom(caught))
        .layer(axum::middleware::from_fn(observe))
}

#[expect(clippy::needless_pass_by_value, reason = "the signature is tower-http's")]
fn caught(panic: Box<dyn std::any::Any + Send>) -> Response {
    telemetry::PANICS.with_label_values(&["handler"]).inc();
    tracing::error!(panic = %panic_text(panic.as_ref()), "a handler panicked");
    text::text(StatusCode::INTERNAL_SERVER_ERROR, "internal error\n")
}

async fn observe(request: Request<Body>, next: Next) -> Response {
    let _in_flight = InFlight::enter();
    let started = Instant::now();
    let method = method_name(request.method());
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let matched = matched.as_ref().map(MatchedPath::as_str);
    let span = request_span(&request, matched, method.unwrap_or_default());
    let response = next.run(request).instrument(span.clone()).await;
    let code = response.status();
    answered(&span, code);
    let (route, method) = (matched.unwrap_or(UNMATCHED), method.unwrap_or(UNKNOWN_METHOD));
    telemetry::REQUESTS
        .with_label_values(&[route, method, code.as_str()])
        .inc();
    telemetry::REQUEST_DURATION
        .with_label_values(&[route])
        .observe(started.elapsed().as_secs_f64());
    response
}

/// The method, of those that HTTP knows; what clients invent is one value, so that labels stay bounded.
fn method_name(method: &Method) -> Option<&'static str> {
    Some(match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => return None,
    })
}

struct InFlight;

impl InFlight {
    fn enter() -> Self {
        telemetry::IN_FLIGHT.inc();
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        telemetry::IN_FLIGHT.dec();
    }
}
