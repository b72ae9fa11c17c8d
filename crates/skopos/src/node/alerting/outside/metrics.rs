//! How sending to other Alertmanagers fares, under Prometheus' names.

use std::sync::LazyLock;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts};

/// Why alerts were not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DropReason {
    /// More alerts waited than may; the oldest gave way.
    QueueFull,
    /// The Alertmanager did not take them; while they fire they are sent anew.
    SendFailed,
    /// The process ended while they waited.
    Shutdown,
}

impl DropReason {
    const ALL: [Self; 3] = [Self::QueueFull, Self::SendFailed, Self::Shutdown];

    const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::SendFailed => "send_failed",
            Self::Shutdown => "shutdown",
        }
    }
}

const SENT: &str = "prometheus_notifications_sent_total";
const SENT_HELP: &str = "Alerts that were given to other Alertmanagers, taken or not.";
const ERRORS: &str = "prometheus_notifications_errors_total";
const ERRORS_HELP: &str = "Alerts that other Alertmanagers did not take.";
const DROPPED: &str = "prometheus_notifications_dropped_total";
const DROPPED_HELP: &str = "Alerts that were not sent, by reason.";
const LENGTH: &str = "prometheus_notifications_queue_length";
const LENGTH_HELP: &str = "Alerts that wait to be sent.";
const LATENCY: &str = "prometheus_notifications_latency_seconds";
const LATENCY_HELP: &str = "Time that requests with alerts took.";
const CAPACITY: &str = "prometheus_notifications_queue_capacity";
const CAPACITY_HELP: &str = "Alerts that may wait for each Alertmanager.";
const DISCOVERED: &str = "prometheus_notifications_alertmanagers_discovered";
const DISCOVERED_HELP: &str = "Other Alertmanagers that alerts are sent to.";
const RELABELLED: &str = "skopos_notifications_dropped_by_rule_total";
const RELABELLED_HELP: &str = "Alerts that alert_relabel_configs kept from other Alertmanagers.";

/// Label of the Alertmanager's address.
const WHERE: &str = "alertmanager";

/// The metrics of all.
struct Metrics {
    sent: IntCounterVec,
    errors: IntCounterVec,
    dropped: IntCounterVec,
    length: IntGaugeVec,
    latency: HistogramVec,
    relabelled: IntCounterVec,
    discovered: IntGauge,
}

static METRICS: LazyLock<Metrics> = LazyLock::new(|| {
    let counter = |name: &str, help: &str, labels: &[&str]| {
        register(IntCounterVec::new(Opts::new(name, help), labels).expect("the options are valid"))
    };
    let capacity = register(IntGauge::new(CAPACITY, CAPACITY_HELP).expect("the options are valid"));
    capacity.set(super::peer::CAPACITY as i64);
    Metrics {
        sent: counter(SENT, SENT_HELP, &[WHERE]),
        errors: counter(ERRORS, ERRORS_HELP, &[WHERE]),
        dropped: counter(DROPPED, DROPPED_HELP, &[WHERE, "reason"]),
        length: register(IntGaugeVec::new(Opts::new(LENGTH, LENGTH_HELP), &[WHERE]).expect("the options are valid")),
        latency: register(
            HistogramVec::new(HistogramOpts::new(LATENCY, LATENCY_HELP), &[WHERE]).expect("the options are valid"),
        ),
        relabelled: counter(RELABELLED, RELABELLED_HELP, &[WHERE]),
        discovered: register(IntGauge::new(DISCOVERED, DISCOVERED_HELP).expect("the options are valid")),
    }
});

fn register<C: prometheus::core::Collector + Clone + 'static>(metric: C) -> C {
    prometheus::register(Box::new(metric.clone())).expect("the name is ours alone");
    metric
}

/// The metrics of one Alertmanager. Its series begin at 0 and end with it.
#[derive(Debug)]
pub(super) struct PeerMetrics(String);

impl PeerMetrics {
    pub(super) fn new(url: &str) -> Self {
        let labels = &[url];
        METRICS.sent.with_label_values(labels);
        METRICS.errors.with_label_values(labels);
        METRICS.length.with_label_values(labels);
        METRICS.latency.with_label_values(labels);
        METRICS.relabelled.with_label_values(labels);
        for reason in DropReason::ALL {
            METRICS.dropped.with_label_values(&[url, reason.as_str()]);
        }
        METRICS.discovered.inc();
        Self(url.to_owned())
    }

    /// A request with alerts ended.
    pub(super) fn posted(&self, alerts: usize, seconds: f64, has_failed: bool) {
        let labels = &[self.0.as_str()];
        METRICS.sent.with_label_values(labels).inc_by(alerts as u64);
        METRICS.latency.with_label_values(labels).observe(seconds);
        if has_failed {
            METRICS.errors.with_label_values(labels).inc_by(alerts as u64);
        }
    }

    pub(super) fn dropped(&self, alerts: usize, reason: DropReason) {
        let labels = &[self.0.as_str(), reason.as_str()];
        METRICS.dropped.with_label_values(labels).inc_by(alerts as u64);
    }

    pub(super) fn relabelled(&self) {
        METRICS.relabelled.with_label_values(&[self.0.as_str()]).inc();
    }

    pub(super) fn waiting(&self, alerts: usize) {
        METRICS.length.with_label_values(&[self.0.as_str()]).set(alerts as i64);
    }
}

impl Drop for PeerMetrics {
    fn drop(&mut self) {
        METRICS.discovered.dec();
        let labels = &[self.0.as_str()];
        // Another group may have ended the series of the same address already.
        drop(METRICS.sent.remove_label_values(labels));
        drop(METRICS.errors.remove_label_values(labels));
        drop(METRICS.length.remove_label_values(labels));
        drop(METRICS.latency.remove_label_values(labels));
        drop(METRICS.relabelled.remove_label_values(labels));
        for reason in DropReason::ALL {
            drop(METRICS.dropped.remove_label_values(&[self.0.as_str(), reason.as_str()]));
        }
    }
}
