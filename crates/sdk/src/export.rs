//! Spans and log records to the back end behind a bounded queue that counts what it sends, drops and fails to send; metrics
//! without a queue, for each export has all of them.
//!
//! The batch processors of OpenTelemetry bound their queues too, but only log how much they dropped; here the count is a
//! metric.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use opentelemetry_sdk::error::OTelSdkResult;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

mod logs;
mod metrics;
mod spans;

pub(crate) use logs::CountedLogs;
pub(crate) use metrics::CountedMetrics;
pub use spans::CountedSpans;

/// Why a span is not delivered; a log record knows the first two, a metric the second.
const REASONS: [&str; 3] = ["queue_full", "export_failed", "error_buffer_full"];

/// What is exported, as the metrics and the log call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Spans,
    Logs,
    Metrics,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Spans => "spans",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }

    fn reasons(self) -> &'static [&'static str] {
        match self {
            Self::Spans => &REASONS,
            Self::Logs => &REASONS[..2],
            Self::Metrics => &REASONS[1..2],
        }
    }
}

/// Counters of the export path, registered with the service's own metrics. Clones count together.
#[derive(Debug, Clone)]
pub struct ExportMetrics {
    kind: Kind,
    exported: IntCounter,
    dropped: IntCounterVec,
    queued: IntGauge,
}

impl ExportMetrics {
    /// Those of spans: `otel_spans_exported_total`, `otel_spans_dropped_total{reason}` and `otel_spans_queued`. An error
    /// where the registry has metrics of these names.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        Self::of(Kind::Spans, registry)
    }

    fn of(kind: Kind, registry: &Registry) -> prometheus::Result<Self> {
        let (word, reasons) = (kind.word(), kind.reasons());
        let dropped = format!(
            "What was not delivered of the {word}, by reason: {}.",
            reasons.join(", ")
        );
        let metrics = Self {
            kind,
            exported: IntCounter::new(
                format!("otel_{word}_exported_total"),
                format!("What the back end has accepted of the {word}."),
            )?,
            dropped: IntCounterVec::new(Opts::new(format!("otel_{word}_dropped_total"), dropped), &["reason"])?,
            queued: IntGauge::new(format!("otel_{word}_queued"), format!("{word} waiting for export."))?,
        };
        for reason in reasons {
            metrics.dropped.with_label_values(&[reason]).inc_by(0);
        }
        registry.register(Box::new(metrics.exported.clone()))?;
        registry.register(Box::new(metrics.dropped.clone()))?;
        if kind != Kind::Metrics {
            registry.register(Box::new(metrics.queued.clone()))?;
        }
        Ok(metrics)
    }

    /// Counts spans of failed requests that found no room until the request ended.
    pub(crate) fn left_out(&self) -> IntCounter {
        self.dropped.with_label_values(&["error_buffer_full"])
    }
}

/// Counts what became of what was exported. An outage is told once; the counter tells the extent.
#[derive(Debug)]
struct Outcome {
    is_failing: AtomicBool,
    metrics: ExportMetrics,
}

impl Outcome {
    fn new(metrics: ExportMetrics) -> Self {
        Self {
            is_failing: AtomicBool::new(false),
            metrics,
        }
    }

    fn tell(&self, count: usize, result: &OTelSdkResult) {
        let what = self.metrics.kind.word();
        match result {
            Ok(()) => {
                self.metrics.exported.inc_by(count as u64);
                if self.is_failing.swap(false, Ordering::Relaxed) {
                    tracing::info!(what, "export works again");
                }
            }
            Err(error) => {
                let dropped = self.metrics.dropped.with_label_values(&["export_failed"]);
                dropped.inc_by(count as u64);
                if !self.is_failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(error = %error, what, count, "export fails, what does not get out is dropped and counted");
                }
            }
        }
    }
}

/// What processor and exporter share: how many are between them.
#[derive(Debug)]
struct Flow {
    in_flight: AtomicUsize,
    max_queue_size: usize,
    outcome: Outcome,
}

impl Flow {
    fn new(max_queue_size: usize, metrics: ExportMetrics) -> Self {
        Self {
            in_flight: AtomicUsize::new(0),
            max_queue_size,
            outcome: Outcome::new(metrics),
        }
    }

    /// Takes one in; false where the queue is full, which is counted.
    fn enter(&self) -> bool {
        let metrics = &self.outcome.metrics;
        let queued = self.in_flight.fetch_add(1, Ordering::Relaxed);
        if queued >= self.max_queue_size {
            self.in_flight.fetch_sub(1, Ordering::Relaxed);
            metrics.dropped.with_label_values(&["queue_full"]).inc();
            return false;
        }
        metrics.queued.set(queued as i64 + 1);
        true
    }

    /// Lets a batch out, delivered or not.
    fn leave(&self, count: usize, result: &OTelSdkResult) {
        let before = self.in_flight.fetch_sub(count, Ordering::Relaxed);
        self.outcome.metrics.queued.set(before.saturating_sub(count) as i64);
        self.outcome.tell(count, result);
    }
}

/// A processor or exporter with the flow that counts what goes through it. Spans and log records have two of each.
#[derive(Debug)]
pub struct Counted<T> {
    inner: T,
    flow: Arc<Flow>,
}

impl<T> Counted<T> {
    /// Wraps the exporter, then the processor that is made of it.
    fn pair<E>(flow: Flow, exporter: E, processor: impl FnOnce(Counted<E>) -> T) -> Self {
        let flow = Arc::new(flow);
        let inner = processor(Counted {
            inner: exporter,
            flow: Arc::clone(&flow),
        });
        Self { inner, flow }
    }
}

/// What a wrapper passes on unchanged to the processor or exporter within, by the name of the field.
macro_rules! pass_on {
    ($inner:tt) => {
        fn shutdown_with_timeout(&self, timeout: std::time::Duration) -> opentelemetry_sdk::error::OTelSdkResult {
            self.$inner.shutdown_with_timeout(timeout)
        }

        fn set_resource(&mut self, resource: &opentelemetry_sdk::Resource) {
            self.$inner.set_resource(resource);
        }
    };
    ($inner:tt, force_flush) => {
        fn force_flush(&self) -> opentelemetry_sdk::error::OTelSdkResult {
            self.$inner.force_flush()
        }

        pass_on!($inner);
    };
}
pub(crate) use pass_on;
