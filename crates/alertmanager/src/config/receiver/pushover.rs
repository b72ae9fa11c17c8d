//! `pushover_configs`: messages of Pushover.

use std::time::Duration;

use serde::Serialize;
use skopos_config::strict::{Result, Section};
use skopos_config::{HttpClientConfig, Secret};

use crate::config::fields::{Context, SecretPair, go_duration, http_config, text_or};
use crate::config::show;

/// Settings of Pushover. Texts are templates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PushoverConfig {
    /// How to connect.
    pub http_config: HttpClientConfig,
    /// The addressee's key.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub user_key: Secret,
    /// The file with the addressee's key.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user_key_file: String,
    /// The application's token.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub token: Secret,
    /// The file with the application's token.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub token_file: String,
    /// The title.
    pub title: String,
    /// The message.
    pub message: String,
    /// A link.
    pub url: String,
    /// What the link says.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url_title: String,
    /// To which device.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub device: String,
    /// The sound.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sound: String,
    /// The priority, -2 to 2.
    pub priority: String,
    /// How often an emergency is repeated.
    #[serde(serialize_with = "show::go_duration")]
    pub retry: Duration,
    /// How long an emergency is repeated.
    #[serde(serialize_with = "show::go_duration")]
    pub expire: Duration,
    /// How long the message is kept; 0 for ever.
    #[serde(skip_serializing_if = "Duration::is_zero", serialize_with = "show::go_duration")]
    pub ttl: Duration,
    /// Whether the message is HTML.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub html: bool,
    /// Whether the message is in a monospaced font.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub monospace: bool,
}

impl PushoverConfig {
    pub(super) fn read(section: &Section<'_>, context: &Context<'_>) -> Result<Self> {
        let user_key = required(section, "user_key", "user_key_file")?;
        let token = required(section, "token", "token_file")?;
        let (html, monospace) = (section.flag_or("html", false)?, section.flag_or("monospace", false)?);
        if html && monospace {
            section.refuse(section.problem_at("monospace", "at most one of monospace & html must be configured"));
        }
        let (user_key, user_key_file) = user_key.into_parts();
        let (token, token_file) = token.into_parts();
        Ok(Self {
            http_config: http_config(section, context)?,
            user_key,
            user_key_file,
            token,
            token_file,
            title: text_or(section, "title", "{{ template \"pushover.default.title\" . }}")?,
            message: text_or(section, "message", "{{ template \"pushover.default.message\" . }}")?,
            url: text_or(section, "url", "{{ template \"pushover.default.url\" . }}")?,
            url_title: section.text_or_empty("url_title")?,
            device: section.text_or_empty("device")?,
            sound: section.text_or_empty("sound")?,
            priority: text_or(
                section,
                "priority",
                "{{ if eq .Status \"firing\" }}2{{ else }}0{{ end }}",
            )?,
            retry: go_duration(section, "retry")?.unwrap_or(Duration::from_mins(1)),
            expire: go_duration(section, "expire")?.unwrap_or(Duration::from_hours(1)),
            ttl: go_duration(section, "ttl")?.unwrap_or_default(),
            html,
            monospace,
        })
    }
}

fn required(section: &Section<'_>, key: &'static str, file_key: &'static str) -> Result<SecretPair> {
    let pair = SecretPair::read(section, key, file_key)?;
    if pair.is_empty() {
        section.refuse(section.problem(format!("one of {key} or {file_key} must be configured")));
    }
    Ok(pair)
}
