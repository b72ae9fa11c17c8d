//! One request under observation; counted when finished, or when its caller has gone.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Instant;

use http::{Request, Response};
use http_body::Body;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::metrics::Exchange;
use super::route::Route;
use super::{Observing, Tenant, size, span};

/// Status that is counted when the client goes away before the answer (nginx's convention).
const CLIENT_CLOSED: u16 = 499;
/// Status that is counted when the service fails without an answer.
const FAILED: u16 = 500;

#[derive(Debug)]
pub(super) struct Observed {
    observing: Arc<Observing>,
    method: &'static str,
    route: Route,
    started: Instant,
    status: u16,
    tenant: Option<String>,
    request_size: Option<u64>,
    response_size: Option<u64>,
}

impl Observed {
    pub(super) fn start(
        observing: Arc<Observing>,
        request: &Request<impl Body>,
        method: &'static str,
        route: Route,
    ) -> Self {
        let tenant = observing.options.tenant.as_ref().and_then(|tenant| {
            let value = request.headers().get(&tenant.header)?;
            value.to_str().ok().map(str::to_owned)
        });
        let measured = observing.measures_sizes;
        let observed = Self {
            observing,
            method,
            route,
            started: Instant::now(),
            status: CLIENT_CLOSED,
            tenant,
            request_size: measured.then(|| size(request.headers(), request.body())).flatten(),
            response_size: None,
        };
        for set in observed.observing.sets.iter() {
            set.started(method, observed.route.as_str());
        }
        observed
    }

    pub(super) fn finish(mut self, response: &Response<impl Body>, of_request: &Span) {
        self.status = response.status().as_u16();
        if self.observing.measures_sizes {
            self.response_size = size(response.headers(), response.body());
        }
        if self.observing.options.tenant.is_some()
            && let Some(Tenant(tenant)) = response.extensions().get()
        {
            self.tenant = Some(tenant.clone());
        }
        span::record(of_request, self.status);
    }

    /// The service failed, and the caller gets no answer.
    pub(super) fn fail(mut self, error: &impl Display, of_request: &Span) {
        self.status = FAILED;
        span::record(of_request, self.status);
        of_request.set_attribute("error.message", error.to_string());
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        let exchange = Exchange {
            method: self.method,
            route: self.route.as_str(),
            status: self.status,
            tenant: self.tenant.as_deref().unwrap_or_default(),
            duration: self.started.elapsed(),
            request_size: self.request_size,
            response_size: self.response_size,
        };
        for set in self.observing.sets.iter() {
            set.ended(&exchange);
        }
    }
}
