//! `webex_configs`: messages of Webex.

use serde::Serialize;
use skopos_config::HttpClientConfig;
use skopos_config::strict::{Result, Section};

use crate::config::fields::{Context, own_http_config, text_or, url_or};

/// Settings of Webex. Texts are templates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WebexConfig {
    /// How to connect; its `authorization` is the bot's.
    pub http_config: HttpClientConfig,
    /// Webex' API.
    pub api_url: String,
    /// The message, in Markdown.
    pub message: String,
    /// The room.
    pub room_id: String,
}

impl WebexConfig {
    pub(super) fn read(section: &Section<'_>, context: &Context<'_>) -> Result<Self> {
        let room_id = section.text_or_empty("room_id")?;
        if room_id.is_empty() {
            section.refuse(section.problem_at("room_id", "missing room_id on webex_config"));
        }
        let http_config = own_http_config(section)?.unwrap_or_default();
        if http_config.authorization.is_none() {
            section.refuse(
                section
                    .problem_at("http_config", "missing webex_configs.http_config.authorization")
                    .help("the bot's token stands there, under credentials or credentials_file"),
            );
        }
        Ok(Self {
            http_config,
            api_url: url_or(section, "api_url", &context.global.webex_api_url)?,
            message: text_or(section, "message", "{{ template \"webex.default.message\" . }}")?,
            room_id,
        })
    }
}
