//! `webhook_configs`: JSON to any URL.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use skopos_config::strict::{Result, Section};
use skopos_config::{HttpClientConfig, Secret};

use crate::config::fields::{Context, SecretPair, go_duration, http_config};
use crate::config::{free_form, show};

/// Settings of a webhook.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WebhookConfig {
    /// How to connect.
    pub http_config: HttpClientConfig,
    /// Where to send; may be a template. Either this or the file is set.
    #[serde(skip_serializing_if = "Secret::is_empty", serialize_with = "show::webhook_url")]
    pub url: Secret,
    /// The file with the URL.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url_file: String,
    /// Most alerts of a message; 0 for no limit.
    pub max_alerts: u64,
    /// How long a request may take; 0 for no limit of its own.
    #[serde(skip_serializing_if = "Duration::is_zero", serialize_with = "show::go_duration")]
    pub timeout: Duration,
    /// A body in place of the usual one, whose texts are templates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
}

impl WebhookConfig {
    pub(super) fn read(section: &Section<'_>, context: &Context<'_>) -> Result<Self> {
        let url = SecretPair::read_template_url(section, "url", "url_file")?;
        if url.is_empty() {
            section.refuse(section.problem("one of url or url_file must be configured"));
        }
        let (url, url_file) = url.into_parts();
        Ok(Self {
            http_config: http_config(section, context)?,
            url,
            url_file,
            max_alerts: section.count_or("max_alerts", 0)?,
            timeout: go_duration(section, "timeout")?.unwrap_or_default(),
            payload: section.get("payload").map(free_form::json),
        })
    }
}
