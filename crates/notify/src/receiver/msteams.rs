//! `msteams_configs`: a card by a connector of Microsoft Teams.

use serde_json::{Value as Json, json};
use skopos_alertmanager::config::receiver::MsteamsConfig;

use super::{Sent, sent};
use crate::courier::{AnswerRules, Courier};
use crate::send_error::{FailureReason, SendError};
use crate::template::{Rendering, TemplateError};

const FIRING_COLOR: &str = "8C1A1A";
const RESOLVED_COLOR: &str = "2DC72D";
/// How the connector begins to say, with status 200, that Teams took nothing.
const FAILURE: &str = "Webhook message delivery failed";

pub(super) fn render(config: &MsteamsConfig, rendering: &Rendering<'_>) -> Result<Json, TemplateError> {
    let color = if rendering.is_firing() {
        FIRING_COLOR
    } else {
        RESOLVED_COLOR
    };
    Ok(json!({
        "@context": "http://schema.org/extensions",
        "@type": "MessageCard",
        "title": rendering.text("title", &config.title)?,
        "summary": rendering.text("summary", &config.summary)?,
        "text": rendering.text("text", &config.text)?,
        "themeColor": color,
    }))
}

pub(super) async fn send(config: &MsteamsConfig, body: &Json, courier: &Courier<'_>) -> Result<Sent, SendError> {
    let url = courier
        .plain_secret("webhook_url", &config.webhook_url, &config.webhook_url_file)
        .await?;
    let answer = courier.post_json(&url, body, AnswerRules::PLAIN).await?;
    let text = String::from_utf8_lossy(&answer.body);
    if !text.starts_with(FAILURE) {
        return Ok(sent(answer.status));
    }
    let error = SendError::recoverable(format!("error response from Microsoft Teams: {text}"));
    Err(if text.contains("429") {
        error.with_reason(FailureReason::RateLimited)
    } else {
        error
    })
}
