//! The set-up itself: tracer, meter, registry and log joined under one handle, and their orderly end.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry::trace::TracerProvider;
use opentelemetry::{InstrumentationScope, global};
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanExporter};
use prometheus::Registry;
use tracing::Dispatch;

use self::dispatch::dispatch;
use crate::backends::{self, ExportRuntime, Listener, MakeProcessor};
#[cfg(feature = "errors")]
use crate::errors::Errors;
use crate::export::CountedSpans;
use crate::http_server::{HttpLayer, HttpMetrics, HttpOptions};
use crate::logging::LineSink;
use crate::prometheus_names::MeterCollector;
use crate::settings::Settings;
use crate::{SetupError, logging, metrics, panic_hook, propagation, scrub};

mod directives;
mod dispatch;
mod output;
mod shutdown;

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
    exporter: Option<MakeProcessor>,
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
            exporter: None,
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

    /// Exports spans by this exporter in place of the settings' back end, behind the same queue and counters.
    ///
    /// ```
    /// use opentelemetry_sdk::error::OTelSdkResult;
    /// use opentelemetry_sdk::trace::{SpanData, SpanExporter};
    ///
    /// #[derive(Debug)]
    /// struct Print;
    ///
    /// impl SpanExporter for Print {
    ///     async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
    ///         batch.iter().for_each(|span| println!("{}", span.name));
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let settings = skopos_sdk::Settings::from_env("billing", "1.2.0")?;
    /// let observability = skopos_sdk::ObservabilityBuilder::new(settings).span_exporter(Print).install()?;
    /// tracing::info_span!("charge").in_scope(|| ());
    /// observability.shutdown();
    /// # Ok::<(), skopos_sdk::SetupError>(())
    /// ```
    #[must_use]
    pub fn span_exporter<E: SpanExporter + 'static>(mut self, exporter: E) -> Self {
        self.exporter = Some(Box::new(|batch, metrics| CountedSpans::new(exporter, batch, metrics)));
        self
    }

    /// Builds everything without touching the process: tests enter [`Observability::dispatch`] themselves.
    pub fn build(self) -> Result<Observability, SetupError> {
        let Self {
            settings,
            sink,
            registry,
            exporter,
        } = self;
        let registry = match registry {
            Some(registry) => registry,
            None => metrics::new_registry(&settings.service, &settings.version)?,
        };
        let mut runtime = ExportRuntime::default();
        let meters = meter_provider(&settings, &registry, &mut runtime)?;
        let sampler = settings.sampler.build();
        let tracers = backends::tracer_provider(&settings, sampler.clone(), exporter, &registry, &mut runtime)?;
        let tracer = tracers.tracer_with_scope(scope(&settings));
        let loggers = backends::logger_provider(&settings, &registry, &mut runtime)?;
        let sink = scrub::sink(sink, settings.pii_filter);
        #[cfg(feature = "errors")]
        let errors = Errors::new(&settings, &registry, &mut runtime)?;
        let dispatch = dispatch(
            &settings,
            sink,
            tracer.clone(),
            sampler,
            loggers.as_ref(),
            #[cfg(feature = "errors")]
            errors.as_ref(),
        )?;
        let listener = listener(&settings, &registry, &mut runtime, &dispatch)?;
        let http = HttpMetrics::default();
        Ok(Observability {
            inner: Arc::new(Inner {
                settings,
                registry,
                meters,
                tracers,
                tracer,
                loggers,
                dispatch,
                http,
                listener,
                #[cfg(feature = "errors")]
                errors,
                _runtime: runtime,
            }),
        })
    }

    /// Builds and makes it the process's own: global subscriber, propagator, tracer and meter provider, panic hook.
    pub fn install(self) -> Result<Observability, SetupError> {
        let observability = self.build()?;
        let inner = &observability.inner;
        tracing::dispatcher::set_global_default(inner.dispatch.clone()).map_err(|_| SetupError::AlreadyInstalled)?;
        global::set_text_map_propagator(propagation::composite(&inner.settings.propagators));
        global::set_tracer_provider(inner.tracers.clone());
        global::set_meter_provider(inner.meters.clone());
        panic_hook::install();
        #[cfg(feature = "errors")]
        if let Some(errors) = &inner.errors {
            errors.install();
        }
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
    loggers: Option<SdkLoggerProvider>,
    dispatch: Dispatch,
    http: HttpMetrics,
    listener: Option<Listener>,
    #[cfg(feature = "errors")]
    errors: Option<Errors>,
    /// Ends after everything above, which exports on it.
    _runtime: ExportRuntime,
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
    pub fn meter(&self, name: &'static str) -> Meter {
        self.inner.meters.meter(name)
    }

    /// The layer for a router or another service of HTTP requests, with the default options.
    pub fn http_layer(&self) -> Result<HttpLayer, SetupError> {
        self.http_layer_with(&HttpOptions::default())
    }

    /// The layer for a router or another service of HTTP requests. The first call fixes names and buckets; later layers share its metrics.
    ///
    /// ```
    /// use skopos_sdk::{HttpMetricSet, HttpOptions, TenantLabel};
    /// # let observability = skopos_sdk::setup_observability("backend-api", "1.0.0")?;
    /// let options = HttpOptions {
    ///     metric_sets: vec![HttpMetricSet::RequestsTotal, HttpMetricSet::SemanticConventions],
    ///     tenant: Some(TenantLabel::tenant_id()),
    ///     ..HttpOptions::default()
    /// };
    /// let layer = observability.http_layer_with(&options)?;
    /// let router: axum::Router = axum::Router::new().layer(layer);
    /// # Ok::<(), skopos_sdk::SetupError>(())
    /// ```
    pub fn http_layer_with(&self, options: &HttpOptions) -> Result<HttpLayer, SetupError> {
        let mut options = options.clone();
        if options.metric_sets.is_empty() {
            options.metric_sets.clone_from(&self.inner.settings.http_metrics);
        }
        let meter = self.meter("skopos-sdk");
        self.inner.http.layer(&self.inner.registry, &meter, options)
    }

    /// Where the listener of `PROMETHEUS_PORT` is bound, if there is one.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.inner.listener.as_ref().map(|listener| listener.address)
    }

    /// A router with `GET /metrics` (or `PROMETHEUS_METRICS_PATH`), to merge after the layer so that scrapes are not traced.
    pub fn metrics_router<S: Clone + Send + Sync + 'static>(&self) -> axum::Router<S> {
        metrics::router(&self.inner.settings.metrics.path, self.inner.registry.clone())
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
        if let Err(error) = self.inner.meters.force_flush() {
            tracing::debug!(error = %error, "flush of metrics");
        }
        if let Some(Err(error)) = self.inner.loggers.as_ref().map(SdkLoggerProvider::force_flush) {
            tracing::debug!(error = %error, "flush of logs");
        }
        #[cfg(feature = "errors")]
        shutdown::end_errors(&self.inner);
    }

    /// Flushes and ends the export. Bounded in time; further spans are dropped.
    pub fn shutdown(&self) {
        shutdown::shutdown(&self.inner);
    }
}

/// A meter of the installed set-up: its instruments appear on `/metrics`, and over OTLP where that is on.
///
/// ```
/// let observability = skopos_sdk::setup_observability("billing", "1.2.0")?;
/// let invoices = skopos_sdk::get_meter("billing").u64_counter("invoices.sent").build();
/// invoices.add(3, &[opentelemetry::KeyValue::new("tenant", "acme")]);
/// assert!(observability.render_metrics().contains("invoices_sent_total{tenant=\"acme\""));
/// # Ok::<(), skopos_sdk::SetupError>(())
/// ```
#[must_use]
pub fn get_meter(name: &'static str) -> Meter {
    global::meter(name)
}

/// A tracer of the installed set-up, for spans that do not come from `tracing`.
///
/// ```
/// use opentelemetry::trace::{Span, Tracer};
/// let observability = skopos_sdk::setup_observability("billing", "1.2.0")?;
/// let mut span = skopos_sdk::get_tracer("billing").start("close the month");
/// assert!(span.is_recording() && span.span_context().is_sampled());
/// span.end();
/// observability.shutdown();
/// # Ok::<(), skopos_sdk::SetupError>(())
/// ```
#[must_use]
pub fn get_tracer(name: &'static str) -> global::BoxedTracer {
    global::tracer(name)
}

fn scope(settings: &Settings) -> InstrumentationScope {
    InstrumentationScope::builder("skopos-sdk")
        .with_version(settings.version.clone())
        .build()
}

fn meter_provider(
    settings: &Settings,
    registry: &Registry,
    runtime: &mut ExportRuntime,
) -> Result<SdkMeterProvider, SetupError> {
    let own = Registry::new();
    let reader = opentelemetry_prometheus::exporter()
        .with_registry(own.clone())
        .build()
        .map_err(SetupError::Meter)?;
    registry.register(Box::new(MeterCollector::new(own)))?;
    let builder = SdkMeterProvider::builder()
        .with_reader(reader)
        .with_resource(settings.resource());
    Ok(backends::with_otlp_metrics(builder, settings, registry, runtime)?.build())
}

/// A port that is taken costs the listener, not the service.
fn listener(
    settings: &Settings,
    registry: &Registry,
    runtime: &mut ExportRuntime,
    dispatch: &Dispatch,
) -> Result<Option<Listener>, SetupError> {
    let Some(wanted) = settings.metrics.listener.as_ref().filter(|_| settings.enabled) else {
        return Ok(None);
    };
    match Listener::start(wanted, &settings.metrics.path, registry.clone(), runtime.get()?) {
        Ok(listener) => Ok(Some(listener)),
        Err(error) => {
            tracing::dispatcher::with_default(dispatch, || {
                tracing::warn!(
                    host = wanted.host,
                    port = wanted.port,
                    error = %error,
                    "metrics are not served on their own port; set PROMETHEUS_PORT to one that is free"
                );
            });
            Ok(None)
        }
    }
}
