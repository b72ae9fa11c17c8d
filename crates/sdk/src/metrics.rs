//! `/metrics`: one registry for the `prometheus` crate, the OpenTelemetry meter and the process's own figures.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus::{Encoder, IntGaugeVec, Opts, Registry, TextEncoder};

use crate::process::ProcessCollector;

/// Prometheus text exposition 0.0.4, what `prometheus::TextEncoder` writes.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A registry with `process_*` and `service_info`.
pub(crate) fn new_registry(service: &str, version: &str) -> prometheus::Result<Registry> {
    let registry = Registry::new();
    registry.register(Box::new(ProcessCollector::new()?))?;
    let info = IntGaugeVec::new(
        Opts::new("service_info", "Name and version of this service."),
        &["service", "version"],
    )?;
    info.with_label_values(&[service, version]).set(1);
    registry.register(Box::new(info))?;
    Ok(registry)
}

/// The registry as text exposition; a metric that cannot be encoded is left out and logged.
pub(crate) fn render(registry: &Registry) -> String {
    let mut buffer = Vec::with_capacity(16 * 1024);
    for family in registry.gather() {
        let start = buffer.len();
        if let Err(error) = TextEncoder::new().encode(std::slice::from_ref(&family), &mut buffer) {
            buffer.truncate(start);
            tracing::warn!(metric = family.name(), error = %error, "metric left out of the exposition");
        }
    }
    String::from_utf8_lossy(&buffer).into_owned()
}

/// A router that answers `GET` on the path of the exposition.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(path: &str, registry: Registry) -> Router<S> {
    Router::new().route(
        path,
        get(move || {
            let body = render(&registry);
            async move { ([(CONTENT_TYPE, TEXT_FORMAT)], body).into_response() }
        }),
    )
}

/// A meter with its registry, for tests of what is recorded; the provider lives as long as it is held.
#[cfg(all(test, feature = "database"))]
pub(crate) fn test_meter() -> (
    Registry,
    opentelemetry_sdk::metrics::SdkMeterProvider,
    opentelemetry::metrics::Meter,
) {
    use opentelemetry::metrics::MeterProvider;
    let registry = Registry::new();
    let reader = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        .build();
    let provider = opentelemetry_sdk::metrics::SdkMeterProvider::builder()
        .with_reader(reader.expect("an empty registry"))
        .build();
    let meter = provider.meter("test");
    (registry, provider, meter)
}
