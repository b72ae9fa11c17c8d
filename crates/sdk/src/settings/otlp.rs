//! `OTEL_EXPORTER_OTLP_*` for one signal: endpoint, protocol, headers, time limit, compression and TLS files.
//!
//! The specification's defaults hold (`http/protobuf` to `localhost:4318`). Where an endpoint is given without a
//! protocol, its port decides: the systems name gRPC endpoints alone, so only port 4318 and a path mean HTTP.

use std::path::PathBuf;
use std::time::Duration;

use super::values::{Secret, Variables, wrong};
use crate::SetupError;

const DEFAULT_HTTP: &str = "http://localhost:4318";
const DEFAULT_GRPC: &str = "http://localhost:4317";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// How OTLP is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtlpProtocol {
    /// gRPC, usually on port 4317.
    Grpc,
    /// Protobuf over HTTP/1.1 or HTTP/2, usually on port 4318.
    HttpProtobuf,
}

/// A signal of OTLP with the words that its variables and paths use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Metrics.
    Metrics,
    /// Log records.
    Logs,
}

impl Signal {
    fn word(self) -> &'static str {
        match self {
            Self::Traces => "TRACES",
            Self::Metrics => "METRICS",
            Self::Logs => "LOGS",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Metrics => "/v1/metrics",
            Self::Logs => "/v1/logs",
        }
    }
}

/// Where and how one signal is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtlpSettings {
    /// The gRPC endpoint, or the whole URL of the signal over HTTP.
    pub endpoint: String,
    /// How it is carried.
    pub protocol: OtlpProtocol,
    /// Headers of each request, such as credentials.
    pub headers: Vec<(String, Secret)>,
    /// How long one export may take.
    pub timeout: Duration,
    /// Whether bodies are compressed with gzip.
    pub gzip: bool,
    /// PEM file of the authorities to trust in place of the platform's.
    pub certificate: Option<PathBuf>,
    /// PEM files of this client's certificate and key.
    pub client: Option<(PathBuf, PathBuf)>,
}

impl OtlpSettings {
    /// Resolves the settings of a signal: its own variables first, then those of all signals, then the systems' names.
    pub(super) fn read(signal: Signal, variables: &Variables<'_>) -> Result<Self, SetupError> {
        let reader = Reader { signal, variables };
        let own = variables.url(&[&reader.name("ENDPOINT")])?;
        let base = variables.url(&["OTEL_EXPORTER_OTLP_ENDPOINT", "OTLP_ENDPOINT", "APM_OTLP_ENDPOINT"])?;
        let protocol = reader.protocol(own.as_deref().or(base.as_deref()))?;
        let endpoint = match (protocol, own, base) {
            (OtlpProtocol::Grpc, own, base) => own.or(base).unwrap_or_else(|| DEFAULT_GRPC.to_owned()),
            (OtlpProtocol::HttpProtobuf, Some(own), _) => with_root_path(own),
            (OtlpProtocol::HttpProtobuf, None, base) => {
                let base = base.unwrap_or_else(|| DEFAULT_HTTP.to_owned());
                let base = base.trim_end_matches('/');
                // Some name the whole URL of the signal in the variable of all signals.
                if base.ends_with(signal.path()) {
                    base.to_owned()
                } else {
                    format!("{base}{}", signal.path())
                }
            }
        };
        Ok(Self {
            endpoint,
            protocol,
            headers: reader.headers()?,
            timeout: reader.timeout()?,
            gzip: reader.gzip()?,
            certificate: reader.either("CERTIFICATE").map(|(_, path)| path.into()),
            client: reader.client()?,
        })
    }
}

struct Reader<'a> {
    signal: Signal,
    variables: &'a Variables<'a>,
}

impl Reader<'_> {
    fn name(&self, what: &str) -> String {
        format!("OTEL_EXPORTER_OTLP_{}_{what}", self.signal.word())
    }

    /// The signal's own variable, else that of all signals.
    fn either(&self, what: &str) -> Option<(String, String)> {
        let names = [self.name(what), format!("OTEL_EXPORTER_OTLP_{what}")];
        names
            .into_iter()
            .find_map(|name| self.variables.get(&name).map(|value| (name, value)))
    }

    fn protocol(&self, endpoint: Option<&str>) -> Result<OtlpProtocol, SetupError> {
        match self.either("PROTOCOL") {
            None => Ok(endpoint.map_or(OtlpProtocol::HttpProtobuf, protocol_of)),
            Some((name, value)) => match value.to_ascii_lowercase().as_str() {
                "grpc" => Ok(OtlpProtocol::Grpc),
                "http/protobuf" => Ok(OtlpProtocol::HttpProtobuf),
                _ => Err(wrong(&name, value, "grpc or http/protobuf")),
            },
        }
    }

    fn headers(&self) -> Result<Vec<(String, Secret)>, SetupError> {
        let Some((name, _)) = self.either("HEADERS") else {
            return Ok(Vec::new());
        };
        let expected = "key=value pairs joined by commas, with percent-encoded values";
        let pairs = self.variables.pairs(&name, expected)?;
        for (key, value) in &pairs {
            if http::HeaderName::from_bytes(key.as_bytes()).is_err() || http::HeaderValue::from_str(value).is_err() {
                return Err(wrong(&name, "(hidden)", expected));
            }
        }
        Ok(pairs
            .into_iter()
            .map(|(key, value)| (key, Secret::new(value)))
            .collect())
    }

    fn timeout(&self) -> Result<Duration, SetupError> {
        match self.either("TIMEOUT") {
            Some((name, _)) => Ok(self.variables.milliseconds(&name)?.unwrap_or(DEFAULT_TIMEOUT)),
            None => Ok(DEFAULT_TIMEOUT),
        }
    }

    fn gzip(&self) -> Result<bool, SetupError> {
        match self.either("COMPRESSION") {
            None => Ok(false),
            Some((name, _)) => {
                let choices = [("gzip", true), ("none", false)];
                Ok(self.variables.choice(&name, &choices, "gzip or none")?.unwrap_or(false))
            }
        }
    }

    fn client(&self) -> Result<Option<(PathBuf, PathBuf)>, SetupError> {
        match (self.either("CLIENT_CERTIFICATE"), self.either("CLIENT_KEY")) {
            (Some((_, certificate)), Some((_, key))) => Ok(Some((certificate.into(), key.into()))),
            (None, None) => Ok(None),
            (Some((name, value)), None) => Err(wrong(
                &name,
                value,
                "a file beside that of OTEL_EXPORTER_OTLP_CLIENT_KEY",
            )),
            (None, Some((name, value))) => Err(wrong(
                &name,
                value,
                "a file beside that of OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
            )),
        }
    }
}

fn protocol_of(endpoint: &str) -> OtlpProtocol {
    let uri: Option<http::Uri> = endpoint.parse().ok();
    let is_http = uri.is_some_and(|uri| uri.port_u16() == Some(4318) || uri.path().len() > 1);
    if is_http {
        OtlpProtocol::HttpProtobuf
    } else {
        OtlpProtocol::Grpc
    }
}

/// A URL without a path means the root path (specification, protocol/exporter.md).
fn with_root_path(url: String) -> String {
    let has_path = url.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    if has_path { url } else { format!("{url}/") }
}
