//! Skopos observes itself: its own log lines, spans, metrics and host are in its own store from
//! the first second. Nothing of it leaves the process, but for the spans where a `tracing` section says where they go.

mod endpoint;
mod logs;
mod outlet;
mod spans;

use std::io::IsTerminal as _;
use std::sync::Arc;

use anyhow::Context as _;
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use skopos_config::PrometheusConfig;
use skopos_core::log::LogSink;
use skopos_core::span::TraceSink;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{DynFilterFn, FilterExt as _, LevelFilter, Targets};
use tracing_subscriber::layer::{Context, Filter, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, reload};

use crate::cli::serve::LogFormat;
use outlet::{ConfiguredSampler, Outlet, Outside, Switch};

/// Job and service name of Skopos' own telemetry.
pub(crate) const SELF_NAME: &str = "skopos";

/// Whose spans are kept as traces.
const OBSERVED: [&str; 5] = ["skopos", "skopos_bus", "skopos_server", "skopos_rules", "skopos_scrape"];
/// Whose spans are made beside while a `tracing` section holds: those of queries' inner steps.
const OBSERVED_CLOSELY: &str = "skopos_promql";

/// What Kafka's client says at each try to connect. That a bus is away is told by whoever asked it.
const CLIENTS_OFF: &str = "librdkafka=off,rdkafka=off";

/// The running telemetry of the process. Connected to the stores once they are open; until then
/// lines and spans wait in bounded queues.
#[derive(Debug)]
pub(crate) struct Telemetry {
    logs: logs::LogWriter,
    spans: spans::StoreExporter,
    provider: SdkTracerProvider,
    switch: Arc<Switch>,
    detail: reload::Handle<Targets, Registry>,
}

/// An endpoint for own spans, or none, ready to be switched to.
#[derive(Debug)]
pub(crate) struct PreparedTracing(Option<Arc<Outside>>);

impl Telemetry {
    /// Starts logging to stderr and collecting lines and spans for the store.
    pub(crate) fn start(level: &str, format: LogFormat) -> anyhow::Result<Self> {
        let filter = EnvFilter::try_new(format!("{CLIENTS_OFF},{level}")).with_context(|| {
            format!("--log.level: {level:?} is no level or filter; try info, debug or skopos_scrape=debug")
        })?;
        let (log_layer, logs) = logs::channel();
        let spans = spans::StoreExporter::default();
        // A dead letter that is replayed goes on in its own trace.
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        let switch: Arc<Switch> = Arc::default();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(Outlet::new(Arc::clone(&switch), spans.clone()))
            .with_sampler(ConfiguredSampler(Arc::clone(&switch)))
            .with_resource(spans::resource())
            .build();
        let (observed, detail) = reload::Layer::new(observed(false));
        let span_layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer(SELF_NAME))
            .with_filter(observed.and(inner_steps_of_sampled()));
        Registry::default()
            .with(span_layer)
            .with(log_layer.with_filter(EnvFilter::new(format!("{CLIENTS_OFF},info"))))
            .with(stderr_layer(format).with_filter(filter))
            .try_init()
            .context("failed to start logging")?;
        Ok(Self {
            logs,
            spans,
            provider,
            switch,
            detail,
        })
    }

    /// Readies what the `tracing` section asks for. Called within the runtime.
    pub(crate) fn prepare(&self, config: &PrometheusConfig) -> anyhow::Result<PreparedTracing> {
        self.switch.prepare(config).map(PreparedTracing)
    }

    /// Sends own spans where that says. The inner steps of requests are spans too while there is an endpoint; without
    /// one they are not even looked at.
    pub(crate) fn apply(&self, prepared: PreparedTracing) {
        let is_on = prepared.0.is_some();
        self.switch.replace(prepared.0);
        if let Err(error) = self.detail.reload(observed(is_on)) {
            tracing::error!(%error, "failed to change how much own spans tell");
        }
    }

    /// Lets lines and spans flow into the stores.
    pub(crate) fn connect(&self, logs: Arc<dyn LogSink>, traces: Arc<dyn TraceSink>) {
        self.logs.connect(logs);
        self.spans.connect(traces);
    }

    /// Writes what is still queued. Called before the stores close.
    pub(crate) fn shutdown(&self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::warn!(%error, "failed to flush own spans");
        }
        self.spans.disconnect();
        self.logs.shutdown();
    }
}

/// The spans that are wanted: requests and replays, with their inner steps where those are asked for.
fn observed(closely: bool) -> Targets {
    let level = if closely { Level::DEBUG } else { Level::INFO };
    let targets = Targets::new().with_targets(OBSERVED.map(|target| (target, level)));
    if closely {
        targets.with_target(OBSERVED_CLOSELY, level)
    } else {
        targets
    }
}

/// Leaves out the inner steps of queries whose trace is not sampled, before they are made. What asks others is made all the
/// same: that it is not sampled is told to those.
fn inner_steps_of_sampled<S>() -> impl Filter<S> {
    let is_inner = |metadata: &Metadata<'_>| metadata.target().starts_with(OBSERVED_CLOSELY);
    let is_wanted = || {
        opentelemetry::Context::map_current(|context| {
            let span = context.span();
            let ids = span.span_context();
            ids.is_sampled() || !ids.is_valid()
        })
    };
    DynFilterFn::new(move |metadata: &Metadata<'_>, _: &Context<'_, S>| !is_inner(metadata) || is_wanted())
        .with_callsite_filter(move |metadata| {
            if is_inner(metadata) {
                Interest::sometimes()
            } else {
                Interest::always()
            }
        })
        .with_max_level_hint(LevelFilter::DEBUG)
}

/// Lines for people on stderr.
fn stderr_layer<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let json = match format {
        LogFormat::Auto => !std::io::stderr().is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    if json {
        layer.json().flatten_event(true).boxed()
    } else {
        layer.with_target(false).boxed()
    }
}
