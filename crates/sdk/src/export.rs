//! Spans to the back end behind a bounded queue that counts what it sends, drops and fails to send.
//!
//! `BatchSpanProcessor` bounds its queue too, but only logs how much it dropped; here the count is a metric.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor};
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use crate::settings::BatchSettings;

/// Why a span is not delivered.
const REASONS: [&str; 3] = ["queue_full", "export_failed", "error_buffer_full"];

/// Counters of the export path, registered with the service's own metrics.
#[derive(Debug, Clone)]
pub(crate) struct ExportMetrics {
    exported: IntCounter,
    dropped: IntCounterVec,
    queued: IntGauge,
}

impl ExportMetrics {
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let metrics = Self {
            exported: IntCounter::new("otel_spans_exported_total", "Spans the back end has accepted.")?,
            dropped: IntCounterVec::new(
                Opts::new(
                    "otel_spans_dropped_total",
                    "Spans not delivered, by reason: queue_full, export_failed, error_buffer_full.",
                ),
                &["reason"],
            )?,
            queued: IntGauge::new("otel_spans_queued", "Spans waiting for export.")?,
        };
        for reason in REASONS {
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

/// What processor and exporter share: how many spans are between them.
#[derive(Debug)]
struct Flow {
    in_flight: AtomicUsize,
    failing: AtomicBool,
    metrics: ExportMetrics,
}

/// The processor to hand to the tracer provider.
#[derive(Debug)]
pub(crate) struct CountedProcessor {
    inner: BatchSpanProcessor,
    flow: Arc<Flow>,
    max_queue_size: usize,
}

impl CountedProcessor {
    pub(crate) fn new<E: SpanExporter + 'static>(exporter: E, batch: BatchSettings, metrics: ExportMetrics) -> Self {
        let max_queue_size = batch.max_queue_size;
        let flow = Arc::new(Flow {
            in_flight: AtomicUsize::new(0),
            failing: AtomicBool::new(false),
            metrics,
        });
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
        Self {
            inner,
            flow,
            max_queue_size,
        }
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
        let queued = self.flow.in_flight.fetch_add(1, Ordering::Relaxed);
        if queued >= self.max_queue_size {
            self.flow.in_flight.fetch_sub(1, Ordering::Relaxed);
            self.flow.metrics.dropped.with_label_values(&["queue_full"]).inc();
            return;
        }
        self.flow.metrics.queued.set(queued as i64 + 1);
        self.inner.on_end(span);
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
        let before = self.flow.in_flight.fetch_sub(count, Ordering::Relaxed);
        self.flow.metrics.queued.set(before.saturating_sub(count) as i64);
        match &result {
            Ok(()) => {
                self.flow.metrics.exported.inc_by(count as u64);
                if self.flow.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("trace export works again");
                }
            }
            Err(error) => {
                self.flow
                    .metrics
                    .dropped
                    .with_label_values(&["export_failed"])
                    .inc_by(count as u64);
                // Told once per outage; the counter tells the extent.
                if !self.flow.failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(error = %error, spans = count, "trace export fails, spans are dropped and counted");
                }
            }
        }
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
