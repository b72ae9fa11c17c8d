//! `http.request.duration` and `http.request.total` of a router, by method, matched route and status.

use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use futures_util::future::BoxFuture;
use opentelemetry::KeyValue;
use tower::{Layer, Service};

use super::instruments::Instruments;

/// The layer; made by [`super::TaskTracer::http_layer`]. Spans come from [`crate::HttpLayer`].
#[derive(Debug, Clone)]
pub struct HttpRequestLayer {
    instruments: Arc<Instruments>,
}

impl HttpRequestLayer {
    pub(super) fn new(instruments: Arc<Instruments>) -> Self {
        Self { instruments }
    }
}

impl<S> Layer<S> for HttpRequestLayer {
    type Service = HttpRequestService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        HttpRequestService {
            inner,
            instruments: Arc::clone(&self.instruments),
        }
    }
}

/// A service whose requests are measured.
#[derive(Debug, Clone)]
pub struct HttpRequestService<S> {
    inner: S,
    instruments: Arc<Instruments>,
}

impl<S> Service<Request> for HttpRequestService<S>
where
    S: Service<Request, Response = Response>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let route = request.extensions().get::<MatchedPath>();
        let route = route
            .map_or(crate::http_server::UNMATCHED, MatchedPath::as_str)
            .to_owned();
        let method = crate::http_server::method_label(request.method());
        let instruments = Arc::clone(&self.instruments);
        let started = Instant::now();
        let serve = self.inner.call(request);
        Box::pin(async move {
            let response = serve.await?;
            let labels = [
                KeyValue::new("method", method),
                KeyValue::new("route", route),
                KeyValue::new("status", i64::from(response.status().as_u16())),
            ];
            instruments
                .http_duration
                .record(started.elapsed().as_secs_f64() * 1000.0, &labels);
            instruments.http_requests.add(1, &labels);
            Ok(response)
        })
    }
}
