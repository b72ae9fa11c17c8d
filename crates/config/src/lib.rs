//! `prometheus.yml`: read strictly, with defaults, places and advice; written back with secrets
//! hidden.
//!
//! ```text
//!   text ─▶ yaml (tree with places) ─▶ expand ($VAR) ─▶ section (strict reader) ─▶ PrometheusConfig
//!                                                                                    │
//!                                                     /api/v1/status/config ◀─ to_yaml
//! ```
//!
//! What is accepted and refused, and the words of the refusal, follow Prometheus (`config/`,
//! `discovery/*/`, and `common/config/` upstream). Nothing here connects to anything or reads the
//! certificate, password and token files that a configuration names.

mod alerting;
mod azuread;
mod config;
mod discovery;
mod duration;
mod error;
mod expand;
mod global;
mod google_iam;
mod http_client;
mod line_log;
mod loki;
mod otlp;
mod relabel;
mod remote;
mod scrape;
mod secret;
mod section;
mod sigv4;
mod size;
mod storage;
mod target_group;
mod tracing;
mod web;
mod yaml;

pub use alerting::{AlertingConfig, AlertmanagerConfig};
pub use azuread::{
    AzureAdConfig, AzureCloud, AzureIdentity, AzureManagedIdentity, AzureOAuth, AzureSdk, AzureWorkloadIdentity,
};
pub use config::{LoadOptions, Mode, PrometheusConfig, RuntimeConfig, glob_files};
pub use discovery::{FileSdConfig, OtherSdConfig, SdConfigs, SdValues};
pub use duration::{DurationError, format_duration, parse_duration};
pub use error::{ConfigError, Position};
pub use global::{GlobalConfig, Limits, NameEscapingScheme, NameValidationScheme, NativeHistogramOptions};
pub use google_iam::GoogleIamConfig;
pub use http_client::{
    Authorization, BasicAuth, GrantType, HeaderValues, HttpClientConfig, JwtBearer, OAuth2, ProxyConfig,
    SignatureAlgorithm, TlsConfig, TlsVersion,
};
pub use line_log::LineLog;
pub use loki::{LokiConfig, LokiLimits};
pub use otlp::{OtlpConfig, TranslationStrategy};
pub use relabel::{RelabelAction, RelabelConfig};
pub use remote::{MetadataConfig, QueueConfig, RemoteReadConfig, RemoteWriteConfig};
pub use scrape::{ScrapeConfig, ScrapeProtocol};
pub use secret::Secret;
pub use sigv4::SigV4Config;
pub use size::{SizeError, format_size, parse_size};
pub use storage::{RetentionConfig, StorageConfig};
pub use target_group::{TargetGroup, parse_target_groups};
pub use tracing::TracingConfig;
pub use web::{ClientAuth, Material, RateLimit, TlsServerConfig, WebConfig};

/// The strict reader below the model, for other files of the same kind (`alertmanager.yml`).
pub mod strict {
    pub use crate::error::{Problem, Result};
    pub use crate::section::{Section, read_section, text, text_or_null};
    pub use crate::yaml::{Entry, Node, Value, parse};
}

#[cfg(test)]
mod tests;
