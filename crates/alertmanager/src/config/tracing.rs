//! The `tracing` section. It differs from Prometheus' in its headers, which may be secret.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use skopos_config::strict::{Result, Section};
use skopos_config::{HeaderValues, TlsConfig};

use super::show;

/// Where Alertmanager's own spans are sent. Checked and shown; the process that embeds this sends
/// its spans where it is told itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TracingConfig {
    /// The protocol.
    pub client_type: TracingClient,
    /// `host:port` of the receiver.
    pub endpoint: String,
    /// Part of the traces that is sent, 0 to 1.
    pub sampling_fraction: f64,
    /// Whether to connect without TLS.
    pub insecure: bool,
    /// TLS settings.
    #[serde(skip_serializing_if = "TlsConfig::is_default")]
    pub tls_config: TlsConfig,
    /// Further headers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, HeaderValues>,
    /// `gzip`, or empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub compression: String,
    /// How long a request may take; 0 for the client's own limit.
    #[serde(serialize_with = "show::duration")]
    pub timeout: Duration,
}

/// The protocol of spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TracingClient {
    /// OTLP over gRPC.
    #[default]
    Grpc,
    /// OTLP over HTTP.
    Http,
}

impl TracingConfig {
    pub(super) fn read(section: &Section<'_>) -> Result<Self> {
        let clients = [("grpc", TracingClient::Grpc), ("http", TracingClient::Http)];
        let config = Self {
            client_type: section
                .choice("client_type", &clients, |text| {
                    format!("expected tracing client type to be to be http or grpc, but got {text}")
                })?
                .unwrap_or_default(),
            endpoint: section.text_or_empty("endpoint")?,
            sampling_fraction: section.number("sampling_fraction")?.unwrap_or_default(),
            insecure: section.flag_or("insecure", false)?,
            tls_config: section
                .section("tls_config", "config.plain", TlsConfig::read)?
                .unwrap_or_default(),
            headers: HeaderValues::read_map(section, "headers")?,
            compression: section.text_or_empty("compression")?,
            timeout: section.duration("timeout")?.unwrap_or_default(),
        };
        if config.endpoint.is_empty() {
            section.refuse(
                section
                    .problem("tracing endpoint must be set")
                    .help("set endpoint: host:4317"),
            );
        }
        if !matches!(config.compression.as_str(), "" | "gzip") {
            let message = format!(
                "invalid compression type {} provided, valid options: gzip",
                config.compression
            );
            section.refuse(section.problem_at("compression", message));
        }
        Ok(config)
    }
}
