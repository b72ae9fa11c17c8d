//! From the settings to exporters. All of them live on a runtime of their own, so neither the service's runtime nor its
//! end can starve them, and a slow or dead back end holds up nothing but its own thread.

use opentelemetry::{Array, StringValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::{MeterProviderBuilder, PeriodicReader};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanProcessor, TracerProviderBuilder};
use prometheus::Registry;
use tokio::runtime::Runtime;

use crate::SetupError;
use crate::context::{ContextProcessor, Discard};
use crate::export::{CountedLogs, CountedMetrics, CountedSpans, ExportMetrics};
use crate::sampler::{Ids, KeepErrors, RecordUnsampled, RootSampler};
use crate::scrub::ScrubSpans;
use crate::settings::{BatchSettings, Settings, TracesBackend};

mod datadog;
mod http;
mod jaeger;
mod listener;
mod otlp;
mod thrift;

pub(crate) use listener::Listener;

/// The runtime of exporters and listener, made for the first of them.
#[derive(Debug, Default)]
pub(crate) struct ExportRuntime(Option<Runtime>);

impl ExportRuntime {
    pub(crate) fn get(&mut self) -> Result<&Runtime, SetupError> {
        let runtime = match self.0.take() {
            Some(runtime) => runtime,
            None => tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name("otel-export")
                .enable_all()
                .build()
                .map_err(SetupError::Runtime)?,
        };
        Ok(self.0.insert(runtime))
    }
}

impl Drop for ExportRuntime {
    fn drop(&mut self) {
        // The last handle may fall inside another runtime, where waiting for this one is forbidden.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Makes the processor of an exporter that does not come from the settings.
pub(crate) type MakeProcessor = Box<dyn FnOnce(BatchSettings, ExportMetrics) -> CountedSpans>;

/// A tracer provider that samples and exports as the settings say.
pub(crate) fn tracer_provider(
    settings: &Settings,
    sampler: RootSampler,
    exporter: Option<MakeProcessor>,
    registry: &Registry,
    runtime: &mut ExportRuntime,
) -> Result<SdkTracerProvider, SetupError> {
    let resource = settings.resource();
    let builder = SdkTracerProvider::builder()
        .with_resource(resource.clone())
        .with_id_generator(Ids::default())
        .with_span_limits(settings.span_limits);
    let has_back_end = exporter.is_some() || settings.traces != TracesBackend::None;
    if !settings.enabled || !has_back_end {
        return Ok(with(builder.with_sampler(sampler), Discard).build());
    }
    let metrics = ExportMetrics::register(registry)?;
    let processor = match exporter {
        Some(make) => make(settings.batch, metrics.clone()),
        None => processor(settings, &resource, &metrics, runtime)?,
    };
    let processor = ScrubSpans::new(processor, settings.pii_filter);
    let builder = if settings.errors_always {
        let builder = builder.with_sampler(RecordUnsampled(sampler));
        with(builder, KeepErrors::new(processor, metrics.left_out()))
    } else {
        with(builder.with_sampler(sampler), processor)
    };
    Ok(builder.build())
}

fn with(builder: TracerProviderBuilder, processor: impl SpanProcessor + 'static) -> TracerProviderBuilder {
    builder.with_span_processor(ContextProcessor(processor))
}

fn processor(
    settings: &Settings,
    resource: &Resource,
    metrics: &ExportMetrics,
    runtime: &mut ExportRuntime,
) -> Result<CountedSpans, SetupError> {
    let runtime = runtime.get()?;
    let (batch, metrics) = (settings.batch, metrics.clone());
    match &settings.traces {
        TracesBackend::Otlp(otlp) => Ok(CountedSpans::new(otlp::spans(otlp, runtime)?, batch, metrics)),
        TracesBackend::Jaeger { endpoint } => {
            let client = http::Client::new(endpoint, batch.export_timeout, runtime)?;
            let exporter = jaeger::JaegerExporter::new(client, endpoint, resource);
            Ok(CountedSpans::new(exporter, batch, metrics))
        }
        TracesBackend::Datadog { endpoint, api_key } => {
            let client = http::Client::new(endpoint, batch.export_timeout, runtime)?;
            let exporter = datadog::DatadogExporter::new(client, endpoint, api_key.clone(), resource);
            Ok(CountedSpans::new(exporter, batch, metrics))
        }
        TracesBackend::None => Ok(CountedSpans::new(http::Nowhere, batch, metrics)),
    }
}

/// A provider that sends log records over OTLP, where the settings have such an exporter.
pub(crate) fn logger_provider(
    settings: &Settings,
    registry: &Registry,
    runtime: &mut ExportRuntime,
) -> Result<Option<SdkLoggerProvider>, SetupError> {
    let Some(otlp) = settings.logs.otlp.as_ref().filter(|_| settings.enabled) else {
        return Ok(None);
    };
    let exporter = otlp::logs(otlp, runtime.get()?)?;
    let processor = CountedLogs::new(exporter, settings.logs.batch, registry)?;
    let builder = SdkLoggerProvider::builder().with_resource(settings.resource());
    Ok(Some(builder.with_log_processor(processor).build()))
}

/// Adds the OTLP reader where the settings have one.
pub(crate) fn with_otlp_metrics(
    builder: MeterProviderBuilder,
    settings: &Settings,
    registry: &Registry,
    runtime: &mut ExportRuntime,
) -> Result<MeterProviderBuilder, SetupError> {
    let Some(otlp) = settings.metrics.otlp.as_ref().filter(|_| settings.enabled) else {
        return Ok(builder);
    };
    let exporter = otlp::metrics(otlp, settings.metrics.temporality, runtime.get()?)?;
    let reader = PeriodicReader::builder(CountedMetrics::new(exporter, registry)?)
        .with_interval(settings.metrics.interval)
        .build();
    Ok(builder.with_reader(reader))
}

/// A value for back ends without lists, which are JSON text there.
fn text(value: &Value) -> String {
    match value {
        Value::Array(Array::String(values)) => {
            let texts: Vec<&str> = values.iter().map(StringValue::as_str).collect();
            serde_json::to_string(&texts).unwrap_or_default()
        }
        other => other.to_string(),
    }
}
