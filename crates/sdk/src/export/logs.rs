//! The queue of log records.

use opentelemetry::InstrumentationScope;
use opentelemetry::logs::Severity;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{
    BatchConfigBuilder, BatchLogProcessor, LogBatch, LogExporter, LogProcessor, SdkLogRecord,
};
use prometheus::Registry;

use super::{Counted, ExportMetrics, Flow, Kind, pass_on};
use crate::settings::BatchSettings;

/// The processor to hand to the logger provider.
pub(crate) type CountedLogs = Counted<BatchLogProcessor>;

impl CountedLogs {
    pub(crate) fn new<E: LogExporter + 'static>(
        exporter: E,
        batch: BatchSettings,
        registry: &Registry,
    ) -> prometheus::Result<Self> {
        // As for spans, only this processor drops.
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(batch.max_queue_size.saturating_mul(2))
            .with_max_export_batch_size(batch.max_export_batch_size)
            .with_scheduled_delay(batch.schedule_delay)
            .build();
        let flow = Flow::new(batch.max_queue_size, ExportMetrics::of(Kind::Logs, registry)?);
        Ok(Self::pair(flow, exporter, |exporter| {
            BatchLogProcessor::builder(exporter).with_batch_config(config).build()
        }))
    }
}

impl LogProcessor for CountedLogs {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        if self.flow.enter() {
            self.inner.emit(record, scope);
        }
    }

    fn event_enabled(&self, level: Severity, target: &str, name: Option<&str>) -> bool {
        self.inner.event_enabled(level, target, name)
    }

    pass_on!(inner, force_flush);
}

impl<E: LogExporter> LogExporter for Counted<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let count = batch.iter().count();
        let result = self.inner.export(batch).await;
        self.flow.leave(count, &result);
        result
    }

    pass_on!(inner);
}
