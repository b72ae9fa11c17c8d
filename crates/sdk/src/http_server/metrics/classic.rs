//! `http_requests_total` and its companions, as many services of the Prometheus world name them.

use prometheus::Registry;

use super::super::HttpOptions;
use super::{Exchange, RequestMetrics, StatusText};
use crate::family::{CounterFamily, GaugeFamily, HistogramFamily};

#[derive(Debug)]
pub(super) struct RequestsTotal {
    requests: Requests,
    duration: HistogramFamily<2>,
    active: GaugeFamily<1>,
}

/// The counter with or without a tenant.
#[derive(Debug)]
enum Requests {
    Plain(CounterFamily<3>),
    ByTenant(CounterFamily<4>),
}

impl RequestsTotal {
    pub(super) fn register(registry: &Registry, options: &HttpOptions) -> prometheus::Result<Self> {
        let (name, help) = ("http_requests_total", "HTTP requests served.");
        let requests = match &options.tenant {
            None => Requests::Plain(CounterFamily::register(
                registry,
                name,
                help,
                ["method", "endpoint", "status"],
            )?),
            Some(tenant) => Requests::ByTenant(CounterFamily::register(
                registry,
                name,
                help,
                ["method", "endpoint", "status", &tenant.label],
            )?),
        };
        Ok(Self {
            requests,
            duration: HistogramFamily::register(
                registry,
                "http_request_duration_seconds",
                "Time to the response head in seconds.",
                ["method", "endpoint"],
                &options.buckets,
            )?,
            active: GaugeFamily::register(
                registry,
                "http_requests_active",
                "HTTP requests being served.",
                ["method"],
            )?,
        })
    }
}

impl RequestMetrics for RequestsTotal {
    fn started(&self, method: &'static str, _route: &str) {
        self.active.inc([method]);
    }

    fn ended(&self, exchange: &Exchange<'_>) {
        let (method, route) = (exchange.method, exchange.route);
        self.active.dec([method]);
        let seconds = exchange.duration.as_secs_f64();
        self.duration.observe([method, route], seconds);
        let status = StatusText::new(exchange.status);
        match &self.requests {
            Requests::Plain(requests) => requests.inc([method, route, status.as_str()]),
            Requests::ByTenant(requests) => {
                requests.inc([method, route, status.as_str(), exchange.tenant]);
            }
        }
    }
}
