//! `rocketchat_configs`: one attachment of Rocket.Chat.

use reqwest::Method;
use serde_json::{Value as Json, json};
use skopos_alertmanager::config::receiver::RocketchatConfig;

use super::body::{Body, text};
use super::{Sent, sent};
use crate::courier::{AnswerRules, Courier};
use crate::send_error::{FailureReason, SendError};
use crate::template::{Rendering, TemplateError};
use crate::truncate;

const MAX_TITLE: usize = 1024;

pub(super) fn render(config: &RocketchatConfig, rendering: &Rendering<'_>) -> Result<Json, TemplateError> {
    let mut body = Body::new(rendering);
    body.text_unless_empty("channel", &config.channel)?;
    body.text_unless_empty("emoji", &config.emoji)?;
    body.set_unless_empty("avatar", rendering.text("icon_url", &config.icon_url)?);
    body.set("attachments", json!([attachment(config, rendering)?]));
    Ok(body.into_json())
}

fn attachment(config: &RocketchatConfig, rendering: &Rendering<'_>) -> Result<Json, TemplateError> {
    let title = truncate::characters(rendering.text("title", &config.title)?, MAX_TITLE);
    let mut out = Body::new(rendering);
    out.set_unless_empty("title", title);
    out.text_unless_empty("title_link", &config.title_link)?;
    out.text_unless_empty("text", &config.text)?;
    out.text_unless_empty("image_url", &config.image_url)?;
    out.text_unless_empty("thumb_url", &config.thumb_url)?;
    out.text_unless_empty("color", &config.color)?;
    let mut fields = Vec::with_capacity(config.fields.len());
    for field in &config.fields {
        fields.push(json!({
            "short": field.short.unwrap_or(config.short_fields),
            "title": rendering.text("fields.title", &field.title)?,
            "value": rendering.text("fields.value", &field.value)?,
        }));
    }
    out.set_unless_empty("fields", fields);
    let mut actions = Vec::with_capacity(config.actions.len());
    for action in &config.actions {
        let mut one = Body::new(rendering);
        one.set("type", "button");
        one.text_unless_empty("text", &action.text)?;
        one.text_unless_empty("url", &action.url)?;
        one.text_unless_empty("msg", &action.msg)?;
        actions.push(one.into_json());
    }
    out.set_unless_empty("actions", actions);
    Ok(out.into_json())
}

pub(super) async fn send(config: &RocketchatConfig, body: &Json, courier: &Courier<'_>) -> Result<Sent, SendError> {
    let token = courier.plain_secret("token", &config.token, &config.token_file).await?;
    let id = courier
        .plain_secret("token_id", &config.token_id, &config.token_id_file)
        .await?;
    let url = format!("{}/api/v1/chat.postMessage", config.api_url.trim_end_matches('/'));
    let request = courier
        .client
        .request(Method::POST, &url)
        .header("X-Auth-Token", token)
        .header("X-User-Id", id)
        .json(body);
    let of_channel = |mut error: SendError| {
        error.text = format!("channel {:?}: {}", text(body, "channel"), error.text);
        error
    };
    let answer = courier.send(request, AnswerRules::PLAIN).await.map_err(of_channel)?;
    let said = answer.json().map_err(of_channel)?;
    if said.get("success").and_then(Json::as_bool) == Some(true) {
        return Ok(sent(answer.status));
    }
    let error = SendError::lasting(format!("error response from Rocketchat: {}", text(&said, "error")));
    Err(of_channel(error.with_reason(FailureReason::ClientError)))
}
