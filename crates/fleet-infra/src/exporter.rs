//! `/metrics` of an exporter: what a source reads at each scrape, and the process's own metrics beside it.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Encoder, TextEncoder};
use skopos_fleet_frame::FleetError;
use skopos_fleet_frame::process::{Context, health_router, serve_http};
use skopos_log_macros::{self as log, chain};

/// What is read at each scrape.
pub(crate) trait Source: Send + Sync + 'static {
    /// The families as they are now; what cannot be read is left out.
    fn read(&self) -> impl Future<Output = Vec<MetricFamily>> + Send;
}

/// Serves `/metrics` and `/health` until told to stop.
pub(crate) async fn serve(address: SocketAddr, source: impl Source, context: &Context) -> Result<(), FleetError> {
    let source = Arc::new(source);
    let observability = context.observability.clone();
    let render = move || {
        let (source, observability) = (Arc::clone(&source), observability.clone());
        async move {
            let text = encode(&source.read().await) + &observability.render_metrics();
            ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
        }
    };
    let router = Router::new().route("/metrics", get(render)).merge(health_router());
    serve_http(address, router, context.stop.clone()).await
}

fn encode(families: &[MetricFamily]) -> String {
    let mut text = Vec::new();
    let families: Vec<MetricFamily> = families
        .iter()
        .filter(|family| !family.get_metric().is_empty())
        .cloned()
        .collect();
    if let Err(error) = TextEncoder::new().encode(&families, &mut text) {
        log::error!(error = chain(&error), "metrics could not be written");
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// A family under construction.
pub(crate) struct Family {
    inner: MetricFamily,
    kind: MetricType,
}

impl Family {
    pub(crate) fn gauge(name: &str, help: &str) -> Self {
        Self::new(name, help, MetricType::GAUGE)
    }

    pub(crate) fn counter(name: &str, help: &str) -> Self {
        Self::new(name, help, MetricType::COUNTER)
    }

    fn new(name: &str, help: &str, kind: MetricType) -> Self {
        let mut inner = MetricFamily::default();
        inner.set_name(name.to_owned());
        inner.set_help(help.to_owned());
        inner.set_field_type(kind);
        Self { inner, kind }
    }

    /// One more sample.
    pub(crate) fn sample(mut self, labels: &[(&str, &str)], value: f64) -> Self {
        self.push(labels, value);
        self
    }

    pub(crate) fn push(&mut self, labels: &[(&str, &str)], value: f64) {
        let mut metric = Metric::default();
        let pairs = labels.iter().map(|(name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value((*value).to_owned());
            pair
        });
        metric.set_label(pairs.collect());
        if self.kind == MetricType::COUNTER {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        self.inner.mut_metric().push(metric);
    }

    pub(crate) fn build(self) -> MetricFamily {
        self.inner
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_become_text_and_empty_ones_do_not() {
        let up = Family::gauge("redis_up", "Whether it answers.").sample(&[("role", "a\"b")], 1.0);
        let empty = Family::counter("redis_nothing_total", "None.");
        assert_eq!(
            encode(&[up.build(), empty.build()]),
            "# HELP redis_up Whether it answers.\n# TYPE redis_up gauge\nredis_up{role=\"a\\\"b\"} 1\n"
        );
    }
}
