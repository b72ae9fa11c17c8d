//! `discord_configs`: messages of Discord.

use serde::Serialize;
use skopos_config::strict::{Result, Section};
use skopos_config::{HttpClientConfig, Secret};

use super::required_webhook;
use crate::config::fields::{Context, http_config, text_or};

/// Settings of Discord. Texts are templates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DiscordConfig {
    /// How to connect.
    pub http_config: HttpClientConfig,
    /// The incoming webhook. Either this or the file is set.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub webhook_url: Secret,
    /// The file with the incoming webhook.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub webhook_url_file: String,
    /// The message's text, beside the embed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub content: String,
    /// The embed's title.
    pub title: String,
    /// The embed's text.
    pub message: String,
    /// Under which name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// The image beside the name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub avatar_url: String,
}

impl DiscordConfig {
    pub(super) fn read(section: &Section<'_>, context: &Context<'_>) -> Result<Self> {
        let (webhook_url, webhook_url_file) = required_webhook(section)?;
        Ok(Self {
            http_config: http_config(section, context)?,
            webhook_url,
            webhook_url_file,
            content: section.text_or_empty("content")?,
            title: text_or(section, "title", "{{ template \"discord.default.title\" . }}")?,
            message: text_or(section, "message", "{{ template \"discord.default.message\" . }}")?,
            username: section.text_or_empty("username")?,
            avatar_url: section.text_or_empty("avatar_url")?,
        })
    }
}
