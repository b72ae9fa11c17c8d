//! The sets that are OpenTelemetry instruments, so that they also travel over OTLP.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter, UpDownCounter};

use super::milliseconds::{BYTES, MILLISECONDS};
use super::{Exchange, RequestMetrics, StatusText};

/// The upper bounds that the semantic conventions give for `http.server.request.duration`.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// <https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#http-server>
#[derive(Debug)]
pub(super) struct SemanticConventions {
    duration: Histogram<f64>,
    active: UpDownCounter<i64>,
    request_size: Histogram<u64>,
    response_size: Histogram<u64>,
}

impl SemanticConventions {
    pub(super) fn new(meter: &Meter) -> Self {
        let size = |name, description| {
            meter
                .u64_histogram(name)
                .with_unit("By")
                .with_description(description)
                .with_boundaries(BYTES.to_vec())
                .build()
        };
        Self {
            duration: meter
                .f64_histogram("http.server.request.duration")
                .with_unit("s")
                .with_description("Duration of HTTP server requests.")
                .with_boundaries(SECONDS.to_vec())
                .build(),
            active: meter
                .i64_up_down_counter("http.server.active_requests")
                .with_unit("{request}")
                .with_description("Number of active HTTP server requests.")
                .build(),
            request_size: size("http.server.request.body.size", "Size of HTTP server request bodies."),
            response_size: size("http.server.response.body.size", "Size of HTTP server response bodies."),
        }
    }
}

/// The scheme on the wire: TLS ends before the service, or in front of it.
fn scheme() -> KeyValue {
    KeyValue::new("url.scheme", "http")
}

impl RequestMetrics for SemanticConventions {
    fn measures_sizes(&self) -> bool {
        true
    }

    fn started(&self, method: &'static str, _route: &str) {
        self.active
            .add(1, &[KeyValue::new("http.request.method", method), scheme()]);
    }

    fn ended(&self, exchange: &Exchange<'_>) {
        let method = KeyValue::new("http.request.method", exchange.method);
        self.active.add(-1, &[method.clone(), scheme()]);
        let mut attributes = vec![
            method,
            scheme(),
            KeyValue::new("http.route", exchange.route.to_owned()),
            KeyValue::new("http.response.status_code", i64::from(exchange.status)),
        ];
        if exchange.status >= 500 {
            let status = StatusText::new(exchange.status).as_str().to_owned();
            attributes.push(KeyValue::new("error.type", status));
        }
        self.duration.record(exchange.duration.as_secs_f64(), &attributes);
        if let Some(size) = exchange.request_size {
            self.request_size.record(size, &attributes);
        }
        if let Some(size) = exchange.response_size {
            self.response_size.record(size, &attributes);
        }
    }
}

/// `http.request.duration` and `http.request.total`.
#[derive(Debug)]
pub(super) struct RequestDuration {
    duration: Histogram<f64>,
    total: Counter<u64>,
}

impl RequestDuration {
    pub(super) fn new(meter: &Meter) -> Self {
        Self {
            duration: meter
                .f64_histogram("http.request.duration")
                .with_unit("ms")
                .with_description("Time to the response head.")
                .with_boundaries(MILLISECONDS.to_vec())
                .build(),
            total: meter
                .u64_counter("http.request.total")
                .with_description("HTTP requests served.")
                .build(),
        }
    }
}

impl RequestMetrics for RequestDuration {
    fn started(&self, _method: &'static str, _route: &str) {}

    fn ended(&self, exchange: &Exchange<'_>) {
        let attributes = [
            KeyValue::new("method", exchange.method),
            KeyValue::new("route", exchange.route.to_owned()),
            KeyValue::new("status", StatusText::new(exchange.status).as_str().to_owned()),
        ];
        self.duration
            .record(exchange.duration.as_secs_f64() * 1000.0, &attributes);
        self.total.add(1, &attributes);
    }
}
