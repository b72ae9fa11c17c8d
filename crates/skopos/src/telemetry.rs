//! Skopos observes itself: its own log lines, spans, metrics and host are in its own store from
//! the first second. Nothing of it leaves the process.

mod logs;
mod spans;

use std::io::IsTerminal as _;
use std::sync::Arc;

use anyhow::Context as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use skopos_core::log::LogSink;
use skopos_core::span::TraceSink;
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry};

use crate::cli::serve::LogFormat;

/// Job and service name of Skopos' own telemetry.
pub(crate) const SELF_NAME: &str = "skopos";

/// Levels of spans that are kept as traces: requests, rule evaluations and replays, not their inner steps.
const SPAN_FILTER: &str = "off,skopos=info,skopos_bus=info,skopos_server=info,skopos_rules=info,skopos_scrape=info";

/// What Kafka's client says at each try to connect. That a bus is away is told by whoever asked it.
const CLIENTS_OFF: &str = "librdkafka=off,rdkafka=off";

/// The running telemetry of the process. Connected to the stores once they are open; until then
/// lines and spans wait in bounded queues.
#[derive(Debug)]
pub(crate) struct Telemetry {
    logs: logs::LogWriter,
    spans: spans::StoreExporter,
    provider: SdkTracerProvider,
}

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
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(spans.clone())
            .with_resource(spans::resource())
            .build();
        let span_layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer(SELF_NAME))
            .with_filter(EnvFilter::new(SPAN_FILTER));
        Registry::default()
            .with(span_layer)
            .with(log_layer.with_filter(EnvFilter::new(format!("{CLIENTS_OFF},info"))))
            .with(stderr_layer(format).with_filter(filter))
            .try_init()
            .context("failed to start logging")?;
        Ok(Self { logs, spans, provider })
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
