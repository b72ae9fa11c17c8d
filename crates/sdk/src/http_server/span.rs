//! The span of one request: the whole of it where it will be told, else what its identity needs.

use http::Request;
use opentelemetry::trace::SpanKind;
use tracing::{Span, field};

use crate::propagation::extract_http;
use crate::sampler::{UNSAMPLED_TARGET, is_bare, span_of_caller};

/// A server span that continues the caller's trace.
pub(super) fn server_span<B>(request: &Request<B>, method: &'static str, route: &str) -> Span {
    span_of_caller(
        &SpanKind::Server,
        extract_http(request.headers()),
        || bare(request, method, route),
        || whole(request, method, route),
    )
}

/// Writes the outcome on the span. Of an unsampled request only error tracking wants to know, and only of failures.
pub(super) fn record(span: &Span, status: u16) {
    if status >= 500 || !span.metadata().is_some_and(is_bare) {
        // Signed, as attributes are: any other integer would become a text.
        span.record("http.response.status_code", i64::from(status));
    }
    if status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
}

fn whole<B>(request: &Request<B>, method: &'static str, route: &str) -> Span {
    tracing::info_span!(
        "http.server.request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = field::Empty,
        http.request.method = method,
        http.route = route,
        url.path = request.uri().path(),
        user_agent.original = header(request, "user-agent"),
        server.address = header(request, "host"),
        http.response.status_code = field::Empty,
    )
}

/// What error tracking tells of a request, by references alone: nobody else looks.
fn bare<B>(request: &Request<B>, method: &'static str, route: &str) -> Span {
    tracing::info_span!(
        target: UNSAMPLED_TARGET,
        "http.server.request",
        otel.kind = "server",
        http.request.method = method,
        http.route = route,
        url.path = request.uri().path(),
        http.response.status_code = field::Empty,
    )
}

fn header<'a, B>(request: &'a Request<B>, name: &str) -> &'a str {
    request
        .headers()
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}
