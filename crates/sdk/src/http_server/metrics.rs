//! The families of request metrics under the names that different worlds gave them, and which of them are on.

use std::fmt;
use std::time::Duration;

use opentelemetry::metrics::Meter;
use prometheus::Registry;

use super::HttpOptions;
use crate::SetupError;
use crate::settings::Variables;

mod classic;
mod milliseconds;
mod otel;

/// A family of request metrics. Several may be on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpMetricSet {
    /// `http_requests_total` (method, endpoint, status and a tenant where asked for), `http_request_duration_seconds`
    /// (method, endpoint) and `http_requests_active` (method).
    RequestsTotal,
    /// `http_server_duration_milliseconds`, `http_server_request_size_bytes` and `http_server_response_size_bytes`
    /// (http_method, http_route, http_status_code), `http_server_active_requests` (http_method, http_route).
    ServerDurationMilliseconds,
    /// The OpenTelemetry semantic conventions: `http.server.request.duration` in seconds,
    /// `http.server.active_requests`, `http.server.request.body.size` and `http.server.response.body.size`.
    SemanticConventions,
    /// `http.request.duration` in milliseconds and `http.request.total` (method, route, status), which are
    /// `http_request_duration_milliseconds` and `http_request_total` on `/metrics`.
    RequestDurationMilliseconds,
}

impl HttpMetricSet {
    /// `HTTP_METRICS` names the leading metric of each set; `OTEL_SEMCONV_STABILITY_OPT_IN` turns to the semantic
    /// conventions (`http`) or adds them (`http/dup`).
    pub(crate) fn read(variables: &Variables<'_>) -> Result<Vec<Self>, SetupError> {
        let choices = [
            ("http_requests_total", Self::RequestsTotal),
            ("http_server_duration_milliseconds", Self::ServerDurationMilliseconds),
            ("http.server.request.duration", Self::SemanticConventions),
            ("http.request.duration", Self::RequestDurationMilliseconds),
        ];
        let expected = "some of http_requests_total, http_server_duration_milliseconds, \
                        http.server.request.duration and http.request.duration joined by commas";
        if let Some(sets) = variables.choices("HTTP_METRICS", &choices, expected)? {
            return Ok(sets);
        }
        // The variable is shared with other kinds of telemetry, so unknown words are theirs.
        let opted = variables.get("OTEL_SEMCONV_STABILITY_OPT_IN").unwrap_or_default();
        let has = |word: &str| opted.split(',').any(|opt| opt.trim() == word);
        Ok(match (has("http/dup"), has("http")) {
            (true, _) => vec![Self::RequestsTotal, Self::SemanticConventions],
            (false, true) => vec![Self::SemanticConventions],
            (false, false) => vec![Self::RequestsTotal],
        })
    }

    pub(super) fn build(
        self,
        registry: &Registry,
        meter: &Meter,
        options: &HttpOptions,
    ) -> prometheus::Result<Box<dyn RequestMetrics>> {
        Ok(match self {
            Self::RequestsTotal => Box::new(classic::RequestsTotal::register(registry, options)?),
            Self::ServerDurationMilliseconds => Box::new(milliseconds::ServerDuration::register(registry)?),
            Self::SemanticConventions => Box::new(otel::SemanticConventions::new(meter)),
            Self::RequestDurationMilliseconds => Box::new(otel::RequestDuration::new(meter)),
        })
    }
}

/// One request, as all sets see it.
#[derive(Debug)]
pub(super) struct Exchange<'a> {
    pub(super) method: &'static str,
    pub(super) route: &'a str,
    pub(super) status: u16,
    pub(super) tenant: &'a str,
    pub(super) duration: Duration,
    /// Bytes, where they are known before the body is read.
    pub(super) request_size: Option<u64>,
    pub(super) response_size: Option<u64>,
}

/// A set that counts.
pub(super) trait RequestMetrics: fmt::Debug + Send + Sync {
    /// Whether it measures sizes; else nobody looks for them.
    fn measures_sizes(&self) -> bool {
        false
    }
    /// A request has come.
    fn started(&self, method: &'static str, route: &str);
    /// It has been answered, or its caller has gone.
    fn ended(&self, exchange: &Exchange<'_>);
}

/// A status as text without an allocation for each request.
pub(super) struct StatusText([u8; 3]);

impl StatusText {
    pub(super) fn new(status: u16) -> Self {
        let digit = |value: u16| b'0' + (value % 10) as u8;
        Self([digit(status / 100), digit(status / 10), digit(status)])
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}
