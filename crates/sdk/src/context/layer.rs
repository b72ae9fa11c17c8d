//! The layer for a router or another service of requests: one context for each request, and its id in the answer.

use std::task::{Context as TaskContext, Poll};

use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, Response};
use opentelemetry::Context as OtelContext;
use opentelemetry::trace::TraceContextExt;
use tower::{Layer, Service};

use super::{REQUEST_ID_HEADER, RequestContext};

/// Gives each request its [`RequestContext`].
///
/// Add it before the observing layer, so that it runs inside the server span and can write the ids on it:
///
/// ```no_run
/// # fn example(observability: &skopos_sdk::Observability) -> Result<axum::Router, skopos_sdk::SetupError> {
/// use skopos_sdk::context::RequestContextLayer;
///
/// let router = axum::Router::new()
///     .route("/v1/items", axum::routing::get(|| async { "[]" }))
///     .layer(RequestContextLayer)
///     .layer(observability.http_layer()?);
/// # Ok(router) }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestContextLayer;

impl<S> Layer<S> for RequestContextLayer {
    type Service = RequestContextService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequestContextService { inner }
    }
}

/// A service whose inner one runs in a context.
#[derive(Debug, Clone)]
pub struct RequestContextService<S> {
    inner: S,
}

impl<S, In, Out> Service<Request<In>> for RequestContextService<S>
where
    S: Service<Request<In>, Response = Response<Out>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<In>) -> Self::Future {
        let mut context = RequestContext::from_headers(request.headers());
        if context.request_id.is_none() {
            context.request_id = RequestContext::generate().request_id;
        }
        OtelContext::map_current(|active| {
            let span = active.span();
            if span.is_recording() {
                span.set_attributes(context.attributes());
            }
        });
        let answer = context
            .request_id
            .as_deref()
            .and_then(|id| HeaderValue::from_str(id).ok());
        request.extensions_mut().insert(context.clone());
        let serve = self.inner.call(request);
        Box::pin(context.scope(async move {
            let mut response = serve.await?;
            if let Some(id) = answer {
                response.headers_mut().insert(REQUEST_ID_HEADER, id);
            }
            Ok(response)
        }))
    }
}
