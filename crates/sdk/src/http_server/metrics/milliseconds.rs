//! `http_server_duration_milliseconds` and its companions: the names of the older OpenTelemetry HTTP conventions as
//! their Prometheus exporters wrote them.

use prometheus::Registry;

use super::{Exchange, RequestMetrics, StatusText};
use crate::family::{GaugeFamily, HistogramFamily};

/// The upper bounds of the OpenTelemetry SDKs for milliseconds.
pub(super) const MILLISECONDS: [f64; 15] = [
    0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10000.0,
];
/// From a byte to 16 MiB by factors of 16, with kilobytes finer.
pub(super) const BYTES: [f64; 9] = [
    0.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    1_048_576.0,
    16_777_216.0,
];
const LABELS: [&str; 3] = ["http_method", "http_route", "http_status_code"];

#[derive(Debug)]
pub(super) struct ServerDuration {
    duration: HistogramFamily<3>,
    request_size: HistogramFamily<3>,
    response_size: HistogramFamily<3>,
    active: GaugeFamily<2>,
}

impl ServerDuration {
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let histogram = |name, help, buckets: &[f64]| HistogramFamily::register(registry, name, help, LABELS, buckets);
        Ok(Self {
            duration: histogram(
                "http_server_duration_milliseconds",
                "Time to the response head in milliseconds.",
                &MILLISECONDS,
            )?,
            request_size: histogram(
                "http_server_request_size_bytes",
                "Size of request bodies that was known beforehand, in bytes.",
                &BYTES,
            )?,
            response_size: histogram(
                "http_server_response_size_bytes",
                "Size of response bodies that was known beforehand, in bytes.",
                &BYTES,
            )?,
            active: GaugeFamily::register(
                registry,
                "http_server_active_requests",
                "HTTP requests being served.",
                ["http_method", "http_route"],
            )?,
        })
    }
}

impl RequestMetrics for ServerDuration {
    fn measures_sizes(&self) -> bool {
        true
    }

    fn started(&self, method: &'static str, route: &str) {
        self.active.inc([method, route]);
    }

    fn ended(&self, exchange: &Exchange<'_>) {
        let (method, route) = (exchange.method, exchange.route);
        self.active.dec([method, route]);
        let status = StatusText::new(exchange.status);
        let labels = [method, route, status.as_str()];
        let milliseconds = exchange.duration.as_secs_f64() * 1000.0;
        self.duration.observe(labels, milliseconds);
        if let Some(size) = exchange.request_size {
            self.request_size.observe(labels, size as f64);
        }
        if let Some(size) = exchange.response_size {
            self.response_size.observe(labels, size as f64);
        }
    }
}
