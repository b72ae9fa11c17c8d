//! The queue of log records.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::logs::Severity;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{
    BatchConfigBuilder, BatchLogProcessor, LogBatch, LogExporter, LogProcessor, SdkLogRecord,
};
use prometheus::Registry;

use super::{ExportMetrics, Flow, Kind};
use crate::settings::BatchSettings;

/// The processor to hand to the logger provider.
#[derive(Debug)]
pub(crate) struct CountedLogs {
    inner: BatchLogProcessor,
    flow: Arc<Flow>,
}

impl CountedLogs {
    pub(crate) fn new<E: LogExporter + 'static>(
        exporter: E,
        batch: BatchSettings,
        registry: &Registry,
    ) -> prometheus::Result<Self> {
        let flow = Flow::new(batch.max_queue_size, ExportMetrics::of(Kind::Logs, registry)?);
        // The inner queue has room for the batch in export as well, so only this processor drops.
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(batch.max_queue_size.saturating_mul(2))
            .with_max_export_batch_size(batch.max_export_batch_size)
            .with_scheduled_delay(batch.schedule_delay)
            .build();
        let exporter = CountedExporter {
            inner: exporter,
            flow: Arc::clone(&flow),
        };
        let inner = BatchLogProcessor::builder(exporter).with_batch_config(config).build();
        Ok(Self { inner, flow })
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

impl<E: LogExporter> LogExporter for CountedExporter<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let count = batch.iter().count();
        let result = self.inner.export(batch).await;
        self.flow.leave(count, &result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
