//! One request under observation; counted when finished, or when its caller has gone.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use tracing::Span;

use super::metrics::Exchange;
use super::{Observing, Tenant, UNMATCHED, size, span};

/// Status that is counted when the client goes away before the answer (nginx's convention).
const CLIENT_CLOSED: u16 = 499;

#[derive(Debug)]
pub(super) struct Observed {
    observing: Arc<Observing>,
    method: &'static str,
    route: Option<MatchedPath>,
    started: Instant,
    status: u16,
    tenant: Option<String>,
    request_size: Option<u64>,
    response_size: Option<u64>,
}

impl Observed {
    pub(super) fn start(
        observing: Arc<Observing>,
        request: &Request,
        method: &'static str,
        route: Option<MatchedPath>,
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
            set.started(method, observed.route());
        }
        observed
    }

    fn route(&self) -> &str {
        self.route.as_ref().map_or(UNMATCHED, MatchedPath::as_str)
    }

    pub(super) fn finish(mut self, response: &Response, of_request: &Span) {
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
}

impl Drop for Observed {
    fn drop(&mut self) {
        let exchange = Exchange {
            method: self.method,
            route: self.route(),
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
