//! `mattermost_configs`: a post by an incoming webhook, with attachments.

use serde_json::{Value as Json, json};
use skopos_alertmanager::config::receiver::{MattermostAttachment, MattermostConfig, MattermostPriority};

use super::body::{Body, text};
use super::{Sent, sent};
use crate::courier::{AnswerRules, Courier};
use crate::send_error::SendError;
use crate::template::{Rendering, TemplateError};
use crate::truncate;

const MAX_TEXT: usize = 16_383;

pub(super) fn render(config: &MattermostConfig, rendering: &Rendering<'_>) -> Result<Json, TemplateError> {
    // The text of the settings is the post's; the other parts beside it make the first attachment.
    let post = rendering.text("text", &config.attachment.text)?;
    let first = MattermostAttachment {
        text: String::new(),
        ..config.attachment.clone()
    };
    let mut attachments = Vec::with_capacity(1 + config.attachments.len());
    for one in std::iter::once(&first).chain(&config.attachments) {
        attachments.push(attachment(one, rendering)?);
    }
    let mut body = Body::new(rendering);
    body.set("text", truncate::characters(post, MAX_TEXT));
    body.text_unless_empty("channel", &config.channel)?;
    body.text_unless_empty("username", &config.username)?;
    body.text_unless_empty("icon_url", &config.icon_url)?;
    body.text_unless_empty("icon_emoji", &config.icon_emoji)?;
    body.set("attachments", attachments);
    body.set_unless_empty("type", rendering.text("type", &config.post_type)?);
    if let Some(props) = config.props.as_ref().filter(|props| !props.card.is_empty()) {
        body.set("props", json!({ "card": rendering.text("props.card", &props.card)? }));
    }
    if let Some(urgency) = config.priority.as_ref().filter(|urgency| !urgency.priority.is_empty()) {
        body.set("priority", priority(urgency, rendering)?);
    }
    Ok(body.into_json())
}

fn attachment(attachment: &MattermostAttachment, rendering: &Rendering<'_>) -> Result<Json, TemplateError> {
    let mut out = Body::new(rendering);
    out.text_unless_empty("fallback", &attachment.fallback)?;
    out.text_unless_empty("color", &attachment.color)?;
    out.text_unless_empty("pretext", &attachment.pretext)?;
    out.text_unless_empty("text", &attachment.text)?;
    out.text_unless_empty("author_name", &attachment.author_name)?;
    out.text_unless_empty("author_link", &attachment.author_link)?;
    out.text_unless_empty("author_icon", &attachment.author_icon)?;
    out.text_unless_empty("title", &attachment.title)?;
    out.text_unless_empty("title_link", &attachment.title_link)?;
    let mut fields = Vec::with_capacity(attachment.fields.len());
    for field in &attachment.fields {
        let mut one = Body::new(rendering);
        one.text("title", &field.title)?;
        one.text("value", &field.value)?;
        if let Some(short) = field.short {
            one.set("short", short);
        }
        fields.push(one.into_json());
    }
    out.set_unless_empty("fields", fields);
    out.text_unless_empty("thumb_url", &attachment.thumb_url)?;
    out.text_unless_empty("footer", &attachment.footer)?;
    out.text_unless_empty("footer_icon", &attachment.footer_icon)?;
    out.text_unless_empty("image_url", &attachment.image_url)?;
    Ok(out.into_json())
}

/// Mattermost takes acknowledgements from important posts on, and persistence for urgent ones only.
fn priority(priority: &MattermostPriority, rendering: &Rendering<'_>) -> Result<Json, TemplateError> {
    let asked = rendering.text("priority.priority", &priority.priority)?.to_lowercase();
    let level = match asked.as_str() {
        "urgent" | "important" => asked.as_str(),
        _ => "standard",
    };
    Ok(json!({
        "priority": level,
        "requested_ack": priority.requested_ack && level != "standard",
        "persistent_notifications": priority.persistent_notifications && level == "urgent",
    }))
}

pub(super) async fn send(config: &MattermostConfig, body: &Json, courier: &Courier<'_>) -> Result<Sent, SendError> {
    let url = courier
        .plain_secret("webhook_url", &config.webhook_url, &config.webhook_url_file)
        .await?;
    let answer = courier.post_json(&url, body, AnswerRules::PLAIN).await;
    let answer = answer.map_err(|mut error| {
        error.text = format!("channel {:?}: {}", text(body, "channel"), error.text);
        error
    })?;
    Ok(sent(answer.status))
}
