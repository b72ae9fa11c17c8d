//! The account of metrics that are sent.

use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::{ResourceMetrics, ScopeMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use prometheus::Registry;

use super::{ExportMetrics, Kind, Outcome};

/// An exporter whose exports are counted, by the metrics in them. Totals that did not arrive are in the next export;
/// differences (`delta`) are lost.
#[derive(Debug)]
pub(crate) struct CountedMetrics<E> {
    inner: E,
    outcome: Outcome,
}

impl<E> CountedMetrics<E> {
    pub(crate) fn new(exporter: E, registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            inner: exporter,
            outcome: Outcome::new(ExportMetrics::of(Kind::Metrics, registry)?),
        })
    }
}

impl<E: PushMetricExporter> PushMetricExporter for CountedMetrics<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let of_scope = |scope: &ScopeMetrics| scope.metrics().count();
        let count = metrics.scope_metrics().map(of_scope).sum();
        let result = self.inner.export(metrics).await;
        self.outcome.tell(count, &result);
        result
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.inner.temporality()
    }
}
