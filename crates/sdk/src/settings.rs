//! Settings from the environment: `OTEL_*` first, then the names the systems use. Reads nothing but what it is given.
//!
//! | what | variables, the first that is set wins |
//! |---|---|
//! | off | `OTEL_SDK_DISABLED=true`, `ENABLE_OBSERVABILITY=false`, `APM_ENABLED=false` |
//! | name, version | `OTEL_SERVICE_NAME`, `APM_SERVICE_NAME`; `APM_VERSION` |
//! | environment | `deployment.environment` in `OTEL_RESOURCE_ATTRIBUTES`, `APM_ENVIRONMENT`, `ENVIRONMENT`, `SOMA_AGENT_MODE` |
//! | back end of spans | `OTEL_TRACES_EXPORTER`, `APM_BACKEND`, the endpoint that is set |
//! | endpoints | `OTEL_EXPORTER_OTLP_*`, `OTLP_ENDPOINT`, `JAEGER_ENDPOINT`, `DATADOG_ENDPOINT` with `DATADOG_API_KEY` |
//! | sampling | `OTEL_TRACES_SAMPLER` and its argument, `TRACE_SAMPLE_RATE`, `TRACES_SAMPLE_RATE`, the environment; `ERRORS_ALWAYS` |
//! | propagation | `OTEL_PROPAGATORS` |
//! | metrics | `OTEL_METRICS_EXPORTER`, `OTEL_METRIC_EXPORT_INTERVAL`, `PROMETHEUS_PORT`, `PROMETHEUS_METRICS_PATH`, `HTTP_METRICS` |
//! | logs | `OTEL_LOGS_EXPORTER`; `RUST_LOG`, `LOG_LEVEL` |
//! | error tracking | `SENTRY_DSN`, `TRACES_SAMPLE_RATE`, `PROFILES_SAMPLE_RATE` |
//! | what spans and log lines lose | `PII_FILTER`: `off`, `secrets` or `strict` |
//!
//! The specification lets an SDK ignore a value it cannot read; here it is an error at start, so that a typing error
//! is found then and not in the dashboards.

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use opentelemetry_sdk::trace::SpanLimits;

use crate::SetupError;
use crate::http_server::HttpMetricSet;
use crate::propagation::Propagator;
use crate::sampler::{self, SamplerKind};

mod export;
mod otlp;
mod process;
mod values;

pub use export::{ListenerSettings, MetricsSettings, TracesBackend};
pub use otlp::{OtlpProtocol, OtlpSettings, Signal};
pub use process::{BatchSettings, LogsSettings, SentrySettings};
pub use values::Secret;
pub(crate) use values::{Variables, wrong};

/// Log directives when neither `RUST_LOG` nor `LOG_LEVEL` is set: the libraries below speak only when something is wrong.
const DEFAULT_FILTER: &str = "info,hyper=warn,h2=warn,tonic=warn,tower=warn,rustls=warn,krafka=warn,rdkafka=warn";
const DEFAULT_ENVIRONMENT: &str = "LOCAL";
/// The two names of one attribute; the first is the older, which the systems' pages use.
const ENVIRONMENT_KEYS: [&str; 2] = ["deployment.environment", "deployment.environment.name"];

/// Everything the set-up decides from, resolved.
///
/// ```
/// use skopos_sdk::Settings;
/// let settings = Settings::from_lookup("billing", "1.2.0", |name| match name {
///     "ENVIRONMENT" => Some("production".to_owned()),
///     _ => None,
/// })?;
/// assert_eq!(settings.environment, "production");
///
/// let wrong = Settings::from_lookup("billing", "1.2.0", |name| {
///     (name == "TRACE_SAMPLE_RATE").then(|| "often".to_owned())
/// });
/// assert!(wrong.unwrap_err().to_string().contains("TRACE_SAMPLE_RATE=often: expected a number from 0 to 1"));
/// # Ok::<(), skopos_sdk::SetupError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Settings {
    /// `service.name`.
    pub service: String,
    /// `service.version`.
    pub version: String,
    /// `deployment.environment`.
    pub environment: String,
    /// False leaves nothing but the logs and the service's own `/metrics`.
    pub enabled: bool,
    /// Where spans go.
    pub traces: TracesBackend,
    /// Where metrics go besides `/metrics`.
    pub metrics: MetricsSettings,
    /// How root spans are sampled; a parent's decision is followed where the kind says so.
    pub sampler: SamplerKind,
    /// Whether spans of failed requests are exported even when they were not sampled.
    pub errors_always: bool,
    /// What carries trace context and baggage between processes.
    pub propagators: Vec<Propagator>,
    /// Where logs go.
    pub logs: LogsSettings,
    /// Directives for the JSON log.
    pub log_filter: String,
    /// How spans are gathered for export.
    pub batch: BatchSettings,
    /// How much one span may hold.
    pub span_limits: SpanLimits,
    /// Under which names HTTP requests are measured, unless the layer's options say so.
    pub http_metrics: Vec<HttpMetricSet>,
    /// Settings of error tracking.
    pub sentry: SentrySettings,
    /// What spans and log lines are scrubbed by; error tracking is scrubbed always.
    pub pii_filter: Option<skopos_pii::Profile>,
    /// Further resource attributes.
    pub resource_attributes: Vec<(String, String)>,
}

impl Settings {
    /// Resolves the settings of a service from the process environment.
    pub fn from_env(service: &str, version: &str) -> Result<Self, SetupError> {
        Self::from_lookup(service, version, |name| std::env::var(name).ok())
    }

    /// As [`Settings::from_env`] over any source of variables.
    pub fn from_lookup(
        service: &str,
        version: &str,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SetupError> {
        let variables = &Variables::new(&lookup);
        let attributes = variables.pairs("OTEL_RESOURCE_ATTRIBUTES", "key=value pairs joined by commas")?;
        let of = |key: &str| {
            attributes
                .iter()
                .find(|(k, _)| k == key)
                .map(|(_, value)| value.clone())
        };
        let environment = ENVIRONMENT_KEYS
            .iter()
            .find_map(|key| of(key))
            .or_else(|| first(variables, &["APM_ENVIRONMENT", "ENVIRONMENT", "SOMA_AGENT_MODE"]))
            .unwrap_or_else(|| DEFAULT_ENVIRONMENT.to_owned());
        Ok(Self {
            service: variables
                .get("OTEL_SERVICE_NAME")
                .or_else(|| of("service.name"))
                .or_else(|| variables.get("APM_SERVICE_NAME"))
                .unwrap_or_else(|| service.to_owned()),
            version: of("service.version")
                .or_else(|| variables.get("APM_VERSION"))
                .unwrap_or_else(|| version.to_owned()),
            enabled: process::is_enabled(variables)?,
            traces: TracesBackend::read(variables)?,
            metrics: MetricsSettings::read(variables)?,
            sampler: sampler::read(&environment, variables)?,
            errors_always: variables.flag("ERRORS_ALWAYS")?.unwrap_or(false),
            propagators: Propagator::read(variables)?,
            logs: LogsSettings::read(variables)?,
            log_filter: first(variables, &["RUST_LOG", "LOG_LEVEL"]).unwrap_or_else(|| DEFAULT_FILTER.to_owned()),
            batch: BatchSettings::of_spans(variables)?,
            span_limits: process::span_limits(variables)?,
            http_metrics: HttpMetricSet::read(variables)?,
            sentry: SentrySettings::read(variables)?,
            pii_filter: crate::scrub::read(variables)?,
            environment,
            resource_attributes: attributes,
        })
    }

    /// Whether nothing is made of a span within an unsampled one, as nobody will ask for it.
    pub(crate) fn skips_unsampled(&self) -> bool {
        self.enabled && self.sampler.follows_parent() && !self.errors_always
    }

    /// The resource that every span and OpenTelemetry metric carries.
    #[must_use]
    pub fn resource(&self) -> Resource {
        let given = self.resource_attributes.iter().cloned();
        Resource::builder_empty()
            .with_detectors(&[Box::new(TelemetryResourceDetector)])
            .with_attribute(KeyValue::new("service.instance.id", instance_id()))
            .with_attributes(given.map(|(key, value)| KeyValue::new(key, value)))
            .with_attributes([
                KeyValue::new("service.name", self.service.clone()),
                KeyValue::new("service.version", self.version.clone()),
                KeyValue::new("deployment.environment", self.environment.clone()),
            ])
            .build()
    }
}

fn first(variables: &Variables<'_>, names: &[&str]) -> Option<String> {
    variables.first(names).map(|(_, value)| value)
}

/// Host and process id: distinct for every process that runs at one time.
fn instance_id() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}-{}", host.trim(), std::process::id())
}

#[cfg(test)]
mod tests;
