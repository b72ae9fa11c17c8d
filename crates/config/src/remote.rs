//! `remote_write` and `remote_read`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::azuread::AzureAdConfig;
use crate::error::{Problem, Result};
use crate::global::NameValidationScheme;
use crate::google_iam::GoogleIamConfig;
use crate::http_client::HttpClientConfig;
use crate::relabel::{RelabelConfig, read_rules};
use crate::section::{Section, read_section};
use crate::sigv4::SigV4Config;
use crate::yaml::Node;

/// Where samples are sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RemoteWriteConfig {
    /// The receiver.
    pub url: String,
    /// How long a request may take.
    #[serde(serialize_with = "crate::duration::serialize")]
    pub remote_timeout: Duration,
    /// Further headers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Rules for what is sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub write_relabel_configs: Vec<RelabelConfig>,
    /// The queue's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Whether exemplars are sent.
    pub send_exemplars: bool,
    /// Whether native histograms are sent.
    pub send_native_histograms: bool,
    /// Whether each connection goes to any address of the name, not to the first.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub round_robin_dns: bool,
    /// The message, `prometheus.WriteRequest` or `io.prometheus.write.v2.Request`.
    pub protobuf_message: String,
    /// How requests are signed for Amazon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigv4: Option<SigV4Config>,
    /// Whose token of Microsoft Entra ID requests carry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azuread: Option<AzureAdConfig>,
    /// Whose token of Google requests carry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub google_iam: Option<GoogleIamConfig>,
    /// The queue.
    pub queue_config: QueueConfig,
    /// How metadata is sent.
    pub metadata_config: MetadataConfig,
    /// How to connect.
    #[serde(flatten)]
    pub http_client: HttpClientConfig,
}

/// The queue before a remote receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueueConfig {
    /// Samples that a shard holds.
    pub capacity: u64,
    /// Most shards.
    pub max_shards: u64,
    /// Least shards.
    pub min_shards: u64,
    /// Most samples of a request.
    pub max_samples_per_send: u64,
    /// How long a sample waits at most.
    #[serde(serialize_with = "crate::duration::serialize")]
    pub batch_send_deadline: Duration,
    /// First pause after a failure.
    #[serde(serialize_with = "crate::duration::serialize")]
    pub min_backoff: Duration,
    /// Longest pause.
    #[serde(serialize_with = "crate::duration::serialize")]
    pub max_backoff: Duration,
    /// Whether 429 is tried again.
    pub retry_on_http_429: bool,
    /// Samples older than this are not sent; zero is no limit.
    #[serde(serialize_with = "crate::duration::serialize")]
    pub sample_age_limit: Duration,
}

/// How metadata is sent to a remote receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MetadataConfig {
    /// Whether it is sent.
    pub send: bool,
    /// How often.
    #[serde(serialize_with = "crate::duration::serialize")]
    pub send_interval: Duration,
    /// Most entries of a request.
    pub max_samples_per_send: u64,
}

/// From where samples are read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RemoteReadConfig {
    /// The source.
    pub url: String,
    /// How long a request may take.
    #[serde(serialize_with = "crate::duration::serialize")]
    pub remote_timeout: Duration,
    /// Further headers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Whether times that the local store has are read too.
    pub read_recent: bool,
    /// Matchers that a query must have to be sent there.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub required_matchers: BTreeMap<String, String>,
    /// The source's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Whether external labels are added to what is asked for.
    pub filter_external_labels: bool,
    /// Most bytes of a frame of a streamed answer.
    pub chunked_read_limit: u64,
    /// How to connect.
    #[serde(flatten)]
    pub http_client: HttpClientConfig,
}

/// Prometheus' default of `chunked_read_limit`, in bytes.
const CHUNKED_READ_LIMIT: u64 = 50_000_000;
const V1_MESSAGE: &str = "prometheus.WriteRequest";
const V2_MESSAGE: &str = "io.prometheus.write.v2.Request";

impl RemoteWriteConfig {
    pub(crate) fn read(node: &Node, scheme: NameValidationScheme) -> Result<Self> {
        if node.is_null() {
            return Err(Problem::at(node.at, "empty or null remote write config section").help("remove the empty item"));
        }
        read_section(node, "config.plain", |section| {
            let config = Self {
                remote_timeout: section.duration_or("remote_timeout", Duration::from_secs(30))?,
                write_relabel_configs: read_rules(
                    section,
                    "write_relabel_configs",
                    scheme,
                    "empty or null relabeling rule in remote write config",
                )?,
                name: section.text_or_empty("name")?,
                send_exemplars: section.flag_or("send_exemplars", false)?,
                send_native_histograms: section.flag_or("send_native_histograms", false)?,
                round_robin_dns: section.flag_or("round_robin_dns", false)?,
                protobuf_message: protobuf_message(section)?,
                sigv4: section.section("sigv4", "sigv4.plain", SigV4Config::read)?,
                azuread: section.section("azuread", "azuread.plain", AzureAdConfig::read)?,
                google_iam: section.section("google_iam", "googleiam.Config", GoogleIamConfig::read)?,
                queue_config: queue(section)?,
                metadata_config: metadata(section)?,
                http_client: HttpClientConfig::read(section)?,
                url: url(section, "url for remote_write is empty")?,
                headers: headers(section)?,
            };
            config.check_credentials(section)?;
            Ok(config)
        })
    }

    fn check_credentials(&self, section: &Section<'_>) -> Result<()> {
        let chosen = [
            ("basic_auth", self.http_client.basic_auth.is_some()),
            ("authorization", self.http_client.authorization.is_some()),
            ("oauth2", self.http_client.oauth2.is_some()),
            ("sigv4", self.sigv4.is_some()),
            ("azuread", self.azuread.is_some()),
            ("google_iam", self.google_iam.is_some()),
        ];
        let chosen = chosen.into_iter().filter(|(_, is_chosen)| *is_chosen);
        let chosen: Vec<&str> = chosen.map(|(key, _)| key).collect();
        let [.., _, last] = chosen[..] else { return Ok(()) };
        Err(section.problem_at(
            last,
            format!(
                "at most one of basic_auth, authorization, oauth2, sigv4, azuread or google_iam must be configured. \
                 Currently configured: [{}]",
                chosen.join(" ")
            ),
        ))
    }
}

impl RemoteReadConfig {
    pub(crate) fn read(node: &Node) -> Result<Self> {
        if node.is_null() {
            return Err(Problem::at(node.at, "empty or null remote read config section").help("remove the empty item"));
        }
        read_section(node, "config.plain", |section| {
            Ok(Self {
                chunked_read_limit: section.count_or("chunked_read_limit", CHUNKED_READ_LIMIT)?,
                remote_timeout: section.duration_or("remote_timeout", Duration::from_mins(1))?,
                read_recent: section.flag_or("read_recent", false)?,
                required_matchers: section.text_map("required_matchers")?,
                name: section.text_or_empty("name")?,
                filter_external_labels: section.flag_or("filter_external_labels", true)?,
                http_client: HttpClientConfig::read(section)?,
                url: url(section, "url for remote_read is empty")?,
                headers: headers(section)?,
            })
        })
    }
}

fn url(section: &Section<'_>, empty: &str) -> Result<String> {
    let url = section.text_or_empty("url")?;
    if url.is_empty() {
        return Err(section.problem(empty).help("set url: http://host:port/path"));
    }
    Ok(url)
}

fn protobuf_message(section: &Section<'_>) -> Result<String> {
    let message = section
        .text("protobuf_message")?
        .unwrap_or_else(|| V1_MESSAGE.to_owned());
    if message == V1_MESSAGE || message == V2_MESSAGE {
        return Ok(message);
    }
    Err(section.problem_at(
        "protobuf_message",
        format!("invalid protobuf_message value: unknown type for remote write protobuf message {message}, supported: {V1_MESSAGE}, {V2_MESSAGE}"),
    ))
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            capacity: 10_000,
            max_shards: 50,
            min_shards: 1,
            max_samples_per_send: 2000,
            batch_send_deadline: Duration::from_secs(5),
            min_backoff: Duration::from_millis(30),
            max_backoff: Duration::from_secs(5),
            retry_on_http_429: false,
            sample_age_limit: Duration::ZERO,
        }
    }
}

fn queue(section: &Section<'_>) -> Result<QueueConfig> {
    let default = QueueConfig::default();
    let queue = section.section("queue_config", "config.plain", |section| {
        let queue = QueueConfig {
            capacity: section.count_or("capacity", default.capacity)?,
            max_shards: section.count_or("max_shards", default.max_shards)?,
            min_shards: section.count_or("min_shards", default.min_shards)?,
            max_samples_per_send: section.count_or("max_samples_per_send", default.max_samples_per_send)?,
            batch_send_deadline: section.duration_or("batch_send_deadline", default.batch_send_deadline)?,
            min_backoff: section.duration_or("min_backoff", default.min_backoff)?,
            max_backoff: section.duration_or("max_backoff", default.max_backoff)?,
            retry_on_http_429: section.flag_or("retry_on_http_429", false)?,
            sample_age_limit: section.duration_or("sample_age_limit", Duration::ZERO)?,
        };
        check_queue(section, &queue)?;
        Ok(queue)
    })?;
    Ok(queue.unwrap_or_default())
}

fn check_queue(section: &Section<'_>, queue: &QueueConfig) -> Result<()> {
    let counts = [
        ("max_samples_per_send", queue.max_samples_per_send),
        ("min_shards", queue.min_shards),
        ("max_shards", queue.max_shards),
        ("capacity", queue.capacity),
    ];
    if let Some((key, _)) = counts.iter().find(|(_, count)| *count == 0) {
        return Err(section.problem_at(key, format!("remote write queue {key} must be positive")));
    }
    if queue.min_shards > queue.max_shards {
        return Err(section.problem_at(
            "min_shards",
            "remote write queue min_shards must not be greater than max_shards",
        ));
    }
    if queue.max_backoff < queue.min_backoff {
        return Err(section.problem_at(
            "max_backoff",
            "remote write queue max_backoff must not be less than min_backoff",
        ));
    }
    Ok(())
}

fn metadata(section: &Section<'_>) -> Result<MetadataConfig> {
    let default = MetadataConfig {
        send: true,
        send_interval: Duration::from_mins(1),
        max_samples_per_send: 2000,
    };
    let metadata = section.section("metadata_config", "config.MetadataConfig", |section| {
        Ok(MetadataConfig {
            send: section.flag_or("send", default.send)?,
            send_interval: section.duration_or("send_interval", default.send_interval)?,
            max_samples_per_send: section.count_or("max_samples_per_send", default.max_samples_per_send)?,
        })
    })?;
    Ok(metadata.unwrap_or(default))
}

/// Headers that the protocol sets itself.
const RESERVED: [&str; 12] = [
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "x-prometheus-remote-write-version",
    "x-prometheus-remote-read-version",
];

fn headers(section: &Section<'_>) -> Result<BTreeMap<String, String>> {
    let headers = section.text_map("headers")?;
    for name in headers.keys() {
        if name.eq_ignore_ascii_case("authorization") {
            return Err(section.problem_at(
                "headers",
                "authorization header must be changed via the basic_auth, authorization, oauth2, sigv4, azuread or google_iam parameter",
            ));
        }
        if RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
            return Err(section.problem_at(
                "headers",
                format!("{name} is a reserved header. It must not be changed"),
            ));
        }
    }
    Ok(headers)
}
