//! `msteamsv2_configs`: messages of Microsoft Teams by workflows.

use serde::Serialize;
use skopos_config::strict::{Result, Section};
use skopos_config::{HttpClientConfig, Secret};

use super::required_webhook;
use crate::config::fields::{Context, http_config, text_or};

/// Settings of Microsoft Teams by workflows. Texts are templates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MsteamsV2Config {
    /// How to connect.
    pub http_config: HttpClientConfig,
    /// The workflow's URL. Either this or the file is set.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub webhook_url: Secret,
    /// The file with the workflow's URL.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub webhook_url_file: String,
    /// The title.
    pub title: String,
    /// The text.
    pub text: String,
}

impl MsteamsV2Config {
    pub(super) fn read(section: &Section<'_>, context: &Context<'_>) -> Result<Self> {
        let (webhook_url, webhook_url_file) = required_webhook(section)?;
        Ok(Self {
            http_config: http_config(section, context)?,
            webhook_url,
            webhook_url_file,
            title: text_or(section, "title", "{{ template \"msteamsv2.default.title\" . }}")?,
            text: text_or(section, "text", "{{ template \"msteamsv2.default.text\" . }}")?,
        })
    }
}
