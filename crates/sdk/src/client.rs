//! Outgoing HTTP with a client span and the trace context in its headers.

use reqwest::{Client, RequestBuilder, Response};
use tracing::{Instrument, Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::address::Address;
use crate::propagation::inject_http;

/// Sends a request as a child of the current span.
///
/// ```no_run
/// # async fn example(client: reqwest::Client) -> reqwest::Result<()> {
/// let request = client.post("http://localhost:8010/v1/sessions").body("{}");
/// let response = skopos_sdk::client::send(&client, request).await?;
/// # Ok(()) }
/// ```
pub async fn send(client: &Client, request: RequestBuilder) -> reqwest::Result<Response> {
    let mut request = request.build()?;
    let span = client_span(request.method().as_str(), request.url());
    inject_http(&span.context(), request.headers_mut());
    let send = async {
        let result = client.execute(request).await;
        record_outcome(&Span::current(), &result);
        result
    };
    send.instrument(span).await
}

fn client_span(method: &str, url: &reqwest::Url) -> Span {
    tracing::info_span!(
        "http.client.request",
        otel.name = method,
        otel.kind = "client",
        otel.status_code = field::Empty,
        otel.status_message = field::Empty,
        http.request.method = method,
        server.address = url.host_str().unwrap_or_default(),
        server.port = url.port_or_known_default(),
        url.full = Address::of(url).plain,
        http.response.status_code = field::Empty,
    )
}

/// The text of an error, its URL without user, password and query, which may hold tokens.
pub(crate) fn error_message(error: &reqwest::Error) -> String {
    let text = error.to_string();
    match error.url() {
        Some(url) => text.replace(url.as_str(), &Address::of(url).plain),
        None => text,
    }
}

fn record_outcome(span: &Span, result: &reqwest::Result<Response>) {
    match result {
        Ok(response) => {
            let status = response.status();
            span.record("http.response.status_code", status.as_u16());
            if status.is_client_error() || status.is_server_error() {
                span.record("otel.status_code", "ERROR");
            }
        }
        Err(error) => {
            span.record("otel.status_code", "ERROR");
            span.record("otel.status_message", error_message(error));
        }
    }
}
