//! Alertmanager's HTTP API v2 under `/api/v2`, and its own port.
//!
//! ```text
//!   request ─▶ alerts, silences, receivers, status ─▶ AlertmanagerHandle ─▶ state machine
//!                                                        │ stores changes before it answers
//!                                                        └ wakes whoever drives the machine
//! ```
//!
//! Answers, statuses and error bodies are those of Alertmanager 0.33, which come from its OpenAPI
//! document and the library that serves it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CACHE_CONTROL};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{any, get, post};
use serde_json::json;
use tower_http::cors::{Any, CorsLayer};

use crate::text;

mod alerts;
mod body;
mod encode;
mod error;
mod groups;
mod handle;
mod listing;
mod metrics;
mod params;
mod receivers;
mod silences;
mod status;

pub use handle::{AlertmanagerHandle, ChangeSink, HandleParts, StoreError};

use error::ApiError;

type Shared = Arc<AlertmanagerHandle>;

const API: &str = "/api/v2";
const V1_GONE: &str = "The Alertmanager v1 API was deprecated in version 0.16.0 and is removed as of version 0.27.0 - \
                       please use the equivalent route in the v2 API";

/// The API alone, to be merged into another port's router.
pub(crate) fn api_router<S: Clone + Send + Sync + 'static>(handle: Shared) -> Router<S> {
    let api = Router::new()
        .route("/status", get(status::status))
        .route("/receivers", get(receivers::receivers))
        .route("/alerts", get(alerts::list).post(alerts::post))
        .route("/alerts/groups", get(groups::list))
        .route("/silences", get(silences::list).post(silences::post))
        .route("/silence/{id}", get(silences::get).delete(silences::delete))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(finish))
        .with_state(handle);
    Router::new().nest(API, api)
}

/// What `POST /api/v1/alerts` answers to clients that still speak the first version.
pub(crate) async fn v1_gone() -> Response {
    text::json(StatusCode::GONE, &json!({ "status": "deprecated", "error": V1_GONE }))
}

/// Everything of Alertmanager's own port, below `prefix` (empty or such as `/alerts`).
pub fn alertmanager_router(handle: Shared, prefix: &str) -> Router {
    let cors = CorsLayer::new().allow_origin(Any).allow_headers(Any).allow_methods([
        Method::GET,
        Method::POST,
        Method::DELETE,
        Method::OPTIONS,
    ]);
    let router = Router::new()
        .route("/-/healthy", get(|| async { text::text(StatusCode::OK, "OK") }))
        .route("/-/ready", get(|| async { text::text(StatusCode::OK, "OK") }))
        .route("/-/reload", post(reload))
        .route("/metrics", get(own_metrics))
        .with_state(Arc::clone(&handle))
        .route("/api/v1/{*rest}", any(v1_gone))
        .merge(api_router(handle))
        .fallback(|| async { text::not_found() })
        .method_not_allowed_fallback(text::method_not_allowed)
        .layer(cors);
    let prefix = prefix.trim_end_matches('/');
    if prefix.is_empty() {
        router
    } else {
        Router::new()
            .nest(prefix, router)
            .fallback(|| async { text::not_found() })
    }
}

async fn reload(State(handle): State<Shared>) -> Response {
    match handle.reload().await {
        Ok(()) => text::text(StatusCode::OK, ""),
        Err(reason) => text::text(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("failed to reload config: {reason}\n"),
        ),
    }
}

async fn own_metrics(State(handle): State<Shared>) -> Result<Response, ApiError> {
    let page = handle.metrics_page().await?;
    Ok(text::with_type(
        StatusCode::OK,
        skopos_wire::exposition::TextWriter::CONTENT_TYPE,
        page,
    ))
}

async fn not_found(request: Request) -> ApiError {
    let path = original_path(&request);
    ApiError::coded(StatusCode::NOT_FOUND, format!("path {path} was not found"))
}

async fn method_not_allowed(request: Request) -> Response {
    let allowed = match request.uri().path() {
        "/alerts" | "/silences" => "GET,POST",
        path if path.starts_with("/silence/") => "DELETE,GET",
        _ => "GET",
    };
    let message = format!("method {} is not allowed, but [{allowed}] are", request.method());
    let mut response = Response::from(ApiError::coded(StatusCode::METHOD_NOT_ALLOWED, message));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// The path with the prefix that nesting took off.
fn original_path(request: &Request) -> String {
    let original = request.extensions().get::<axum::extract::OriginalUri>();
    original.map_or(request.uri().path(), |uri| uri.path()).to_owned()
}

/// Nothing of the API may be cached.
async fn finish(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
