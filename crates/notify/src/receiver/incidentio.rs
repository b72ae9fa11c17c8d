//! `incidentio_configs`: alerts of incident.io, in the form of a webhook.

use reqwest::Method;
use serde_json::Value as Json;
use skopos_alertmanager::config::receiver::IncidentioConfig;
use skopos_config::Secret;

use super::{Sent, sent, webhook};
use crate::courier::{AnswerRules, Courier};
use crate::send_error::SendError;
use crate::template::{Rendering, TemplateError};

const VERSION: &str = "1";
/// What incident.io takes at most.
const MAX_BYTES: usize = 512 * 1024;

const RULES: AnswerRules = AnswerRules {
    retried: &[429],
    details: Some(details),
};

#[expect(clippy::unnecessary_wraps, reason = "every receiver renders alike")]
pub(super) fn render(config: &IncidentioConfig, rendering: &Rendering<'_>) -> Result<Json, TemplateError> {
    let message = webhook::message(rendering, VERSION, config.max_alerts);
    if message.to_string().len() <= MAX_BYTES {
        return Ok(message);
    }
    // One alert is enough to open an alert there; more than its size would be refused.
    Ok(webhook::message(rendering, VERSION, 1))
}

pub(super) async fn send(config: &IncidentioConfig, body: &Json, courier: &Courier<'_>) -> Result<Sent, SendError> {
    let url = courier
        .plain_secret("url", &Secret::new(config.url.as_str()), &config.url_file)
        .await?;
    let token = courier
        .plain_secret(
            "alert_source_token",
            &config.alert_source_token,
            &config.alert_source_token_file,
        )
        .await?;
    let mut request = courier.client.request(Method::POST, &url).json(body);
    if !token.is_empty() {
        request = request.bearer_auth(token);
    }
    let answer = courier.send(request, RULES).await?;
    Ok(sent(answer.status))
}

fn details(_status: u16, body: &[u8]) -> Option<String> {
    let answer: Json = serde_json::from_slice(body).ok()?;
    let mut parts: Vec<String> = ["message", "error"]
        .iter()
        .filter_map(|name| answer.get(*name)?.as_str())
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .collect();
    let errors = answer.get("errors").and_then(Json::as_array).into_iter().flatten();
    let errors: Vec<&str> = errors.filter_map(Json::as_str).collect();
    if !errors.is_empty() {
        parts.push(errors.join(", "));
    }
    (!parts.is_empty()).then(|| parts.join(": "))
}
