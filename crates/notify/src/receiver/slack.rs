//! `slack_configs`: one attachment, by an incoming webhook or as a bot. A bot may update its
//! message in place of sending further ones.

use reqwest::Method;
use serde_json::{Value as Json, json};
use skopos_alertmanager::config::receiver::{SlackAction, SlackConfig};

use super::Sent;
use super::body::{Body, text};
use crate::courier::{Answer, AnswerRules, Courier};
use crate::send_error::{FailureReason, SendError};
use crate::template::{Rendering, TemplateError};
use crate::truncate;

const MAX_TITLE: usize = 1024;
/// What is read as markup where nothing is set.
const MARKUP: [&str; 3] = ["fallback", "pretext", "text"];
/// The method that sends a message, and the one that changes it.
const POST: &str = "chat.postMessage";
const UPDATE: &str = "chat.update";
/// What is remembered of a message: its timestamp is its id in the channel.
const TIMESTAMP: &str = "ts";
const CHANNEL: &str = "channel";

pub(super) fn render(config: &SlackConfig, rendering: &Rendering<'_>) -> Result<Json, TemplateError> {
    let mut body = Body::new(rendering);
    body.text_unless_empty("channel", &config.channel)?;
    body.text_unless_empty("username", &config.username)?;
    body.text_unless_empty("icon_emoji", &config.icon_emoji)?;
    body.text_unless_empty("icon_url", &config.icon_url)?;
    body.set_unless_empty("link_names", config.link_names);
    body.set_unless_empty("text", rendering.text("message_text", &config.message_text)?);
    body.set("attachments", json!([attachment(config, rendering)?]));
    Ok(body.into_json())
}

fn attachment(config: &SlackConfig, rendering: &Rendering<'_>) -> Result<Json, TemplateError> {
    let title = truncate::characters(rendering.text("title", &config.title)?, MAX_TITLE);
    let mut out = Body::new(rendering);
    out.set_unless_empty("title", title);
    out.text_unless_empty("title_link", &config.title_link)?;
    out.text_unless_empty("pretext", &config.pretext)?;
    out.text("text", &config.text)?;
    out.text("fallback", &config.fallback)?;
    out.text("callback_id", &config.callback_id)?;
    let mut fields = Vec::with_capacity(config.fields.len());
    for field in &config.fields {
        fields.push(json!({
            "title": rendering.text("fields.title", &field.title)?,
            "value": rendering.text("fields.value", &field.value)?,
            "short": field.short.unwrap_or(config.short_fields),
        }));
    }
    out.set_unless_empty("fields", fields);
    let actions: Result<Vec<Json>, TemplateError> = config.actions.iter().map(|one| action(one, rendering)).collect();
    out.set_unless_empty("actions", actions?);
    out.text_unless_empty("image_url", &config.image_url)?;
    out.text_unless_empty("thumb_url", &config.thumb_url)?;
    out.text("footer", &config.footer)?;
    out.text_unless_empty("color", &config.color)?;
    if config.mrkdwn_in.is_empty() {
        out.set("mrkdwn_in", json!(MARKUP));
    } else {
        out.set("mrkdwn_in", json!(config.mrkdwn_in));
    }
    Ok(out.into_json())
}

fn action(action: &SlackAction, rendering: &Rendering<'_>) -> Result<Json, TemplateError> {
    let mut out = Body::new(rendering);
    out.text("type", &action.action_type)?;
    out.text("text", &action.text)?;
    out.text_unless_empty("url", &action.url)?;
    out.text_unless_empty("style", &action.style)?;
    out.text_unless_empty("name", &action.name)?;
    out.text_unless_empty("value", &action.value)?;
    if let Some(confirm) = &action.confirm {
        let mut question = Body::new(rendering);
        question.text("text", &confirm.text)?;
        question.text_unless_empty("title", &confirm.title)?;
        question.text_unless_empty("ok_text", &confirm.ok_text)?;
        question.text_unless_empty("dismiss_text", &confirm.dismiss_text)?;
        out.set("confirm", question.into_json());
    }
    Ok(out.into_json())
}

pub(super) async fn send(config: &SlackConfig, body: &Json, courier: &Courier<'_>) -> Result<Sent, SendError> {
    let token = courier
        .plain_secret("app_token", &config.app_token, &config.app_token_file)
        .await?;
    let mut url = if token.is_empty() {
        courier
            .plain_secret("api_url", &config.api_url, &config.api_url_file)
            .await?
    } else {
        config.app_url.clone()
    };
    let mut body = body.clone();
    let remembered = |name: &str| {
        let mut data = courier.notification.receiver_data.iter();
        data.find(|(known, _)| known == name).map(|(_, value)| value.clone())
    };
    if config.update_message
        && let (Some(timestamp), Some(channel)) = (remembered(TIMESTAMP), remembered(CHANNEL))
    {
        url = url.replace(POST, UPDATE);
        body[TIMESTAMP] = timestamp.into();
        body[CHANNEL] = channel.into();
    }
    let mut request = courier.client.request(Method::POST, &url).json(&body);
    if !token.is_empty() {
        request = request.bearer_auth(token);
    }
    let of_channel = |mut error: SendError| {
        error.text = format!("channel {:?}: {}", text(&body, CHANNEL), error.text);
        error
    };
    let answer = courier.send(request, AnswerRules::PLAIN).await.map_err(of_channel)?;
    let data = accepted(&answer).map_err(of_channel)?;
    let is_remembered = config.update_message && !data.is_empty();
    Ok(Sent {
        status: answer.status,
        receiver_data: if is_remembered { data } else { Vec::new() },
    })
}

/// Slack says failures with status 200 too: by any text but `ok`, or by JSON that is not `ok`.
fn accepted(answer: &Answer) -> Result<Vec<(String, String)>, SendError> {
    let refused = |text: String| Err(SendError::lasting(text).with_reason(FailureReason::ClientError));
    if !answer.content_type.starts_with("application/json") {
        let text = String::from_utf8_lossy(&answer.body);
        return match text.as_ref() {
            "ok" => Ok(Vec::new()),
            other => refused(format!("received an error response from Slack: {other}")),
        };
    }
    let answer = answer.json()?;
    if answer.get("ok").and_then(Json::as_bool) != Some(true) {
        return refused(format!("error response from Slack: {}", text(&answer, "error")));
    }
    let known = [TIMESTAMP, CHANNEL].map(|name| (name.to_owned(), text(&answer, name).to_owned()));
    let is_complete = known.iter().all(|(_, value)| !value.is_empty());
    Ok(if is_complete { known.to_vec() } else { Vec::new() })
}
