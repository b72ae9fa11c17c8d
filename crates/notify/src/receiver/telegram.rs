//! `telegram_configs`: a message of a bot.

use serde_json::Value as Json;
use skopos_alertmanager::config::receiver::TelegramConfig;
use skopos_config::Secret;

use super::body::Body;
use super::{Sent, sent};
use crate::courier::{AnswerRules, Courier};
use crate::send_error::SendError;
use crate::template::{Rendering, TemplateError};
use crate::truncate;

const MAX_MESSAGE: usize = 4096;

pub(super) fn render(config: &TelegramConfig, rendering: &Rendering<'_>) -> Result<Json, TemplateError> {
    let message = if config.parse_mode == "HTML" {
        rendering.html("message", &config.message)?
    } else {
        rendering.text("message", &config.message)?
    };
    let mut body = Body::new(rendering);
    if config.chat_id_file.is_empty() {
        body.set("chat_id", config.chat_id);
    }
    body.set_unless_empty("message_thread_id", config.message_thread_id);
    body.set("text", truncate::characters(message, MAX_MESSAGE));
    body.set_unless_empty("parse_mode", config.parse_mode.as_str());
    body.set_unless_empty("disable_notification", config.disable_notifications);
    body.set("disable_web_page_preview", true);
    Ok(body.into_json())
}

pub(super) async fn send(config: &TelegramConfig, body: &Json, courier: &Courier<'_>) -> Result<Sent, SendError> {
    let token = courier
        .plain_secret("bot_token", &config.bot_token, &config.bot_token_file)
        .await?;
    let mut body = body.clone();
    if !config.chat_id_file.is_empty() {
        let chat = courier
            .plain_secret("chat_id", &Secret::default(), &config.chat_id_file)
            .await?;
        let chat: i64 = chat
            .parse()
            .map_err(|_| SendError::lasting(format!("chat_id_file: {} holds no number", config.chat_id_file)))?;
        body["chat_id"] = chat.into();
    }
    let url = format!("{}/bot{token}/sendMessage", config.api_url.trim_end_matches('/'));
    let answer = courier.post_json(&url, &body, AnswerRules::RATE_LIMITED).await?;
    Ok(sent(answer.status))
}
