//! The span of a request, under the names of OpenTelemetry's conventions for HTTP servers.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};
use axum::http::header::{HOST, USER_AGENT};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, StatusCode, Version};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, global};
use opentelemetry_http::HeaderExtractor;
use tracing::field::Empty;
use tracing::{Level, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Where spans come in. Taking them makes none: those of an exporter would be exported in turn, without an end, where it
/// sends to the server that it runs in, or to another that sends back.
const SPAN_DOORS: [&str; 3] = [
    "/v1/traces",
    "/opentelemetry.proto.collector.trace.v1.TraceService/",
    "/jaeger.api_v2.CollectorService/",
];
/// Jaeger's collector, at whose path its query API answers to GET.
const JAEGER_DOOR: &str = "/api/traces";

/// A mark of requests that came over TLS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OverTls;

/// The span of a request to a route, as a child of the caller's span where the request names one (`traceparent`). It says
/// more of the request while the inner spans of requests are wanted too.
pub(crate) fn request_span(request: &Request, route: Option<&str>, method: &'static str) -> Span {
    if route.is_some_and(|route| takes_spans(route, request.method())) {
        return Span::none();
    }
    let known = !method.is_empty();
    let named = if known { method } else { "HTTP" };
    let wanted = tracing::span_enabled!(Level::DEBUG);
    let detail = |of: &dyn Fn() -> Option<String>| if wanted { of() } else { None };
    let authority = if wanted { authority(request) } else { None };
    let (headers, extensions) = (request.headers(), request.extensions());
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    let span = tracing::info_span!(
        "http_request",
        otel.name = route.map_or_else(|| named.to_owned(), |route| format!("{named} {route}")),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = if known { method } else { "_OTHER" },
        http.request.method_original = detail(&|| (!known).then(|| request.method().to_string())),
        http.route = route,
        http.response.status_code = Empty,
        "error.type" = Empty,
        url.path = wanted.then(|| request.uri().path()),
        url.scheme = wanted.then(|| if extensions.get::<OverTls>().is_some() {
            "https"
        } else {
            "http"
        }),
        server.address = authority.as_ref().map(Authority::host),
        server.port = authority.as_ref().and_then(Authority::port_u16).map(i64::from),
        client.address = detail(&|| peer.map(|peer| peer.0.ip().to_canonical().to_string())),
        network.protocol.version = wanted.then(|| version(request.version())),
        user_agent.original = detail(&|| text(headers, USER_AGENT.as_str())),
    );
    if headers.contains_key("traceparent") {
        follow(&span, headers);
    }
    span
}

/// Tells how the request was answered.
pub(crate) fn answered(span: &Span, status: StatusCode) {
    // Signed, as attributes are: any other integer would become a text.
    span.record("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", status.as_str());
    }
}

fn takes_spans(route: &str, method: &Method) -> bool {
    SPAN_DOORS.iter().any(|door| route.starts_with(door)) || (route == JAEGER_DOOR && method == Method::POST)
}

/// Makes the span a child of the one that the headers name. It has not begun, so it can.
fn follow(span: &Span, headers: &HeaderMap) {
    let caller = global::get_text_map_propagator(|propagator| {
        propagator.extract_with_context(&Context::new(), &HeaderExtractor(headers))
    });
    if caller.span().span_context().is_valid() {
        // Fails where nobody wants the span.
        drop(span.set_parent(caller));
    }
}

fn authority(request: &Request) -> Option<Authority> {
    let named = request.uri().authority().cloned();
    named.or_else(|| text(request.headers(), HOST.as_str())?.parse().ok())
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doors_of_spans_are_known() {
        let post = [
            "/v1/traces",
            "/opentelemetry.proto.collector.trace.v1.TraceService/{*rest}",
            "/jaeger.api_v2.CollectorService/PostSpans",
            "/api/traces",
        ];
        for route in post {
            assert!(takes_spans(route, &Method::POST), "{route}");
        }
        for route in ["/v1/logs", "/v1/metrics", "/api/v1/query", "/jaeger/api/traces"] {
            assert!(!takes_spans(route, &Method::POST), "{route}");
        }
        assert!(!takes_spans("/api/traces", &Method::GET));
    }
}
