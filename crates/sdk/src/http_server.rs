//! The layer for any HTTP server of tower services, such as an axum router or a service of plain hyper: a server span,
//! request metrics and the caller's trace context, by route.
//!
//! A route is a pattern of paths. A router of axum tells which one it has matched; for others [`HttpOptions::route_of`] names
//! it. Paths themselves never become labels, so strangers cannot make series.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context as TaskContext, Poll, ready};
use std::thread;

use http::header::CONTENT_LENGTH;
use http::{HeaderName, Method, Request, Response, Uri};
use http_body::Body;
use opentelemetry::metrics::Meter;
use pin_project_lite::pin_project;
use prometheus::Registry;
use tower::{Layer, Service};
use tracing::Span;

use self::metrics::RequestMetrics;
use self::observed::Observed;
use self::route::Route;
use crate::SetupError;

mod metrics;
mod observed;
mod route;
mod span;

pub use self::metrics::HttpMetricSet;

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
    /// Under which names requests are measured; none takes those of the settings (`HTTP_METRICS`).
    pub metric_sets: Vec<HttpMetricSet>,
    /// A label of `http_requests_total` for the tenant.
    pub tenant: Option<TenantLabel>,
    /// Names the route of a request that no router of axum has matched; none for one that is not served.
    pub route_of: Option<fn(&Method, &Uri) -> Option<&'static str>>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            buckets: vec![0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0],
            ignored_routes: vec!["/metrics".to_owned(), "/health".to_owned()],
            metric_sets: Vec::new(),
            tenant: None,
            route_of: None,
        }
    }
}

/// How a request says whose it is.
#[derive(Debug, Clone)]
pub struct TenantLabel {
    /// Name of the label, such as `tenant_id`.
    pub label: String,
    /// Request header that holds the tenant, where the response has no [`Tenant`].
    pub header: HeaderName,
}

impl TenantLabel {
    /// The label `tenant_id` from the header `x-tenant-id`.
    #[must_use]
    pub fn tenant_id() -> Self {
        Self {
            label: "tenant_id".to_owned(),
            header: HeaderName::from_static("x-tenant-id"),
        }
    }
}

/// Put into a response's extensions by a handler that has checked who calls.
#[derive(Debug, Clone)]
pub struct Tenant(pub String);

/// The request metrics of one registry, made with the first layer.
#[derive(Debug, Default)]
pub(crate) struct HttpMetrics(OnceLock<Arc<[Box<dyn RequestMetrics>]>>);

impl HttpMetrics {
    pub(crate) fn layer(
        &self,
        registry: &Registry,
        meter: &Meter,
        options: HttpOptions,
    ) -> Result<HttpLayer, SetupError> {
        let sets = if let Some(sets) = self.0.get() {
            Arc::clone(sets)
        } else {
            let made: prometheus::Result<Arc<[_]>> = options
                .metric_sets
                .iter()
                .map(|set| set.build(registry, meter, &options))
                .collect();
            let made = made?;
            Arc::clone(self.0.get_or_init(|| made))
        };
        Ok(HttpLayer(Arc::new(Observing {
            measures_sizes: sets.iter().any(|set| set.measures_sizes()),
            sets,
            options,
        })))
    }
}

/// A tower layer for a router or another service of requests; see [`crate::Observability::http_layer`].
#[derive(Debug, Clone)]
pub struct HttpLayer(Arc<Observing>);

/// What the layers of a router share; a router copies them for each request.
#[derive(Debug)]
struct Observing {
    sets: Arc<[Box<dyn RequestMetrics>]>,
    measures_sizes: bool,
    options: HttpOptions,
}

impl<S> Layer<S> for HttpLayer {
    type Service = HttpService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        HttpService {
            inner,
            observing: Arc::clone(&self.0),
        }
    }
}

/// A service that observes each request of the inner one.
#[derive(Debug, Clone)]
pub struct HttpService<S> {
    inner: S,
    observing: Arc<Observing>,
}

impl<S, In, Out> Service<Request<In>> for HttpService<S>
where
    S: Service<Request<In>, Response = Response<Out>> + Clone,
    S::Error: fmt::Display,
    In: Body,
    Out: Body,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = HttpFuture<S, In>;

    fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<In>) -> Self::Future {
        let options = &self.observing.options;
        let route = Route::of(&request, options);
        if options.ignored_routes.iter().any(|ignored| ignored == route.as_str()) {
            return HttpFuture {
                due: None,
                inner: Some(self.inner.call(request)),
                span: Span::none(),
                observed: None,
            };
        }
        let method = method_label(request.method());
        let span = span::server_span(&request, method, route.as_str());
        let observed = Observed::start(Arc::clone(&self.observing), &request, method, route);
        // The one that was asked whether it is ready is the one to call.
        let next = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, next);
        HttpFuture {
            due: Some((ready, request)),
            inner: None,
            span,
            observed: Some(observed),
        }
    }
}

pin_project! {
    /// The answer of the inner service, observed. The service is called when it is first asked for, so that the span is
    /// entered once for an answer that comes at once.
    pub struct HttpFuture<S: Service<Request<In>>, In> {
        // Until the service is called.
        due: Option<(S, Request<In>)>,
        // Until it has answered.
        #[pin]
        inner: Option<S::Future>,
        span: Span,
        observed: Option<Observed>,
    }

    impl<S: Service<Request<In>>, In> PinnedDrop for HttpFuture<S, In> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.due.is_some() || this.inner.is_some() {
                if thread::panicking() && let Some(observed) = this.observed.take() {
                    observed.fail(&"panicked", this.span);
                }
                // What a caller that has gone leaves behind ends within the span.
                let _entered = this.span.enter();
                drop(this.due.take());
                this.inner.set(None);
            }
        }
    }
}

impl<S: Service<Request<In>>, In> fmt::Debug for HttpFuture<S, In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpFuture")
            .field("span", &self.span)
            .field("observed", &self.observed)
            .finish_non_exhaustive()
    }
}

impl<S, In, Out> Future for HttpFuture<S, In>
where
    S: Service<Request<In>, Response = Response<Out>>,
    S::Error: fmt::Display,
    Out: Body,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let entered = this.span.enter();
        if let Some((mut service, request)) = this.due.take() {
            this.inner.set(Some(service.call(request)));
        }
        let Some(inner) = this.inner.as_mut().as_pin_mut() else {
            // A future that is asked again after its answer has none.
            return Poll::Pending;
        };
        let result = ready!(inner.poll(context));
        this.inner.set(None);
        drop(entered);
        if let Some(observed) = this.observed.take() {
            match &result {
                Ok(response) => observed.finish(response, this.span),
                Err(error) => observed.fail(error, this.span),
            }
        }
        Poll::Ready(result)
    }
}

pub(crate) fn method_label(method: &Method) -> &'static str {
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

/// The size of a body in bytes, where it is known before the body is read.
fn size(headers: &http::HeaderMap, body: &impl Body) -> Option<u64> {
    let told = || headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
    told().or_else(|| body.size_hint().exact())
}
