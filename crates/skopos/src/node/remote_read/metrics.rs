//! How reading of remotes fares, under Prometheus' names.

use std::sync::LazyLock;
use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts};

const LABELS: [&str; 2] = ["remote_name", "url"];
const VALID: &str = "the options are valid";

struct Metrics {
    queries: IntCounterVec,
    in_flight: IntGaugeVec,
    duration: HistogramVec,
}

static METRICS: LazyLock<Metrics> = LazyLock::new(|| Metrics {
    queries: register(
        IntCounterVec::new(
            Opts::new(
                "prometheus_remote_storage_read_queries_total",
                "Number of remote reads, by kind of answer and status.",
            ),
            &[LABELS[0], LABELS[1], "response_type", "code"],
        )
        .expect(VALID),
    ),
    in_flight: register(
        IntGaugeVec::new(
            Opts::new(
                "prometheus_remote_storage_remote_read_queries",
                "Number of remote reads under way.",
            ),
            &LABELS,
        )
        .expect(VALID),
    ),
    duration: register(
        HistogramVec::new(
            HistogramOpts::new(
                "prometheus_remote_storage_read_request_duration_seconds",
                "Time until remote reads were answered.",
            )
            .buckets(vec![
                0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0,
            ]),
            &[LABELS[0], LABELS[1], "response_type"],
        )
        .expect(VALID),
    ),
});

fn register<C: prometheus::core::Collector + Clone + 'static>(metric: C) -> C {
    prometheus::register(Box::new(metric.clone())).expect("the name is ours alone");
    metric
}

/// The metrics of one remote.
#[derive(Debug)]
pub(super) struct RemoteMetrics {
    name: String,
    url: String,
}

/// A read under way; it ends with the value.
pub(super) struct InFlight<'a>(&'a RemoteMetrics);

impl RemoteMetrics {
    pub(super) fn new(name: &str, url: &str) -> Self {
        METRICS.in_flight.with_label_values(&[name, url]);
        Self {
            name: name.to_owned(),
            url: url.to_owned(),
        }
    }

    pub(super) fn begin(&self) -> InFlight<'_> {
        METRICS.in_flight.with_label_values(&[&self.name, &self.url]).inc();
        InFlight(self)
    }

    /// An answer began. `kind` is Prometheus' word: `sampled`, `chunked` or `unsupported`.
    pub(super) fn answered(&self, kind: &str, code: u16, took: Duration) {
        METRICS
            .queries
            .with_label_values(&[&self.name, &self.url, kind, &code.to_string()])
            .inc();
        METRICS
            .duration
            .with_label_values(&[&self.name, &self.url, kind])
            .observe(took.as_secs_f64());
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let labels = [self.0.name.as_str(), self.0.url.as_str()];
        METRICS.in_flight.with_label_values(&labels).dec();
    }
}

impl Drop for RemoteMetrics {
    fn drop(&mut self) {
        // It is there since the remote was.
        drop(METRICS.in_flight.remove_label_values(&[&self.name, &self.url]));
    }
}
