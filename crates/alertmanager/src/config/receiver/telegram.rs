//! `telegram_configs`: messages of Telegram.

use serde::Serialize;
use skopos_config::strict::{Result, Section};
use skopos_config::{HttpClientConfig, Secret};

use crate::config::fields::{Context, SecretPair, http_config, text_or, url_or};

/// Settings of Telegram.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TelegramConfig {
    /// How to connect.
    pub http_config: HttpClientConfig,
    /// Telegram's API.
    pub api_url: String,
    /// The bot's token.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub bot_token: Secret,
    /// The file with the bot's token.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub bot_token_file: String,
    /// The chat; 0 where the file names it.
    #[serde(skip_serializing_if = "is_zero")]
    pub chat_id: i64,
    /// The file with the chat.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub chat_id_file: String,
    /// The thread in a group; 0 for none.
    #[serde(skip_serializing_if = "is_zero")]
    pub message_thread_id: i64,
    /// The message, a template.
    pub message: String,
    /// Whether the phone keeps silent.
    pub disable_notifications: bool,
    /// `HTML`, `Markdown`, `MarkdownV2`, or empty for plain text.
    pub parse_mode: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl TelegramConfig {
    pub(super) fn read(section: &Section<'_>, context: &Context<'_>) -> Result<Self> {
        let global = context.global;
        let token = SecretPair::read(section, "bot_token", "bot_token_file")?;
        let chat_id = section.integer("chat_id")?.unwrap_or(0);
        let chat_id_file = section.text_or_empty("chat_id_file")?;
        if chat_id == 0 && chat_id_file.is_empty() {
            section.refuse(section.problem("missing chat_id or chat_id_file on telegram_config"));
        }
        if chat_id != 0 && !chat_id_file.is_empty() {
            section.refuse(section.problem("at most one of chat_id & chat_id_file must be configured"));
        }
        let parse_mode = text_or(section, "parse_mode", "HTML")?;
        if !matches!(parse_mode.as_str(), "" | "Markdown" | "MarkdownV2" | "HTML") {
            section.refuse(section.problem_at(
                "parse_mode",
                "unknown parse_mode on telegram_config, must be Markdown, MarkdownV2, HTML or empty string",
            ));
        }
        let token = token.or(&global.telegram_bot_token, &global.telegram_bot_token_file);
        if token.is_empty() {
            section.refuse(
                section
                    .problem("missing bot_token or bot_token_file on telegram_config")
                    .help("set one of them here, or telegram_bot_token in global"),
            );
        }
        let (bot_token, bot_token_file) = token.into_parts();
        Ok(Self {
            http_config: http_config(section, context)?,
            api_url: url_or(section, "api_url", &global.telegram_api_url)?,
            bot_token,
            bot_token_file,
            chat_id,
            chat_id_file,
            message_thread_id: section.integer("message_thread_id")?.unwrap_or(0),
            message: text_or(section, "message", "{{ template \"telegram.default.message\" . }}")?,
            disable_notifications: section.flag_or("disable_notifications", false)?,
            parse_mode,
        })
    }
}
