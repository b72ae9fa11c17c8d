//! Spans and log records to the back end behind a bounded queue that counts what it sends, drops and fails to send.
//!
//! The batch processors of OpenTelemetry bound their queues too, but only log how much they dropped; here the count is a
//! metric.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor};
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use crate::settings::BatchSettings;

mod logs;

pub(crate) use logs::CountedLogs;

/// Why a span is not delivered; a log record knows the first two.
const REASONS: [&str; 3] = ["queue_full", "export_failed", "error_buffer_full"];

/// What is exported, as the metrics and the log call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Spans,
    Logs,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Spans => "spans",
            Self::Logs => "logs",
        }
    }

    fn reasons(self) -> &'static [&'static str] {
        match self {
            Self::Spans => &REASONS,
            Self::Logs => &REASONS[..2],
        }
    }
}

/// Counters of the export path, registered with the service's own metrics.
#[derive(Debug, Clone)]
pub(crate) struct ExportMetrics {
    kind: Kind,
    exported: IntCounter,
    dropped: IntCounterVec,
    queued: IntGauge,
}

impl ExportMetrics {
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
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
        registry.register(Box::new(metrics.queued.clone()))?;
        Ok(metrics)
    }

    /// Counts spans of failed requests that found no room until the request ended.
    pub(crate) fn left_out(&self) -> IntCounter {
        self.dropped.with_label_values(&["error_buffer_full"])
    }
}

/// What processor and exporter share: how many are between them.
#[derive(Debug)]
struct Flow {
    in_flight: AtomicUsize,
    failing: AtomicBool,
    max_queue_size: usize,
    metrics: ExportMetrics,
}

impl Flow {
    fn new(max_queue_size: usize, metrics: ExportMetrics) -> Arc<Self> {
        Arc::new(Self {
            in_flight: AtomicUsize::new(0),
            failing: AtomicBool::new(false),
            max_queue_size,
            metrics,
        })
    }

    /// Takes one in; false where the queue is full, which is counted.
    fn enter(&self) -> bool {
        let queued = self.in_flight.fetch_add(1, Ordering::Relaxed);
        if queued >= self.max_queue_size {
            self.in_flight.fetch_sub(1, Ordering::Relaxed);
            self.metrics.dropped.with_label_values(&["queue_full"]).inc();
            return false;
        }
        self.metrics.queued.set(queued as i64 + 1);
        true
    }

    /// Lets a batch out, delivered or not. An outage is told once; the counter tells the extent.
    fn leave(&self, count: usize, result: &OTelSdkResult) {
        let before = self.in_flight.fetch_sub(count, Ordering::Relaxed);
        self.metrics.queued.set(before.saturating_sub(count) as i64);
        let what = self.metrics.kind.word();
        match result {
            Ok(()) => {
                self.metrics.exported.inc_by(count as u64);
                if self.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!(what, "export works again");
                }
            }
            Err(error) => {
                let dropped = self.metrics.dropped.with_label_values(&["export_failed"]);
                dropped.inc_by(count as u64);
                if !self.failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(error = %error, what, count, "export fails, what does not get out is dropped and counted");
                }
            }
        }
    }
}

/// The processor to hand to the tracer provider.
#[derive(Debug)]
pub(crate) struct CountedProcessor {
    inner: BatchSpanProcessor,
    flow: Arc<Flow>,
}

impl CountedProcessor {
    pub(crate) fn new<E: SpanExporter + 'static>(exporter: E, batch: BatchSettings, metrics: ExportMetrics) -> Self {
        let max_queue_size = batch.max_queue_size;
        let flow = Flow::new(max_queue_size, metrics);
        // The inner queue has room for the batch in export as well, so only this processor drops.
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(max_queue_size.saturating_mul(2))
            .with_max_export_batch_size(batch.max_export_batch_size)
            .with_scheduled_delay(batch.schedule_delay)
            .build();
        let exporter = CountedExporter {
            inner: exporter,
            flow: Arc::clone(&flow),
        };
        let inner = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
        Self { inner, flow }
    }
}

impl SpanProcessor for CountedProcessor {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        if self.flow.enter() {
            self.inner.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

#[derive(Debug)]
struct CountedExporter<E> {
    inner: E,
    flow: Arc<Flow>,
}

impl<E: SpanExporter> SpanExporter for CountedExporter<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        let result = self.inner.export(batch).await;
        self.flow.leave(count, &result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
