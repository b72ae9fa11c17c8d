//! `pushover_configs`: messages of Pushover.

use reqwest::Method;
use serde_json::Value as Json;
use skopos_alertmanager::config::receiver::PushoverConfig;

use super::body::Body;
use super::{Sent, sent};
use crate::courier::{AnswerRules, Courier};
use crate::send_error::SendError;
use crate::template::{Rendering, TemplateError};
use crate::truncate;

const MAX_TITLE: usize = 250;
const MAX_MESSAGE: usize = 1024;
const MAX_URL: usize = 512;
/// Pushover refuses a message without text.
const NO_MESSAGE: &str = "(no details)";

pub(super) fn render(config: &PushoverConfig, rendering: &Rendering<'_>) -> Result<Json, TemplateError> {
    let message = if config.html {
        rendering.html("message", &config.message)?
    } else {
        rendering.text("message", &config.message)?
    };
    let message = truncate::characters(message, MAX_MESSAGE);
    let message = match message.trim() {
        "" => NO_MESSAGE,
        text => text,
    };
    let mut body = Body::new(rendering);
    body.set(
        "title",
        truncate::characters(rendering.text("title", &config.title)?, MAX_TITLE),
    );
    body.set("message", message);
    let flag = |is_set: bool| if is_set { "1" } else { "" };
    body.set_unless_empty("html", flag(config.html));
    body.set_unless_empty("monospace", flag(config.monospace));
    body.set(
        "url",
        truncate::characters(rendering.text("url", &config.url)?, MAX_URL),
    );
    body.text("url_title", &config.url_title)?;
    body.text("priority", &config.priority)?;
    body.set("retry", config.retry.as_secs().to_string());
    body.set("expire", config.expire.as_secs().to_string());
    body.text("device", &config.device)?;
    body.text("sound", &config.sound)?;
    if !config.ttl.is_zero() {
        body.set("ttl", config.ttl.as_secs().to_string());
    }
    Ok(body.into_json())
}

pub(super) async fn send(config: &PushoverConfig, body: &Json, courier: &Courier<'_>) -> Result<Sent, SendError> {
    let token = courier.secret("token", &config.token, &config.token_file).await?;
    let user = courier
        .secret("user_key", &config.user_key, &config.user_key_file)
        .await?;
    let mut form = vec![("token", token.as_str()), ("user", user.as_str())];
    let fields = body.as_object().into_iter().flatten();
    form.extend(fields.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))));
    let request = courier
        .client
        .request(Method::POST, &courier.endpoints.pushover)
        .form(&form);
    let answer = courier.send(request, AnswerRules::PLAIN).await?;
    Ok(sent(answer.status))
}
