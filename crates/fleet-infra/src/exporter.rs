//! `/metrics` of an exporter: what a source reads at each scrape, and the process's own metrics beside it. Where another
//! exporter has the port, ours waits for its end.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Encoder, TextEncoder};
use skopos_fleet_frame::process::{Context, health_router, serve_http};
use skopos_fleet_frame::{FleetError, http_client};
use skopos_log_macros::{self as log, chain};
use tokio_util::sync::CancellationToken;

/// How long the exporter of others may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// Pause between looks whether it has ended.
const LOOK_PAUSE: Duration = Duration::from_secs(1);

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
    stand_in(address, router, context.stop.clone()).await
}

/// Serves the router as long as no other exporter does at that address.
pub(crate) async fn stand_in(address: SocketAddr, router: Router, stop: CancellationToken) -> Result<(), FleetError> {
    if is_exporter(address).await {
        log::info!(%address, "an exporter answers already and is used until it ends");
        while std::net::TcpListener::bind(address).is_err() {
            if stop.run_until_cancelled(tokio::time::sleep(LOOK_PAUSE)).await.is_none() {
                return Ok(());
            }
        }
    }
    serve_http(address, router, stop).await
}

/// Whether `/metrics` is served at that address.
pub async fn is_exporter(address: SocketAddr) -> bool {
    let Ok(client) = http_client(ANSWER_LIMIT).no_proxy().build() else {
        return false;
    };
    let answer = client.get(format!("http://{address}/metrics")).send().await;
    answer.is_ok_and(|answer| answer.status().is_success())
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

    #[tokio::test]
    async fn the_exporter_of_others_is_left_alone_until_it_ends() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        assert!(!is_exporter(address).await, "nobody answers");
        let of = |name: &'static str| Router::new().route("/metrics", get(move || std::future::ready(name)));
        let other = tokio::spawn(async move { axum::serve(listener, of("other")).await });
        let stop = CancellationToken::new();
        let ours = tokio::spawn(stand_in(address, of("ours"), stop.clone()));
        let ask = async || {
            let client = http_client(ANSWER_LIMIT).no_proxy().build().expect("a client");
            let answer = client.get(format!("http://{address}/metrics")).send().await?;
            answer.text().await
        };
        assert_eq!(ask().await.expect("an answer"), "other");
        other.abort();
        while ask().await.map_or(true, |name| name != "ours") {
            assert!(!ours.is_finished(), "it gave up");
        }
        stop.cancel();
        ours.await.expect("no panic").expect("it ends well");
    }

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
