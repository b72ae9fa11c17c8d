//! `msteams_configs`: messages of Microsoft Teams by connectors, which Microsoft retires.

use serde::Serialize;
use skopos_config::strict::{Result, Section};
use skopos_config::{HttpClientConfig, Secret};

use super::required_webhook;
use crate::config::fields::{Context, http_config, text_or};

/// Settings of Microsoft Teams by connectors. Texts are templates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MsteamsConfig {
    /// How to connect.
    pub http_config: HttpClientConfig,
    /// The incoming webhook. Either this or the file is set.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub webhook_url: Secret,
    /// The file with the incoming webhook.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub webhook_url_file: String,
    /// The title.
    pub title: String,
    /// The summary.
    pub summary: String,
    /// The text.
    pub text: String,
}

impl MsteamsConfig {
    pub(super) fn read(section: &Section<'_>, context: &Context<'_>) -> Result<Self> {
        let (webhook_url, webhook_url_file) = required_webhook(section)?;
        Ok(Self {
            http_config: http_config(section, context)?,
            webhook_url,
            webhook_url_file,
            title: text_or(section, "title", "{{ template \"msteams.default.title\" . }}")?,
            summary: text_or(section, "summary", "{{ template \"msteams.default.summary\" . }}")?,
            text: text_or(section, "text", "{{ template \"msteams.default.text\" . }}")?,
        })
    }
}
