//! Outgoing HTTP with a client span, a duration and the trace context in its headers.
//!
//! [`observed`] makes a client that does so for each request on its own; [`send`] does it for one request of any client.
//! Span and `http.client.request.duration` (s) follow the stable semantic conventions for HTTP.
//!
//! ```no_run
//! # async fn example() -> Result<(), reqwest_middleware::Error> {
//! let client = skopos_sdk::client::observed(reqwest::Client::new());
//! let answer = client.get("http://localhost:8010/v1/sessions").send().await?;
//! # drop(answer); Ok(()) }
//! ```

use std::error::Error;
use std::io;
use std::sync::OnceLock;

use http::Extensions;
use opentelemetry::metrics::{Histogram, Meter};
use opentelemetry::{KeyValue, global};
use reqwest::{Client, Method, Request, RequestBuilder, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next};
use tracing::{Instrument, Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::address::Address;
use crate::observed::Observed;
use crate::propagation::inject_http;
use crate::tasks::ErrorType;

/// Upper bounds in seconds, as the conventions advise.
const BUCKETS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// A client whose requests are observed and carry the trace on.
pub fn observed(client: Client) -> ClientWithMiddleware {
    ClientBuilder::new(client).with(ObserveRequests::new()).build()
}

/// Sends a request as a child of the current span.
///
/// ```no_run
/// # async fn example(client: reqwest::Client) -> reqwest::Result<()> {
/// let request = client.post("http://localhost:8010/v1/sessions").body("{}");
/// let response = skopos_sdk::client::send(&client, request).await?;
/// # Ok(()) }
/// ```
pub async fn send(client: &Client, request: RequestBuilder) -> reqwest::Result<Response> {
    static OBSERVE: OnceLock<ObserveRequests> = OnceLock::new();
    let mut request = request.build()?;
    let observed = OBSERVE.get_or_init(ObserveRequests::new).start(&mut request);
    finish(observed, client.execute(request)).await
}

/// The middleware, for a chain of one's own. Last in the chain, it observes every attempt; first, the request as a whole.
#[derive(Debug, Clone)]
pub struct ObserveRequests {
    duration: Histogram<f64>,
}

impl Default for ObserveRequests {
    fn default() -> Self {
        Self::new()
    }
}

impl ObserveRequests {
    /// On the process's own meter, so observability is set up first.
    pub fn new() -> Self {
        Self::with_meter(&global::meter("skopos-sdk"))
    }

    /// On any meter.
    pub fn with_meter(meter: &Meter) -> Self {
        let duration = meter
            .f64_histogram("http.client.request.duration")
            .with_unit("s")
            .with_description("Duration of HTTP client requests to the response head.")
            .with_boundaries(BUCKETS.to_vec())
            .build();
        Self { duration }
    }

    fn start(&self, request: &mut Request) -> Observed<impl FnOnce(f64, Option<&str>) + Send + use<>> {
        let method = known_method(request.method());
        let address = Address::of(request.url());
        let span = client_span(method, &address);
        inject_http(&span.context(), request.headers_mut());
        let duration = self.duration.clone();
        Observed::start(span, move |seconds, error| {
            let mut labels = vec![KeyValue::new("http.request.method", method)];
            labels.extend(address.host.map(|host| KeyValue::new("server.address", host)));
            labels.extend(address.port.map(|port| KeyValue::new("server.port", i64::from(port))));
            labels.extend(error.map(|error| KeyValue::new("error.type", error.to_owned())));
            duration.record(seconds, &labels);
        })
    }
}

#[async_trait::async_trait]
impl Middleware for ObserveRequests {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        let observed = self.start(&mut request);
        finish(observed, next.run(request, extensions)).await
    }
}

/// An answer of 400 and more is an error of the call, with the status as its type.
async fn finish<E: ErrorType>(
    mut observed: Observed<impl FnOnce(f64, Option<&str>)>,
    exchange: impl Future<Output = Result<Response, E>>,
) -> Result<Response, E> {
    let span = observed.span().clone();
    let result = exchange.instrument(span.clone()).await;
    match &result {
        Ok(response) => {
            let status = response.status();
            span.record("http.response.status_code", i64::from(status.as_u16()));
            if status.is_client_error() || status.is_server_error() {
                observed.fail(status.as_str(), status.canonical_reason().unwrap_or_default());
            } else {
                observed.succeed();
            }
        }
        Err(error) => observed.fail(&error.error_type(), &error.error_message()),
    }
    result
}

fn client_span(method: &'static str, address: &Address) -> Span {
    tracing::info_span!(
        "http.client.request",
        otel.name = method,
        otel.kind = "client",
        otel.status_code = field::Empty,
        http.request.method = method,
        server.address = address.host,
        server.port = address.port,
        url.full = address.plain,
        http.response.status_code = field::Empty,
        error.type = field::Empty,
        error.message = field::Empty,
    )
}

fn known_method(method: &Method) -> &'static str {
    crate::http_server::method_label(method)
}

/// The text of an error and of what caused it, the URL without user, password and query, which may hold tokens.
pub(crate) fn error_message(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    if let Some(url) = error.url() {
        text = text.replace(url.as_str(), &Address::of(url).plain);
    }
    for cause in causes(error).map(ToString::to_string) {
        // An I/O error says what the error inside says.
        if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// Whether the handshake failed because the server's certificate is not to be trusted.
pub(crate) fn is_certificate_invalid(error: &reqwest::Error) -> bool {
    causes(error)
        .filter_map(|cause| cause.downcast_ref())
        .any(|error| matches!(error, rustls::Error::InvalidCertificate(_)))
}

/// What caused it, one error after the other, and those inside I/O errors, whose `source` passes them over.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| {
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        inner.map_or_else(|| cause.source(), |inner| Some(inner))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_error_tells_its_causes_once_and_no_secrets_of_the_url() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = closed.local_addr().expect("bound");
        drop(closed);
        let url = format!("http://user:secret@{address}/path?token=secret");
        let client = Client::builder().no_proxy().build().expect("a client");
        let error = send(&client, client.get(url)).await.expect_err("nobody listens");
        assert_eq!(error.error_type(), "connect");
        let text = error.error_message();
        assert_eq!(text.matches("Connection refused").count(), 1, "{text}");
        assert!(
            text.contains(&address.to_string()) && !text.contains("secret"),
            "{text}"
        );
    }
}
