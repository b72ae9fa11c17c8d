//! Which back ends spans, metrics and log lines go to, from `OTEL_*_EXPORTER`, then `APM_BACKEND` and its endpoints.

use std::time::Duration;

use opentelemetry_sdk::metrics::Temporality;

use super::otlp::{OtlpSettings, Signal};
use super::values::{Secret, Variables, wrong};
use crate::SetupError;

/// Thrift over HTTP of a collector on this machine.
const DEFAULT_JAEGER: &str = "http://localhost:14268/api/traces";
/// The agent's trace port on this machine.
const DEFAULT_DATADOG: &str = "http://localhost:8126";
const DEFAULT_METRICS_PATH: &str = "/metrics";
/// Port of `APM_BACKEND=prometheus`, where `PROMETHEUS_PORT` is not set.
const DEFAULT_PROMETHEUS_PORT: u16 = 8001;
/// Port of `OTEL_METRICS_EXPORTER=prometheus` in the OpenTelemetry specification.
const SPECIFIED_PROMETHEUS_PORT: u16 = 9464;

/// Where spans go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TracesBackend {
    /// Nowhere; they still carry context and ids.
    None,
    /// An OTLP endpoint.
    Otlp(OtlpSettings),
    /// A Jaeger collector's thrift endpoint, the whole URL.
    Jaeger {
        /// For example `http://localhost:14268/api/traces`.
        endpoint: String,
    },
    /// A Datadog agent's trace API.
    Datadog {
        /// For example `http://localhost:8126`.
        endpoint: String,
        /// Sent where set; an agent on the way adds its own.
        api_key: Option<Secret>,
    },
}

/// A listener of its own for `/metrics`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerSettings {
    /// Address to bind.
    pub host: String,
    /// Port to bind; 0 takes any free one.
    pub port: u16,
}

/// Where metrics go besides the service's own `/metrics`.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsSettings {
    /// OTLP endpoint of the OpenTelemetry instruments.
    pub otlp: Option<OtlpSettings>,
    /// Whether OTLP carries totals or differences.
    pub temporality: Temporality,
    /// Time between two exports.
    pub interval: Duration,
    /// A listener beside the service's router.
    pub listener: Option<ListenerSettings>,
    /// Path of the exposition, on the router and on the listener.
    pub path: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Apm {
    Jaeger,
    Otlp,
    Datadog,
    Prometheus,
}

impl Apm {
    fn read(variables: &Variables<'_>) -> Result<Option<Self>, SetupError> {
        let choices = [
            ("jaeger", Self::Jaeger),
            ("otlp", Self::Otlp),
            ("datadog", Self::Datadog),
            ("prometheus", Self::Prometheus),
        ];
        variables.choice("APM_BACKEND", &choices, "jaeger, otlp, datadog or prometheus")
    }
}

impl TracesBackend {
    pub(super) fn read(variables: &Variables<'_>) -> Result<Self, SetupError> {
        let choices = [
            ("otlp", Some(Apm::Otlp)),
            ("jaeger", Some(Apm::Jaeger)),
            ("datadog", Some(Apm::Datadog)),
            ("none", None),
        ];
        let named = variables.choice("OTEL_TRACES_EXPORTER", &choices, "otlp, jaeger, datadog or none")?;
        let apm = Apm::read(variables)?;
        let backend = match (named, apm) {
            (Some(None), _) | (None, Some(Apm::Prometheus)) => return Ok(Self::None),
            (Some(Some(named)), _) => named,
            (None, Some(apm)) => apm,
            (None, None) => by_endpoints(variables),
        };
        match backend {
            Apm::Otlp | Apm::Prometheus => Ok(Self::Otlp(OtlpSettings::read(Signal::Traces, variables)?)),
            Apm::Jaeger => Ok(Self::Jaeger {
                endpoint: variables
                    .url(&["OTEL_EXPORTER_JAEGER_ENDPOINT", "JAEGER_ENDPOINT"])?
                    .map_or_else(|| DEFAULT_JAEGER.to_owned(), jaeger_url),
            }),
            Apm::Datadog => Ok(Self::Datadog {
                endpoint: variables.url(&["DATADOG_ENDPOINT"])?.map_or_else(
                    || DEFAULT_DATADOG.to_owned(),
                    |url| url.trim_end_matches('/').to_owned(),
                ),
                api_key: variables.get("DATADOG_API_KEY").map(Secret::new),
            }),
        }
    }
}

/// Without a named back end the endpoint that is set decides; OTLP before the others.
fn by_endpoints(variables: &Variables<'_>) -> Apm {
    let otlp = [
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTLP_ENDPOINT",
        "APM_OTLP_ENDPOINT",
    ];
    if variables.first(&otlp).is_some() {
        Apm::Otlp
    } else if variables.get("JAEGER_ENDPOINT").is_some() {
        Apm::Jaeger
    } else if variables.get("DATADOG_ENDPOINT").is_some() {
        Apm::Datadog
    } else {
        Apm::Otlp
    }
}

/// An address without a path means the collector's own path.
fn jaeger_url(url: String) -> String {
    match url.split_once("://") {
        Some((_, rest)) if rest.trim_end_matches('/').contains('/') => url,
        _ => format!("{}/api/traces", url.trim_end_matches('/')),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum MetricsExporter {
    Otlp,
    Prometheus,
    None,
}

impl MetricsSettings {
    pub(super) fn read(variables: &Variables<'_>) -> Result<Self, SetupError> {
        let choices = [
            ("otlp", MetricsExporter::Otlp),
            ("prometheus", MetricsExporter::Prometheus),
            ("none", MetricsExporter::None),
        ];
        let expected = "otlp, prometheus, both joined by a comma, or none";
        let exporters = variables.choices("OTEL_METRICS_EXPORTER", &choices, expected)?;
        let names = |exporter| exporters.as_ref().map(|named| named.contains(&exporter));
        let otlp = if names(MetricsExporter::Otlp) == Some(true) {
            Some(OtlpSettings::read(Signal::Metrics, variables)?)
        } else {
            None
        };
        let interval = variables.milliseconds("OTEL_METRIC_EXPORT_INTERVAL")?;
        Ok(Self {
            otlp,
            temporality: temporality(variables)?,
            interval: interval.unwrap_or(Duration::from_mins(1)),
            listener: listener(variables, names(MetricsExporter::Prometheus))?,
            path: path(variables)?,
        })
    }
}

fn temporality(variables: &Variables<'_>) -> Result<Temporality, SetupError> {
    let choices = [
        ("cumulative", Temporality::Cumulative),
        ("delta", Temporality::Delta),
        ("lowmemory", Temporality::LowMemory),
    ];
    let name = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
    let choice = variables.choice(name, &choices, "cumulative, delta or lowmemory")?;
    Ok(choice.unwrap_or(Temporality::Cumulative))
}

/// A listener is opened where `OTEL_METRICS_EXPORTER` names it; where that is not set, by a port or `APM_BACKEND`.
fn listener(variables: &Variables<'_>, exporter: Option<bool>) -> Result<Option<ListenerSettings>, SetupError> {
    let is_backend = Apm::read(variables)? == Some(Apm::Prometheus);
    let specified = variables.port("OTEL_EXPORTER_PROMETHEUS_PORT")?;
    let named = variables.port("PROMETHEUS_PORT")?;
    let port = match (specified.or(named), exporter, is_backend) {
        (_, Some(false), _) | (None, None, false) => return Ok(None),
        (Some(port), ..) => port,
        (None, Some(true), _) => SPECIFIED_PROMETHEUS_PORT,
        (None, None, true) => DEFAULT_PROMETHEUS_PORT,
    };
    let host = variables.get("OTEL_EXPORTER_PROMETHEUS_HOST").unwrap_or_else(|| {
        if specified.is_some() || exporter == Some(true) {
            "localhost"
        } else {
            "0.0.0.0"
        }
        .to_owned()
    });
    Ok(Some(ListenerSettings { host, port }))
}

fn path(variables: &Variables<'_>) -> Result<String, SetupError> {
    let name = "PROMETHEUS_METRICS_PATH";
    let Some(path) = variables.get(name) else {
        return Ok(DEFAULT_METRICS_PATH.to_owned());
    };
    let plain = path.starts_with('/') && path.len() > 1 && !path.contains(['{', '}', '?', '#', ' ', '*']);
    if plain {
        Ok(path)
    } else {
        Err(wrong(name, path, "a path such as /metrics"))
    }
}
