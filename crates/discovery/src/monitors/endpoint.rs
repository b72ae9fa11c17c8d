//! What endpoints of services, of pods and probes share: how they are scraped.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::oauth2::OAuth2;
use super::proxy::Proxy;
use super::references::{KeyOf, KeyOfEither};
use super::relabel::{RelabelConfig, filter, literal};
use super::{Job, Maker};

/// A port by name or number.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum NameOrNumber {
    Number(u16),
    Name(String),
}

impl std::fmt::Display for NameOrNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

impl NameOrNumber {
    /// The rule that keeps the targets of this port of a container.
    pub(super) fn keep(&self) -> Value {
        let label = match self {
            Self::Name(_) => "__meta_kubernetes_pod_container_port_name",
            Self::Number(_) => "__meta_kubernetes_pod_container_port_number",
        };
        filter("keep", &[label.to_owned()], &literal(&self.to_string()))
    }
}

/// How an endpoint is scraped.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Scraping {
    pub(super) interval: Option<String>,
    pub(super) scrape_timeout: Option<String>,
    pub(super) path: Option<String>,
    pub(super) scheme: Option<String>,
    pub(super) params: Option<BTreeMap<String, Vec<String>>>,
    pub(super) honor_labels: Option<bool>,
    pub(super) honor_timestamps: Option<bool>,
    pub(super) track_timestamps_staleness: Option<bool>,
    pub(super) follow_redirects: Option<bool>,
    pub(super) enable_http2: Option<bool>,
    pub(super) filter_running: Option<bool>,
    #[serde(flatten)]
    pub(super) proxy: Proxy,
    pub(super) oauth2: Option<OAuth2>,
    pub(super) basic_auth: Option<BasicAuth>,
    pub(super) authorization: Option<Authorization>,
    pub(super) bearer_token_secret: Option<KeyOf>,
    pub(super) bearer_token_file: Option<String>,
    pub(super) tls_config: Option<TlsConfig>,
    pub(super) relabelings: Vec<RelabelConfig>,
    pub(super) metric_relabelings: Vec<RelabelConfig>,
    /// What is written and not done.
    #[serde(flatten)]
    pub(super) others: Map<String, Value>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct BasicAuth {
    username: KeyOf,
    password: KeyOf,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Authorization {
    #[serde(rename = "type", default)]
    scheme: String,
    credentials: Option<KeyOf>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TlsConfig {
    ca: Option<KeyOfEither>,
    ca_file: Option<String>,
    cert: Option<KeyOfEither>,
    cert_file: Option<String>,
    key_secret: Option<KeyOf>,
    key_file: Option<String>,
    server_name: Option<String>,
    insecure_skip_verify: Option<bool>,
    min_version: Option<String>,
    max_version: Option<String>,
}

/// Limits of the object that hold for all of its endpoints.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Limits {
    sample_limit: Option<u64>,
    target_limit: Option<u64>,
    label_limit: Option<u64>,
    label_name_length_limit: Option<u64>,
    label_value_length_limit: Option<u64>,
    keep_dropped_targets: Option<u64>,
    body_size_limit: Option<String>,
    scrape_protocols: Option<Vec<String>>,
    fallback_scrape_protocol: Option<String>,
    scrape_classic_histograms: Option<bool>,
    scrape_native_histograms: Option<bool>,
    native_histogram_bucket_limit: Option<u64>,
    convert_classic_histograms_to_nhcb: Option<bool>,
    /// What is written and not done.
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// Sets a key where there is a value.
pub(super) fn set<T: serde::Serialize>(job: &mut Job, key: &str, value: Option<&T>) {
    if let Some(value) = value {
        job.insert(key.to_owned(), json!(value));
    }
}

impl Limits {
    pub(super) fn set(&self, job: &mut Job, maker: &mut Maker<'_>) {
        maker.warn_of(job, &self.others);
        set(job, "sample_limit", self.sample_limit.as_ref());
        set(job, "target_limit", self.target_limit.as_ref());
        set(job, "label_limit", self.label_limit.as_ref());
        set(job, "label_name_length_limit", self.label_name_length_limit.as_ref());
        set(job, "label_value_length_limit", self.label_value_length_limit.as_ref());
        set(job, "keep_dropped_targets", self.keep_dropped_targets.as_ref());
        set(job, "body_size_limit", self.body_size_limit.as_ref());
        set(job, "scrape_protocols", self.scrape_protocols.as_ref());
        set(job, "fallback_scrape_protocol", self.fallback_scrape_protocol.as_ref());
        let classic = self.scrape_classic_histograms.as_ref();
        set(job, "always_scrape_classic_histograms", classic);
        set(job, "scrape_native_histograms", self.scrape_native_histograms.as_ref());
        let buckets = self.native_histogram_bucket_limit.as_ref();
        set(job, "native_histogram_bucket_limit", buckets);
        let convert = self.convert_classic_histograms_to_nhcb.as_ref();
        set(job, "convert_classic_histograms_to_nhcb", convert);
    }
}

impl Scraping {
    /// The job's settings, without discovery and relabelling.
    pub(super) fn job(&self, name: &str, namespace: &str, maker: &mut Maker<'_>) -> Result<Job, String> {
        let mut job = Job::new();
        job.insert("job_name".to_owned(), json!(name));
        maker.warn_of(&job, &self.others);
        set(&mut job, "scrape_interval", self.interval.as_ref());
        set(&mut job, "scrape_timeout", self.scrape_timeout.as_ref());
        set(&mut job, "metrics_path", self.path.as_ref());
        let scheme = self.scheme.as_ref().map(|scheme| scheme.to_lowercase());
        set(&mut job, "scheme", scheme.as_ref());
        set(&mut job, "params", self.params.as_ref());
        set(&mut job, "honor_labels", self.honor_labels.as_ref());
        set(&mut job, "honor_timestamps", self.honor_timestamps.as_ref());
        let track = self.track_timestamps_staleness.as_ref();
        set(&mut job, "track_timestamps_staleness", track);
        set(&mut job, "follow_redirects", self.follow_redirects.as_ref());
        set(&mut job, "enable_http2", self.enable_http2.as_ref());
        self.proxy.set(&mut job, namespace, maker)?;
        set(&mut job, "bearer_token_file", self.bearer_token_file.as_ref());
        self.set_credentials(&mut job, namespace, maker)?;
        if let Some(oauth2) = &self.oauth2 {
            let section = oauth2.section(&job, namespace, maker)?;
            job.insert("oauth2".to_owned(), section);
        }
        if let Some(tls) = &self.tls_config {
            job.insert("tls_config".to_owned(), tls.section(namespace, maker)?);
        }
        if !self.metric_relabelings.is_empty() {
            let rules: Vec<_> = self.metric_relabelings.iter().map(RelabelConfig::rule).collect();
            job.insert("metric_relabel_configs".to_owned(), json!(rules));
        }
        Ok(job)
    }

    fn set_credentials(&self, job: &mut Job, namespace: &str, maker: &Maker<'_>) -> Result<(), String> {
        let secret = |key: &KeyOf| maker.references.secret(namespace, key);
        if let Some(auth) = &self.basic_auth {
            let section = json!({ "username": secret(&auth.username)?, "password": secret(&auth.password)? });
            job.insert("basic_auth".to_owned(), section);
        }
        if let Some(auth) = &self.authorization {
            let mut section = json!({});
            if !auth.scheme.is_empty() {
                section["type"] = json!(auth.scheme);
            }
            if let Some(credentials) = &auth.credentials {
                section["credentials"] = json!(secret(credentials)?);
            }
            job.insert("authorization".to_owned(), section);
        }
        if let Some(token) = &self.bearer_token_secret {
            job.insert("authorization".to_owned(), json!({ "credentials": secret(token)? }));
        }
        Ok(())
    }

    /// Whether pods that have ended are left out.
    pub(super) fn drops_ended(&self) -> bool {
        self.filter_running.unwrap_or(true)
    }
}

impl TlsConfig {
    pub(super) fn section(&self, namespace: &str, maker: &Maker<'_>) -> Result<Value, String> {
        let mut section = Job::new();
        for (name, either) in [("ca", &self.ca), ("cert", &self.cert)] {
            if let Some(key) = either {
                set(&mut section, name, maker.references.either(namespace, key)?.as_ref());
            }
        }
        if let Some(key) = &self.key_secret {
            set(&mut section, "key", Some(&maker.references.secret(namespace, key)?));
        }
        set(&mut section, "ca_file", self.ca_file.as_ref());
        set(&mut section, "cert_file", self.cert_file.as_ref());
        set(&mut section, "key_file", self.key_file.as_ref());
        set(&mut section, "server_name", self.server_name.as_ref());
        set(&mut section, "insecure_skip_verify", self.insecure_skip_verify.as_ref());
        set(&mut section, "min_version", self.min_version.as_ref());
        set(&mut section, "max_version", self.max_version.as_ref());
        Ok(Value::Object(section))
    }
}
