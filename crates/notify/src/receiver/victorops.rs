//! `victorops_configs`: alerts of VictorOps (Splunk On-Call).

use serde_json::Value as Json;
use skopos_alertmanager::config::receiver::VictoropsConfig;

use super::body::Body;
use super::{Sent, sent};
use crate::courier::{AnswerRules, Courier};
use crate::send_error::SendError;
use crate::template::{Rendering, TemplateError};
use crate::truncate;

const MAX_STATE_MESSAGE: usize = 20_480;

pub(super) fn render(config: &VictoropsConfig, rendering: &Rendering<'_>) -> Result<Json, TemplateError> {
    let mut message_type = rendering.text("message_type", &config.message_type)?;
    if !rendering.is_firing() {
        "RECOVERY".clone_into(&mut message_type);
    } else if !matches!(message_type.as_str(), "CRITICAL" | "WARNING" | "INFO") {
        "CRITICAL".clone_into(&mut message_type);
    }
    let state_message = rendering.text("state_message", &config.state_message)?;
    let mut body = Body::new(rendering);
    for (name, template) in &config.custom_fields {
        body.text(name, template)?;
    }
    body.set("message_type", message_type);
    body.set("entity_id", rendering.key_hash());
    body.text("entity_display_name", &config.entity_display_name)?;
    body.set("state_message", truncate::characters(state_message, MAX_STATE_MESSAGE));
    body.text("monitoring_tool", &config.monitoring_tool)?;
    Ok(body.into_json())
}

pub(super) async fn send(config: &VictoropsConfig, body: &Json, courier: &Courier<'_>) -> Result<Sent, SendError> {
    let key = courier
        .plain_secret("api_key", &config.api_key, &config.api_key_file)
        .await?;
    let routing_key = courier.rendering.text("routing_key", &config.routing_key)?;
    let url = format!("{}{key}/{routing_key}", config.api_url);
    let answer = courier.post_json(&url, body, AnswerRules::PLAIN).await?;
    Ok(sent(answer.status))
}
