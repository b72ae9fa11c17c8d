//! Before each request: whose is it, may it come now. After it: one log line with duration and outcome.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use skopos_sdk::context::RequestContext;
use skopos_sdk::http_server::Tenant;

use super::Backend;
use super::error::ApiError;

/// Label of requests of nobody who is a customer.
const UNKNOWN: &str = "unknown";
/// The one endpoint for those who are not customers yet.
pub(super) const SIGN_UP: &str = "/v1/tenants";

pub(super) async fn admit(State(backend): State<Arc<Backend>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let endpoint = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("unmatched", MatchedPath::as_str)
        .to_owned();
    let method = request.method().clone();
    let named = RequestContext::current().and_then(|context| context.tenant_id);
    let account = named.as_deref().and_then(|id| backend.accounts.get(id));
    let tenant_id = account.as_ref().map_or(UNKNOWN, |account| account.tenant.id);
    backend.metrics.requested(tenant_id, &endpoint);
    let mut response = match account {
        None if endpoint == SIGN_UP => next.run(request).await,
        None => ApiError::no_tenant(named.as_deref()).into_response(),
        Some(account) if account.admits() => {
            request.extensions_mut().insert(account);
            next.run(request).await
        }
        Some(account) => {
            backend.metrics.rate_limited(tenant_id);
            refused(account.tenant.plan.requests_per_second)
        }
    };
    response.extensions_mut().insert(Tenant(tenant_id.to_owned()));
    log(&method, &endpoint, response.status(), started);
    response
}

fn refused(requests_per_second: u32) -> Response {
    let mut response = ApiError::rate_limited(requests_per_second).into_response();
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn log(method: &http::Method, endpoint: &str, status: StatusCode, started: Instant) {
    let (method, status_code) = (method.as_str(), status.as_u16());
    let duration_ms = started.elapsed().as_secs_f64() * 1000.0;
    if status.is_server_error() {
        tracing::error!(
            method,
            endpoint,
            status_code,
            duration_ms,
            success = false,
            "request failed"
        );
    } else if status.is_client_error() {
        tracing::warn!(
            method,
            endpoint,
            status_code,
            duration_ms,
            success = false,
            "request refused"
        );
    } else {
        tracing::info!(
            method,
            endpoint,
            status_code,
            duration_ms,
            success = true,
            "request served"
        );
    }
}
