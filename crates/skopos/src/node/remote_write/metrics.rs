//! How sending to remotes fares, under Prometheus' names.

use std::sync::LazyLock;

use prometheus::{Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts};
use skopos_remote_write::{ItemKind, SkipReason};

const LABELS: [&str; 2] = ["remote_name", "url"];
const WITH_REASON: [&str; 3] = ["remote_name", "url", "reason"];

/// The metrics of all remotes. Those that Prometheus has for each kind of item are lists in the order of
/// [`KINDS`].
struct Metrics {
    total: [IntCounterVec; 3],
    failed: [IntCounterVec; 3],
    retried: [IntCounterVec; 3],
    dropped: [IntCounterVec; 3],
    refused: IntCounterVec,
    bytes: IntCounterVec,
    metadata: IntCounterVec,
    metadata_failed: IntCounterVec,
    metadata_retried: IntCounterVec,
    lost_records: IntCounterVec,
    pending: IntGaugeVec,
    capacity: IntGaugeVec,
    shards: IntGaugeVec,
    shards_min: IntGaugeVec,
    shards_max: IntGaugeVec,
    shards_desired: IntGaugeVec,
    batch: IntGaugeVec,
    highest_sent: GaugeVec,
    backlog: IntGaugeVec,
    duration: HistogramVec,
    highest: Gauge,
}

const KINDS: [(ItemKind, &str); 3] = [
    (ItemKind::Float, "samples"),
    (ItemKind::Histogram, "histograms"),
    (ItemKind::Exemplar, "exemplars"),
];

static METRICS: LazyLock<Metrics> = LazyLock::new(|| {
    let counter = |name: &str, help: &str, labels: &[&str]| {
        register(IntCounterVec::new(Opts::new(format!("prometheus_remote_storage_{name}"), help), labels).expect(VALID))
    };
    let of_kinds = |name: &str, help: &str, labels: &[&str]| {
        KINDS.map(|(_, kind)| counter(&format!("{kind}_{name}"), &help.replace("{}", kind), labels))
    };
    let gauge = |name: &str, help: &str| {
        register(IntGaugeVec::new(Opts::new(format!("prometheus_remote_storage_{name}"), help), &LABELS).expect(VALID))
    };
    Metrics {
        total: of_kinds(
            "total",
            "Number of {} that were sent to a remote, taken or not.",
            &LABELS,
        ),
        failed: of_kinds("failed_total", "Number of {} that a remote refused for good.", &LABELS),
        retried: of_kinds(
            "retried_total",
            "Number of {} that were sent again because a request failed.",
            &LABELS,
        ),
        dropped: of_kinds(
            "dropped_total",
            "Number of {} that were not sent, by reason.",
            &WITH_REASON,
        ),
        refused: register(
            IntCounterVec::new(
                Opts::new(
                    "skopos_remote_write_refused_total",
                    "Items that a remote refused for good, by reason.",
                ),
                &WITH_REASON,
            )
            .expect(VALID),
        ),
        bytes: counter(
            "bytes_total",
            "Bytes of requests with samples that a remote took.",
            &LABELS,
        ),
        metadata: counter(
            "metadata_total",
            "Number of metadata entries that were sent to a remote.",
            &LABELS,
        ),
        metadata_failed: counter(
            "metadata_failed_total",
            "Number of metadata entries that a remote did not take.",
            &LABELS,
        ),
        metadata_retried: counter(
            "metadata_retried_total",
            "Number of metadata entries that were sent again.",
            &LABELS,
        ),
        lost_records: register(
            IntCounterVec::new(
                Opts::new(
                    "skopos_remote_write_lost_log_records_total",
                    "Records of the write-ahead log that were damaged or gone when a queue came to them.",
                ),
                &LABELS,
            )
            .expect(VALID),
        ),
        pending: gauge("samples_pending", "Number of samples that wait in shards."),
        capacity: gauge("shard_capacity", "Number of samples that may wait in a shard."),
        shards: gauge("shards", "Number of shards."),
        shards_min: gauge("shards_min", "Least shards."),
        shards_max: gauge("shards_max", "Most shards."),
        shards_desired: gauge("shards_desired", "Number of shards that the load asks for."),
        batch: gauge("max_samples_per_send", "Most samples of a request."),
        highest_sent: register(
            GaugeVec::new(
                Opts::new(
                    "prometheus_remote_storage_queue_highest_sent_timestamp_seconds",
                    "Time of the newest sample that was sent.",
                ),
                &LABELS,
            )
            .expect(VALID),
        ),
        backlog: register(
            IntGaugeVec::new(
                Opts::new(
                    "skopos_remote_write_backlog_bytes",
                    "Bytes of the write-ahead log that are kept for a remote.",
                ),
                &LABELS,
            )
            .expect(VALID),
        ),
        duration: register(
            HistogramVec::new(
                HistogramOpts::new(
                    "prometheus_remote_storage_sent_batch_duration_seconds",
                    "Time that requests took.",
                )
                .buckets(vec![
                    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0, 120.0, 300.0,
                ]),
                &LABELS,
            )
            .expect(VALID),
        ),
        highest: register(
            Gauge::new(
                "prometheus_remote_storage_highest_timestamp_in_seconds",
                "Time of the newest sample that came into the log while there was a remote.",
            )
            .expect(VALID),
        ),
    }
});

const VALID: &str = "the options are valid";

fn register<C: prometheus::core::Collector + Clone + 'static>(metric: C) -> C {
    prometheus::register(Box::new(metric.clone())).expect("the name is ours alone");
    metric
}

fn place_of(kind: ItemKind) -> usize {
    KINDS.iter().position(|(candidate, _)| *candidate == kind).unwrap_or(0)
}

/// The metrics of one remote. Its series begin at 0 and end with it.
#[derive(Debug)]
pub(super) struct RemoteMetrics {
    name: String,
    url: String,
}

impl RemoteMetrics {
    pub(super) fn new(name: &str, url: &str) -> Self {
        let remote = Self {
            name: name.to_owned(),
            url: url.to_owned(),
        };
        let labels = remote.labels();
        for vec in Self::counters() {
            vec.with_label_values(&labels);
        }
        for vec in &METRICS.dropped {
            for reason in shown_reasons() {
                vec.with_label_values(&remote.with(reason.as_str()));
            }
        }
        METRICS.duration.with_label_values(&labels);
        METRICS.highest_sent.with_label_values(&labels);
        remote
    }

    fn labels(&self) -> [&str; 2] {
        [&self.name, &self.url]
    }

    fn with<'a>(&'a self, reason: &'a str) -> [&'a str; 3] {
        [&self.name, &self.url, reason]
    }

    fn counters() -> impl Iterator<Item = &'static IntCounterVec> {
        let metrics = &*METRICS;
        let of_kinds = metrics.total.iter().chain(&metrics.failed).chain(&metrics.retried);
        of_kinds.chain([
            &metrics.bytes,
            &metrics.metadata,
            &metrics.metadata_failed,
            &metrics.metadata_retried,
            &metrics.lost_records,
        ])
    }

    fn gauges() -> [&'static IntGaugeVec; 8] {
        let metrics = &*METRICS;
        [
            &metrics.pending,
            &metrics.capacity,
            &metrics.shards,
            &metrics.shards_min,
            &metrics.shards_max,
            &metrics.shards_desired,
            &metrics.batch,
            &metrics.backlog,
        ]
    }

    pub(super) fn limits(&self, capacity: u64, batch: u64, shards: (u64, u64)) {
        let labels = self.labels();
        METRICS.capacity.with_label_values(&labels).set(capacity as i64);
        METRICS.batch.with_label_values(&labels).set(batch as i64);
        METRICS.shards_min.with_label_values(&labels).set(shards.0 as i64);
        METRICS.shards_max.with_label_values(&labels).set(shards.1 as i64);
    }

    pub(super) fn shards(&self, shards: usize, desired: usize) {
        let labels = self.labels();
        METRICS.shards.with_label_values(&labels).set(shards as i64);
        METRICS.shards_desired.with_label_values(&labels).set(desired as i64);
    }

    pub(super) fn waiting(&self, pending: usize, backlog_bytes: u64) {
        let labels = self.labels();
        METRICS.pending.with_label_values(&labels).set(pending as i64);
        METRICS.backlog.with_label_values(&labels).set(backlog_bytes as i64);
    }

    pub(super) fn sent(&self, kind: ItemKind, count: u64) {
        METRICS.total[place_of(kind)]
            .with_label_values(&self.labels())
            .inc_by(count);
    }

    pub(super) fn failed(&self, kind: ItemKind, count: u64) {
        METRICS.failed[place_of(kind)]
            .with_label_values(&self.labels())
            .inc_by(count);
    }

    pub(super) fn refused(&self, reason: &str, count: u64) {
        METRICS.refused.with_label_values(&self.with(reason)).inc_by(count);
    }

    pub(super) fn retried(&self, kind: ItemKind, count: u64) {
        METRICS.retried[place_of(kind)]
            .with_label_values(&self.labels())
            .inc_by(count);
    }

    /// Counts what is not sent; what nobody wants is no loss.
    pub(super) fn dropped(&self, kind: ItemKind, reason: SkipReason, count: u64) {
        if reason != SkipReason::NotWanted {
            let labels = self.with(reason.as_str());
            METRICS.dropped[place_of(kind)].with_label_values(&labels).inc_by(count);
        }
    }

    pub(super) fn request(&self, seconds: f64) {
        METRICS.duration.with_label_values(&self.labels()).observe(seconds);
    }

    pub(super) fn taken(&self, bytes: u64) {
        METRICS.bytes.with_label_values(&self.labels()).inc_by(bytes);
    }

    pub(super) fn newest_sent(&self, newest_ms: i64) {
        let seconds = newest_ms as f64 / 1000.0;
        METRICS.highest_sent.with_label_values(&self.labels()).set(seconds);
    }

    pub(super) fn metadata(&self, count: u64) {
        METRICS.metadata.with_label_values(&self.labels()).inc_by(count);
    }

    pub(super) fn metadata_failed(&self, count: u64) {
        METRICS.metadata_failed.with_label_values(&self.labels()).inc_by(count);
    }

    pub(super) fn metadata_retried(&self, count: u64) {
        METRICS.metadata_retried.with_label_values(&self.labels()).inc_by(count);
    }

    pub(super) fn lost_records(&self, count: u64) {
        METRICS.lost_records.with_label_values(&self.labels()).inc_by(count);
    }
}

/// A sample of this time came into the log.
pub(super) fn highest(newest_ms: i64) {
    METRICS.highest.set(newest_ms as f64 / 1000.0);
}

fn shown_reasons() -> impl Iterator<Item = SkipReason> {
    SkipReason::ALL
        .into_iter()
        .filter(|reason| *reason != SkipReason::NotWanted)
}

impl Drop for RemoteMetrics {
    fn drop(&mut self) {
        let labels = self.labels();
        // A series that never began cannot be removed.
        for vec in Self::counters() {
            drop(vec.remove_label_values(&labels));
        }
        for vec in Self::gauges() {
            drop(vec.remove_label_values(&labels));
        }
        for vec in &METRICS.dropped {
            for reason in shown_reasons() {
                drop(vec.remove_label_values(&self.with(reason.as_str())));
            }
        }
        drop(METRICS.duration.remove_label_values(&labels));
        drop(METRICS.highest_sent.remove_label_values(&labels));
    }
}
