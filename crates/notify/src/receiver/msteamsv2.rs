//! `msteamsv2_configs`: an adaptive card by a workflow of Microsoft Teams.

use serde_json::{Value as Json, json};
use skopos_alertmanager::config::receiver::MsteamsV2Config;

use super::{Sent, sent};
use crate::courier::{AnswerRules, Courier};
use crate::send_error::SendError;
use crate::template::{Rendering, TemplateError};

pub(super) fn render(config: &MsteamsV2Config, rendering: &Rendering<'_>) -> Result<Json, TemplateError> {
    let color = if rendering.is_firing() { "Attention" } else { "Good" };
    let heading = json!({
        "type": "TextBlock",
        "text": rendering.text("title", &config.title)?,
        "weight": "Bolder",
        "size": "Medium",
        "wrap": true,
        "style": "heading",
        "color": color,
    });
    let text = json!({ "type": "TextBlock", "text": rendering.text("text", &config.text)?, "wrap": true });
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "body": [heading, text],
        "msteams": { "width": "full" },
    });
    let content_type = "application/vnd.microsoft.card.adaptive";
    Ok(json!({
        "type": "message",
        "attachments": [{ "contentType": content_type, "contentUrl": null, "content": card }],
    }))
}

pub(super) async fn send(config: &MsteamsV2Config, body: &Json, courier: &Courier<'_>) -> Result<Sent, SendError> {
    let url = courier
        .plain_secret("webhook_url", &config.webhook_url, &config.webhook_url_file)
        .await?;
    let answer = courier.post_json(&url, body, AnswerRules::PLAIN).await?;
    Ok(sent(answer.status))
}
