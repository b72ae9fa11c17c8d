//! Settings from the environment: `OTEL_*` first, then the names the systems use. Reads nothing but what it is given.

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};

use crate::SetupError;
use crate::sampler::{self, SamplerKind};

/// OTLP gRPC on this machine, the default of the OpenTelemetry specification.
const DEFAULT_ENDPOINT: &str = "http://localhost:4317";
/// Log directives when neither `RUST_LOG` nor `LOG_LEVEL` is set: the libraries below speak only when something is wrong.
const DEFAULT_FILTER: &str = "info,hyper=warn,h2=warn,tonic=warn,tower=warn,rustls=warn,krafka=warn,rdkafka=warn";

/// Everything the set-up decides from, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `service.name`.
    pub service: String,
    /// `service.version`.
    pub version: String,
    /// `deployment.environment`.
    pub environment: String,
    /// OTLP gRPC endpoint; none when export is off.
    pub endpoint: Option<String>,
    /// How root spans are sampled; a parent's decision is followed where the kind says so.
    pub sampler: SamplerKind,
    /// Directives for the JSON log.
    pub log_filter: String,
    /// Spans that may wait for export before new ones are dropped and counted.
    pub max_queue_size: usize,
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
        let get = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let environment = get("SOMA_AGENT_MODE").unwrap_or_else(|| "LOCAL".to_owned());
        let enabled = is_enabled(&get)?;
        let endpoint = [
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "APM_OTLP_ENDPOINT",
        ]
        .iter()
        .find_map(|name| get(name))
        .unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned());
        Ok(Self {
            service: get("OTEL_SERVICE_NAME").unwrap_or_else(|| service.to_owned()),
            version: version.to_owned(),
            sampler: sampler::from_lookup(&environment, &get)?,
            endpoint: enabled.then_some(endpoint),
            environment,
            log_filter: get("RUST_LOG")
                .or_else(|| get("LOG_LEVEL"))
                .unwrap_or_else(|| DEFAULT_FILTER.to_owned()),
            max_queue_size: number(&get, "OTEL_BSP_MAX_QUEUE_SIZE", 2048)?,
        })
    }

    /// The resource that every span and OpenTelemetry metric carries.
    #[must_use]
    pub fn resource(&self) -> Resource {
        Resource::builder_empty()
            .with_detectors(&[
                Box::new(TelemetryResourceDetector),
                Box::new(EnvResourceDetector::new()),
            ])
            .with_attributes([
                KeyValue::new("service.name", self.service.clone()),
                KeyValue::new("service.version", self.version.clone()),
                KeyValue::new("service.instance.id", instance_id()),
                KeyValue::new("deployment.environment", self.environment.clone()),
            ])
            .build()
    }
}

/// Host and process id: distinct for every process that runs at one time.
fn instance_id() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}-{}", host.trim(), std::process::id())
}

fn is_enabled(get: &impl Fn(&str) -> Option<String>) -> Result<bool, SetupError> {
    let disabled = flag(get, "OTEL_SDK_DISABLED")?.unwrap_or(false);
    let enabled = flag(get, "ENABLE_OBSERVABILITY")?.unwrap_or(true);
    let exporter = get("OTEL_TRACES_EXPORTER").unwrap_or_else(|| "otlp".to_owned());
    match exporter.as_str() {
        "none" => Ok(false),
        "otlp" => Ok(enabled && !disabled),
        _ => Err(setting("OTEL_TRACES_EXPORTER", exporter, "otlp or none")),
    }
}

fn flag(get: &impl Fn(&str) -> Option<String>, name: &str) -> Result<Option<bool>, SetupError> {
    let Some(value) = get(name) else { return Ok(None) };
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(Some(true)),
        "false" | "0" | "no" | "off" => Ok(Some(false)),
        _ => Err(setting(name, value, "true or false")),
    }
}

fn number(get: &impl Fn(&str) -> Option<String>, name: &str, default: usize) -> Result<usize, SetupError> {
    let Some(value) = get(name) else { return Ok(default) };
    match value.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(setting(name, value, "a whole number above 0")),
    }
}

pub(crate) fn setting(name: &str, value: String, expected: &'static str) -> SetupError {
    SetupError::Setting {
        name: name.to_owned(),
        value,
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Result<Settings, SetupError> {
        let vars: Vec<(String, String)> = vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Settings::from_lookup("svc", "1.0", |name| {
            vars.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone())
        })
    }

    #[test]
    fn defaults_need_no_environment() {
        let settings = read(&[]).expect("defaults are valid");
        assert_eq!(settings.environment, "LOCAL");
        assert_eq!(settings.endpoint.as_deref(), Some("http://localhost:4317"));
        assert_eq!(settings.sampler, SamplerKind::ParentBasedRatio(1.0));
    }

    #[test]
    fn signal_specific_endpoint_wins() {
        let settings = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4317"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:4317"),
        ])
        .expect("valid");
        assert_eq!(settings.endpoint.as_deref(), Some("http://traces:4317"));
    }

    #[test]
    fn export_can_be_switched_off() {
        for vars in [
            ("OTEL_SDK_DISABLED", "true"),
            ("ENABLE_OBSERVABILITY", "false"),
            ("OTEL_TRACES_EXPORTER", "none"),
        ] {
            assert_eq!(read(&[vars]).expect("valid").endpoint, None, "{vars:?}");
        }
    }

    #[test]
    fn wrong_values_are_named() {
        for vars in [
            ("OTEL_SDK_DISABLED", "maybe"),
            ("TRACE_SAMPLE_RATE", "7"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ] {
            let error = read(&[vars]).expect_err("must be refused").to_string();
            assert!(error.contains(vars.0) && error.contains(vars.1), "{error}");
        }
    }

    #[test]
    fn resource_carries_the_mode() {
        let settings = read(&[("SOMA_AGENT_MODE", "PROD")]).expect("valid");
        let resource = settings.resource();
        let get = |key: &'static str| resource.get(&key.into()).map(|v| v.to_string());
        assert_eq!(get("deployment.environment").as_deref(), Some("PROD"));
        assert_eq!(get("service.name").as_deref(), Some("svc"));
        assert!(get("telemetry.sdk.language").is_some());
    }
}
