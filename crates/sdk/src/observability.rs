//! The set-up itself: tracer, meter, registry and log joined under one handle, and their orderly end.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::TracerProvider;
use opentelemetry::{InstrumentationScope, global};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use prometheus::Registry;
use tokio::runtime::Runtime;
use tracing::Dispatch;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{EnvFilter, Targets};
use tracing_subscriber::prelude::*;

use crate::context::ContextProcessor;
use crate::export::{CountedProcessor, ExportMetrics};
use crate::http_server::{HttpLayer, HttpMetrics, HttpOptions};
use crate::logging::{JsonLayer, LineSink};
use crate::prometheus_names::MeterCollector;
use crate::settings::Settings;
use crate::{SetupError, W3cPropagator, logging, metrics, panic_hook};

/// How long the flush at shutdown may take; a dead endpoint costs no more than this.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);
/// How long one export may take before its spans count as failed.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// Libraries whose spans would describe the export itself.
const SILENT_TARGETS: [&str; 6] = ["h2", "hyper", "tonic", "tower", "opentelemetry", "rustls"];

/// Sets up traces, metrics and logs for this process from the environment, as the first line of `main`.
///
/// ```
/// let observability = skopos_sdk::setup_observability("billing", "1.2.0")?;
/// tracing::info!(tenant = "acme", "invoice sent");
/// assert!(observability.render_metrics().contains("process_resident_memory_bytes"));
/// observability.shutdown();
/// # Ok::<(), skopos_sdk::SetupError>(())
/// ```
pub fn setup_observability(service: &str, version: &str) -> Result<Observability, SetupError> {
    ObservabilityBuilder::new(Settings::from_env(service, version)?).install()
}

/// For what [`setup_observability`] does not ask.
pub struct ObservabilityBuilder {
    settings: Settings,
    sink: LineSink,
    registry: Option<Registry>,
}

impl fmt::Debug for ObservabilityBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObservabilityBuilder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl ObservabilityBuilder {
    /// Starts from settings, which may come from anywhere.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            sink: logging::stdout(),
            registry: None,
        }
    }

    /// Sends the log lines elsewhere than to standard output.
    pub fn log_sink(mut self, sink: LineSink) -> Self {
        self.sink = sink;
        self
    }

    /// Uses a registry that holds the service's metrics already.
    #[must_use]
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// Builds everything without touching the process: tests enter [`Observability::dispatch`] themselves.
    pub fn build(self) -> Result<Observability, SetupError> {
        let Self {
            settings,
            sink,
            registry,
        } = self;
        let registry = match registry {
            Some(registry) => registry,
            None => metrics::new_registry(&settings.service, &settings.version)?,
        };
        let exporter = Registry::new();
        let reader = opentelemetry_prometheus::exporter()
            .with_registry(exporter.clone())
            .build()
            .map_err(SetupError::Meter)?;
        registry.register(Box::new(MeterCollector::new(exporter)))?;
        let meters = SdkMeterProvider::builder()
            .with_reader(reader)
            .with_resource(settings.resource())
            .build();
        let (tracers, runtime) = tracer_provider(&settings, &registry)?;
        let tracer = tracers.tracer_with_scope(scope(&settings));
        let dispatch = dispatch(&settings, sink, tracer.clone())?;
        let http = HttpMetrics::default();
        Ok(Observability {
            inner: Arc::new(Inner {
                settings,
                registry,
                meters,
                tracers,
                tracer,
                dispatch,
                http,
                runtime,
            }),
        })
    }

    /// Builds and makes it the process's own: global subscriber, propagator, tracer and meter provider, panic hook.
    pub fn install(self) -> Result<Observability, SetupError> {
        let observability = self.build()?;
        let inner = &observability.inner;
        tracing::dispatcher::set_global_default(inner.dispatch.clone()).map_err(|_| SetupError::AlreadyInstalled)?;
        global::set_text_map_propagator(W3cPropagator);
        global::set_tracer_provider(inner.tracers.clone());
        global::set_meter_provider(inner.meters.clone());
        panic_hook::install();
        Ok(observability)
    }
}

/// The handle of the set-up; clones share it.
#[derive(Debug, Clone)]
pub struct Observability {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    registry: Registry,
    meters: SdkMeterProvider,
    tracers: SdkTracerProvider,
    tracer: SdkTracer,
    dispatch: Dispatch,
    http: HttpMetrics,
    runtime: Option<Runtime>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The last handle may fall inside another runtime, where waiting for this one is forbidden.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Observability {
    /// What the set-up was made from.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The registry behind `/metrics`; the service registers its metrics here.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    /// The subscriber with both layers.
    #[must_use]
    pub fn dispatch(&self) -> &Dispatch {
        &self.inner.dispatch
    }

    /// A tracer for spans that do not come from `tracing`.
    #[must_use]
    pub fn tracer(&self) -> SdkTracer {
        self.inner.tracer.clone()
    }

    /// A meter whose instruments appear on `/metrics`.
    #[must_use]
    pub fn meter(&self, name: &'static str) -> opentelemetry::metrics::Meter {
        self.inner.meters.meter(name)
    }

    /// The layer for the router, with the default options.
    pub fn http_layer(&self) -> Result<HttpLayer, SetupError> {
        self.http_layer_with(&HttpOptions::default())
    }

    /// The layer for the router. The first call fixes the buckets; later layers share its metrics.
    pub fn http_layer_with(&self, options: &HttpOptions) -> Result<HttpLayer, SetupError> {
        self.inner.http.layer(&self.inner.registry, options)
    }

    /// A router with `GET /metrics`, to merge after the layer so that scrapes are not traced.
    pub fn metrics_router<S: Clone + Send + Sync + 'static>(&self) -> axum::Router<S> {
        metrics::router(self.inner.registry.clone())
    }

    /// The exposition that `/metrics` serves.
    #[must_use]
    pub fn render_metrics(&self) -> String {
        metrics::render(&self.inner.registry)
    }

    /// Sends what is queued; waits at most as long as one export may take.
    pub fn flush(&self) {
        if let Err(error) = self.inner.tracers.force_flush() {
            tracing::debug!(error = %error, "flush of traces");
        }
    }

    /// Flushes and ends the export. Bounded in time; further spans are dropped.
    pub fn shutdown(&self) {
        if let Err(error) = self.inner.tracers.shutdown_with_timeout(SHUTDOWN_TIMEOUT) {
            tracing::debug!(error = %error, "shutdown of traces");
        }
        drop(self.inner.meters.shutdown());
    }
}

fn scope(settings: &Settings) -> InstrumentationScope {
    InstrumentationScope::builder("skopos-sdk")
        .with_version(settings.version.clone())
        .build()
}

/// The exporter lives on a runtime of its own, so neither the service's runtime nor its end can starve it.
fn tracer_provider(
    settings: &Settings,
    registry: &Registry,
) -> Result<(SdkTracerProvider, Option<Runtime>), SetupError> {
    let builder = SdkTracerProvider::builder()
        .with_sampler(settings.sampler.build())
        .with_resource(settings.resource());
    let Some(endpoint) = &settings.endpoint else {
        return Ok((builder.build(), None));
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("otlp-export")
        .enable_all()
        .build()
        .map_err(SetupError::Runtime)?;
    let exporter = {
        let _entered = runtime.enter();
        SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_timeout(EXPORT_TIMEOUT)
            .build()
            .map_err(|source| SetupError::Exporter {
                endpoint: endpoint.clone(),
                source,
            })?
    };
    let processor = CountedProcessor::new(exporter, settings.max_queue_size, ExportMetrics::register(registry)?);
    let builder = builder
        .with_span_processor(ContextProcessor)
        .with_span_processor(processor);
    Ok((builder.build(), Some(runtime)))
}

fn dispatch(settings: &Settings, sink: LineSink, tracer: SdkTracer) -> Result<Dispatch, SetupError> {
    let filter = EnvFilter::try_new(&settings.log_filter)
        .map_err(|source| SetupError::Filter {
            filter: settings.log_filter.clone(),
            source,
        })?
        // The SDK's own diagnostics repeat what the export counters and the one warning per outage say.
        .add_directive("opentelemetry=off".parse().expect("a constant directive"))
        .add_directive("opentelemetry_sdk=off".parse().expect("a constant directive"))
        .add_directive("opentelemetry-otlp=off".parse().expect("a constant directive"));
    let span_filter = Targets::new()
        .with_default(LevelFilter::INFO)
        .with_targets(SILENT_TARGETS.map(|target| (target, LevelFilter::OFF)));
    let traces = tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(span_filter);
    let logs = JsonLayer::new(&settings.service, sink).with_filter(filter);
    Ok(Dispatch::new(tracing_subscriber::registry().with(traces).with(logs)))
}
