//! `discord_configs`: an embed by an incoming webhook.

use serde_json::{Value as Json, json};
use skopos_alertmanager::config::receiver::DiscordConfig;

use super::body::Body;
use super::{Sent, sent};
use crate::courier::{AnswerRules, Courier};
use crate::send_error::SendError;
use crate::template::{Rendering, TemplateError};
use crate::truncate;

const MAX_TITLE: usize = 256;
const MAX_MESSAGE: usize = 4096;
const MAX_CONTENT: usize = 2000;
const FIRING_COLOR: u32 = 0x99_2d22;
const RESOLVED_COLOR: u32 = 0x2e_cc71;

pub(super) fn render(config: &DiscordConfig, rendering: &Rendering<'_>) -> Result<Json, TemplateError> {
    let title = truncate::characters(rendering.text("title", &config.title)?, MAX_TITLE);
    let message = truncate::characters(rendering.text("message", &config.message)?, MAX_MESSAGE);
    let content = truncate::characters(rendering.text("content", &config.content)?, MAX_CONTENT);
    let color = if rendering.is_firing() {
        FIRING_COLOR
    } else {
        RESOLVED_COLOR
    };
    let mut body = Body::new(rendering);
    body.set("content", content);
    body.set(
        "embeds",
        json!([{ "title": title, "description": message, "color": color }]),
    );
    body.text_unless_empty("username", &config.username)?;
    body.text_unless_empty("avatar_url", &config.avatar_url)?;
    Ok(body.into_json())
}

pub(super) async fn send(config: &DiscordConfig, body: &Json, courier: &Courier<'_>) -> Result<Sent, SendError> {
    let url = courier
        .plain_secret("webhook_url", &config.webhook_url, &config.webhook_url_file)
        .await?;
    let answer = courier.post_json(&url, body, AnswerRules::PLAIN).await?;
    Ok(sent(answer.status))
}
