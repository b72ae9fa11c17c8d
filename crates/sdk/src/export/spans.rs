//! The queue of spans.

use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor};

use super::{Counted, ExportMetrics, Flow, pass_on};
use crate::settings::BatchSettings;

/// The processor to hand to the tracer provider.
pub type CountedSpans = Counted<BatchSpanProcessor>;

impl CountedSpans {
    /// A queue in front of an exporter, with a thread of its own that hands batches over.
    pub fn new<E: SpanExporter + 'static>(exporter: E, batch: BatchSettings, metrics: ExportMetrics) -> Self {
        // The inner queue has room for the batch in export as well, so only this processor drops.
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(batch.max_queue_size.saturating_mul(2))
            .with_max_export_batch_size(batch.max_export_batch_size)
            .with_scheduled_delay(batch.schedule_delay)
            .build();
        Self::pair(Flow::new(batch.max_queue_size, metrics), exporter, |exporter| {
            BatchSpanProcessor::builder(exporter).with_batch_config(config).build()
        })
    }
}

impl SpanProcessor for CountedSpans {
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

    pass_on!(inner, force_flush);
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        let result = self.inner.export(batch).await;
        self.flow.leave(count, &result);
        result
    }

    pass_on!(inner, force_flush);
}
