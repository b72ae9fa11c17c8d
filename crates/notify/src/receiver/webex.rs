//! `webex_configs`: a message in a room.

use serde_json::Value as Json;
use skopos_alertmanager::config::receiver::WebexConfig;

use super::body::Body;
use super::{Sent, sent};
use crate::courier::{AnswerRules, Courier};
use crate::send_error::SendError;
use crate::template::{Rendering, TemplateError};
use crate::truncate;

/// What Webex takes at most.
const MAX_MESSAGE_BYTES: usize = 7439;

pub(super) fn render(config: &WebexConfig, rendering: &Rendering<'_>) -> Result<Json, TemplateError> {
    let message = truncate::bytes(rendering.text("message", &config.message)?, MAX_MESSAGE_BYTES);
    let mut body = Body::new(rendering);
    body.set("markdown", message);
    body.set("roomId", rendering.text("room_id", &config.room_id)?);
    Ok(body.into_json())
}

pub(super) async fn send(config: &WebexConfig, body: &Json, courier: &Courier<'_>) -> Result<Sent, SendError> {
    let answer = courier.post_json(&config.api_url, body, AnswerRules::PLAIN).await?;
    Ok(sent(answer.status))
}
