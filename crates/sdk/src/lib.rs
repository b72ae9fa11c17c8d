//! What a Rust service adds to be observed: traces, metrics and logs on the OpenTelemetry crates, set up in one line.
//!
//! The crate configures, joins and completes `opentelemetry`, `tracing` and `prometheus`; it does not replace them and
//! it knows nothing of the Skopos server. Whatever listens on the OTLP endpoint or scrapes `/metrics` may be any
//! product of the field.
//!
//! ```text
//! tracing::info_span! ─▶ OpenTelemetry layer ─▶ bounded queue ─▶ OTLP, Jaeger or Datadog
//! tracing::info!      ─▶ JSON layer ─▶ stdout, one object a line, with the active trace and span id
//! prometheus::Counter ─┐
//! opentelemetry Meter ─┴▶ one registry ─▶ GET /metrics, and OTLP where asked for
//! ```
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, routing::get};
//!
//! let observability = skopos_sdk::setup_observability("gateway", env!("CARGO_PKG_VERSION"))?;
//! let router: Router = Router::new()
//!     .route("/v1/sessions", get(|| async { "[]" }))
//!     .layer(observability.http_layer()?)
//!     .merge(observability.metrics_router());
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8010").await?;
//! axum::serve(listener, router).await?;
//! observability.shutdown();
//! # Ok(()) }
//! ```
//!
//! What a service adds where it does its work:
//!
//! | module | for |
//! |---|---|
//! | [`http_server`], [`context`] | requests that come in; who asked, on every log line and span |
//! | [`client`], `grpc` | requests that go out, and calls of tonic on both ends |
//! | `database`, `redis`, [`cache`] | queries of `tokio-postgres` and `sqlx`, commands of Redis, hits and misses |
//! | [`kafka`] | messages, from producer to consumer in one trace |
//! | [`tasks`] | tasks, model calls, scans, payments, retrieval, competitions |
//! | [`ml`], [`timing`] | inference, training, and any operation that has a name |
//! | [`breaker`], [`freshness`], [`websocket`] | states as gauges |
//!
//! Modules without a link come with the feature of their name (`postgres` and `sqlx` within `database`). A function of
//! one's own needs none of these: `#[tracing::instrument]` makes it a span.
//!
//! No backend, a dead endpoint or a full queue never blocks or fails the service: spans are dropped and counted in
//! `otel_spans_dropped_total{reason}`.

pub mod breaker;
pub mod cache;
#[cfg(feature = "http-client")]
pub mod client;
pub mod context;
#[cfg(feature = "database")]
pub mod database;
pub mod export;
pub mod family;
pub mod freshness;
#[cfg(feature = "grpc")]
pub mod grpc;
pub mod http_server;
pub mod kafka;
pub mod ml;
pub mod propagation;
#[cfg(feature = "redis")]
pub mod redis;
pub mod settings;
pub mod tasks;
pub mod timing;
pub mod websocket;

mod address;
mod backends;
mod error;
#[cfg(feature = "errors")]
mod errors;
mod logging;
mod metrics;
mod observability;
mod observed;
mod panic_hook;
mod process;
mod prometheus_names;
mod sampler;
mod scrub;
mod w3c;

pub use error::SetupError;
pub use http_server::{HttpLayer, HttpMetricSet, HttpOptions, TenantLabel};
pub use logging::LineSink;
pub use observability::{Observability, ObservabilityBuilder, get_meter, get_tracer, setup_observability};
pub use propagation::{
    add_trace_context_to_headers, extract_from, extract_http, extract_trace_context, inject_http, inject_into,
    inject_trace_context,
};
pub use sampler::SamplerKind;
pub use settings::Settings;
pub use skopos_log_macros as log;
pub use w3c::W3cPropagator;

/// Identity of the span that is active on this thread, as `(trace_id, span_id)` in lower-case hex.
#[must_use]
pub fn active_span_ids() -> Option<(String, String)> {
    use opentelemetry::trace::TraceContextExt;
    let context = opentelemetry::Context::current();
    let span = context.span();
    let span_context = span.span_context();
    span_context
        .is_valid()
        .then(|| (span_context.trace_id().to_string(), span_context.span_id().to_string()))
}

/// The guide; its examples run with the documentation.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/sdk.md")]
pub struct Guide;

/// The guide to error tracking; its example runs with the documentation.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/sdk-errors.md")]
pub struct ErrorsGuide;
