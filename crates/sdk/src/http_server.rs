//! The layer for an axum router: a server span, request metrics and the caller's trace context, per matched route.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::task::{Context as TaskContext, Poll};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use futures_util::future::BoxFuture;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry};
use tower::{Layer, Service};
use tracing::{Instrument, Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::SetupError;
use crate::propagation::extract_http;

/// Endpoint label of requests that no route matches, so that strangers cannot make series.
pub(crate) const UNMATCHED: &str = "unmatched";
/// Label of methods outside the registered ones.
const OTHER_METHOD: &str = "_OTHER";

/// What the layer measures and how finely.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Upper bounds of `http_request_duration_seconds`, in seconds.
    pub buckets: Vec<f64>,
    /// Routes without a span and without metrics, such as probes.
    pub ignored_routes: Vec<String>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            buckets: vec![0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0],
            ignored_routes: vec!["/metrics".to_owned(), "/health".to_owned()],
        }
    }
}

/// The request metrics of one registry, made with the first layer.
#[derive(Debug, Default)]
pub(crate) struct HttpMetrics(OnceLock<Arc<Instruments>>);

#[derive(Debug)]
struct Instruments {
    requests: IntCounterVec,
    duration: HistogramVec,
    active: IntGaugeVec,
}

impl HttpMetrics {
    pub(crate) fn layer(&self, registry: &Registry, options: &HttpOptions) -> Result<HttpLayer, SetupError> {
        let instruments = if let Some(instruments) = self.0.get() {
            Arc::clone(instruments)
        } else {
            let made = Arc::new(Instruments::register(registry, options)?);
            Arc::clone(self.0.get_or_init(|| made))
        };
        Ok(HttpLayer {
            instruments,
            ignored_routes: options.ignored_routes.clone().into(),
        })
    }
}

impl Instruments {
    fn register(registry: &Registry, options: &HttpOptions) -> prometheus::Result<Self> {
        let duration = HistogramOpts::new("http_request_duration_seconds", "Time to the response head in seconds.")
            .buckets(options.buckets.clone());
        let instruments = Self {
            requests: IntCounterVec::new(
                Opts::new("http_requests_total", "HTTP requests served."),
                &["method", "endpoint", "status"],
            )?,
            duration: HistogramVec::new(duration, &["method", "endpoint"])?,
            active: IntGaugeVec::new(
                Opts::new("http_requests_active", "HTTP requests being served."),
                &["method"],
            )?,
        };
        registry.register(Box::new(instruments.requests.clone()))?;
        registry.register(Box::new(instruments.duration.clone()))?;
        registry.register(Box::new(instruments.active.clone()))?;
        Ok(instruments)
    }
}

/// A tower layer for an axum router; see [`crate::Observability::http_layer`].
#[derive(Debug, Clone)]
pub struct HttpLayer {
    instruments: Arc<Instruments>,
    ignored_routes: Arc<[String]>,
}

impl<S> Layer<S> for HttpLayer {
    type Service = HttpService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        HttpService {
            inner,
            layer: self.clone(),
        }
    }
}

/// A service that observes each request of the inner one.
#[derive(Debug, Clone)]
pub struct HttpService<S> {
    inner: S,
    layer: HttpLayer,
}

impl<S> Service<Request> for HttpService<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let route = request
            .extensions()
            .get::<MatchedPath>()
            .map_or(UNMATCHED, MatchedPath::as_str)
            .to_owned();
        // The service that was polled ready is the one to call (tower, `Service::call`).
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        if self.layer.ignored_routes.contains(&route) {
            return Box::pin(async move { inner.call(request).await });
        }
        let method = method_label(request.method());
        let span = server_span(&request, method, &route);
        let instruments = Arc::clone(&self.layer.instruments);
        let serve = async move {
            let observed = Observed::start(instruments, method, route);
            let response = inner.call(request).await?;
            observed.finish(response.status().as_u16());
            Ok(response)
        };
        Box::pin(serve.instrument(span))
    }
}

pub(crate) fn method_label(method: &http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => OTHER_METHOD,
    }
}

fn server_span(request: &Request, method: &'static str, route: &str) -> Span {
    let span = tracing::info_span!(
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
    );
    // Fails only where no OpenTelemetry layer listens, and then there is no trace to continue.
    drop(span.set_parent(extract_http(request.headers())));
    span
}

fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request
        .headers()
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// Status that is counted when the client goes away before the answer (nginx's convention).
const CLIENT_CLOSED: u16 = 499;

/// One request under observation; counted when finished or dropped.
struct Observed {
    instruments: Arc<Instruments>,
    method: &'static str,
    route: String,
    started: Instant,
    status: u16,
}

impl Observed {
    fn start(instruments: Arc<Instruments>, method: &'static str, route: String) -> Self {
        instruments.active.with_label_values(&[method]).inc();
        Self {
            instruments,
            method,
            route,
            started: Instant::now(),
            status: CLIENT_CLOSED,
        }
    }

    fn finish(mut self, status: u16) {
        self.status = status;
        let span = Span::current();
        span.record("http.response.status_code", status);
        if status >= 500 {
            span.record("otel.status_code", "ERROR");
        }
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        let instruments = &self.instruments;
        instruments.active.with_label_values(&[self.method]).dec();
        let labels = [self.method, self.route.as_str()];
        instruments
            .duration
            .with_label_values(&labels)
            .observe(self.started.elapsed().as_secs_f64());
        let status = self.status.to_string();
        instruments
            .requests
            .with_label_values(&[self.method, &self.route, &status])
            .inc();
    }
}
