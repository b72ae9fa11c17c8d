//! Where own spans go: into the own store, or where the `tracing` section says.
//!
//! ```text
//!   span ─▶ sampler ─▶ outlet ─┬─ no section ─▶ queue ─▶ own store
//!                              └─ a section ──▶ queue ─▶ OTLP
//! ```

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use arc_swap::ArcSwapOption;
use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, Sampler, SamplingResult, ShouldSample, Span, SpanData, SpanProcessor,
};
use skopos_config::{PrometheusConfig, TlsConfig, TracingConfig};
use skopos_sdk::export::{CountedSpans, ExportMetrics};
use skopos_sdk::settings::BatchSettings;

use super::endpoint;
use super::spans::{StoreExporter, resource};

/// Time that spans may take to get out once they are to go elsewhere, as in Prometheus.
const FLUSH_DEADLINE: Duration = Duration::from_secs(5);

/// Switches spans between the own store and an endpoint.
#[derive(Debug)]
pub(super) struct Switch {
    outside: ArcSwapOption<Outside>,
    /// Without a section: every span, where the caller does not say otherwise.
    all: Sampler,
    /// Registered with the first section.
    metrics: OnceLock<ExportMetrics>,
}

/// An endpoint that spans are sent to.
#[derive(Debug)]
pub(super) struct Outside {
    config: TracingConfig,
    sampler: Sampler,
    queue: CountedSpans,
}

impl Default for Switch {
    fn default() -> Self {
        Self {
            outside: ArcSwapOption::empty(),
            all: Sampler::ParentBased(Box::new(Sampler::AlwaysOn)),
            metrics: OnceLock::new(),
        }
    }
}

impl Switch {
    /// The endpoint of a configuration, ready to be switched to, or the one in force where it stays as it is. With TLS it
    /// is made anew, so that changed certificates are read, as in Prometheus. Called within the runtime that is to send.
    pub(super) fn prepare(&self, config: &PrometheusConfig) -> anyhow::Result<Option<Arc<Outside>>> {
        let Some(section) = &config.tracing else {
            return Ok(None);
        };
        if let Some(present) = self.outside.load_full()
            && present.config == *section
            && section.tls_config == TlsConfig::default()
        {
            return Ok(Some(present));
        }
        let exporter = endpoint::exporter(section, &config.folder())
            .with_context(|| format!("failed to install a tracing provider for {:?}", section.endpoint))?;
        let mut queue = CountedSpans::new(exporter, BatchSettings::default(), self.metrics()?);
        queue.set_resource(&resource());
        Ok(Some(Arc::new(Outside {
            config: section.clone(),
            sampler: Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(section.sampling_fraction))),
            queue,
        })))
    }

    /// Switches over. What still waits for the endpoint before is sent to it meanwhile.
    pub(super) fn replace(&self, outside: Option<Arc<Outside>>) {
        let before = self.outside.load_full();
        if before.as_ref().map(Arc::as_ptr) == outside.as_ref().map(Arc::as_ptr) {
            return;
        }
        let endpoint = outside.as_ref().map_or("", |outside| outside.config.endpoint.as_str());
        tracing::info!(
            endpoint,
            "own spans go to this endpoint from now on, or without one into the own store"
        );
        self.outside.store(outside);
        if let Some(before) = before {
            flush(before);
        }
    }

    fn metrics(&self) -> anyhow::Result<ExportMetrics> {
        if let Some(metrics) = self.metrics.get() {
            return Ok(metrics.clone());
        }
        let registered =
            ExportMetrics::register(prometheus::default_registry()).context("failed to count own spans")?;
        Ok(self.metrics.get_or_init(|| registered).clone())
    }
}

/// Sends what still waits for an endpoint, on a thread of its own: the endpoint may be away.
fn flush(before: Arc<Outside>) {
    let flush = move || {
        if let Err(error) = before.queue.shutdown_with_timeout(FLUSH_DEADLINE) {
            tracing::warn!(%error, endpoint = before.config.endpoint, "not all own spans reached the endpoint before");
        }
    };
    let started = std::thread::Builder::new().name("span-flush".to_owned()).spawn(flush);
    if let Err(error) = started {
        tracing::warn!(%error, "own spans that waited for the endpoint before are not sent");
    }
}

/// Samples as the section in force says.
#[derive(Debug, Clone)]
pub(super) struct ConfiguredSampler(pub(super) Arc<Switch>);

impl ShouldSample for ConfiguredSampler {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let outside = self.0.outside.load();
        let sampler = outside.as_ref().map_or(&self.0.all, |outside| &outside.sampler);
        sampler.should_sample(parent, trace_id, name, kind, attributes, links)
    }
}

/// Hands ended spans on.
#[derive(Debug)]
pub(super) struct Outlet {
    switch: Arc<Switch>,
    store: BatchSpanProcessor,
}

impl Outlet {
    pub(super) fn new(switch: Arc<Switch>, store: StoreExporter) -> Self {
        Self {
            switch,
            store: BatchSpanProcessor::builder(store).build(),
        }
    }
}

impl SpanProcessor for Outlet {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        match &*self.switch.outside.load() {
            Some(outside) => outside.queue.on_end(span),
            None => self.store.on_end(span),
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        let outside = self.switch.outside.load();
        let flushed = outside.as_ref().map_or(Ok(()), |outside| outside.queue.force_flush());
        flushed.and(self.store.force_flush())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let outside = self.switch.outside.load();
        let ended = outside
            .as_ref()
            .map_or(Ok(()), |outside| outside.queue.shutdown_with_timeout(timeout));
        ended.and(self.store.shutdown_with_timeout(timeout))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.store.set_resource(resource);
    }
}
