//! The `tracing` section: where our own spans are sent.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::error::Result;
use crate::http_client::{TlsConfig, read_tls};
use crate::section::Section;

/// The `tracing` section.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TracingConfig {
    /// `grpc` or `http`.
    pub client_type: &'static str,
    /// `host:port` of the receiver.
    pub endpoint: String,
    /// Part of the traces that is sent.
    pub sampling_fraction: f64,
    /// Whether to connect without TLS.
    pub insecure: bool,
    /// TLS settings.
    #[serde(skip_serializing_if = "TlsConfig::is_default")]
    pub tls_config: TlsConfig,
    /// Further headers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// `gzip`, or empty for none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub compression: &'static str,
    /// How long a request may take.
    #[serde(serialize_with = "crate::duration::serialize")]
    pub timeout: Duration,
}

const RESERVED: [&str; 6] = [
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
];

impl TracingConfig {
    pub(crate) fn read(section: &Section<'_>) -> Result<Self> {
        let config = Self {
            client_type: section
                .choice("client_type", &[("grpc", "grpc"), ("http", "http")], |text| {
                    format!("expected tracing client type to be grpc or http, but got {text}")
                })?
                .unwrap_or("grpc"),
            endpoint: section.text_or_empty("endpoint")?,
            sampling_fraction: section.number("sampling_fraction")?.unwrap_or(0.0),
            insecure: section.flag_or("insecure", false)?,
            tls_config: read_tls(section)?,
            headers: section.text_map("headers")?,
            compression: section
                .choice("compression", &[("gzip", "gzip"), ("", "")], |text| {
                    format!("invalid compression type {text} provided, valid options: gzip")
                })?
                .unwrap_or_default(),
            timeout: section.duration_or("timeout", Duration::from_secs(10))?,
        };
        config.check(section)?;
        Ok(config)
    }

    fn check(&self, section: &Section<'_>) -> Result<()> {
        for name in self.headers.keys() {
            if name.eq_ignore_ascii_case("authorization") {
                return Err(section.problem_at("headers", "authorization header configuration is not yet supported"));
            }
            if RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
                return Err(section.problem_at(
                    "headers",
                    format!("{name} is a reserved header. It must not be changed"),
                ));
            }
        }
        if self.endpoint.is_empty() {
            return Err(section
                .problem("tracing endpoint must be set")
                .help("set endpoint: host:4317"));
        }
        Ok(())
    }
}
