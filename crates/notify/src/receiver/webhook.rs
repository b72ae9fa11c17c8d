//! `webhook_configs`: the whole notification as JSON, or a payload of the configuration.

use serde_json::Value as Json;
use skopos_alertmanager::config::receiver::WebhookConfig;

use super::{Sent, sent};
use crate::courier::{AnswerRules, Courier};
use crate::send_error::SendError;
use crate::template::{Rendering, TemplateError};

/// The version of the format.
const VERSION: &str = "4";

pub(super) fn render(config: &WebhookConfig, rendering: &Rendering<'_>) -> Result<Json, TemplateError> {
    match &config.payload {
        Some(payload) => {
            let (rendering, _) = rendering.limited(config.max_alerts);
            rendering.free_form("payload", payload)
        }
        None => Ok(message(rendering, VERSION, config.max_alerts)),
    }
}

/// The notification with at most `max_alerts` alerts; 0 means all.
pub(super) fn message(rendering: &Rendering<'_>, version: &str, max_alerts: u64) -> Json {
    let (limited, truncated) = rendering.limited(max_alerts);
    let mut message = limited.data_json();
    message.insert("version".to_owned(), version.into());
    message.insert("groupKey".to_owned(), rendering.group_key().into());
    message.insert("truncatedAlerts".to_owned(), truncated.into());
    Json::Object(message)
}

pub(super) async fn send(config: &WebhookConfig, body: &Json, courier: &Courier<'_>) -> Result<Sent, SendError> {
    let url = courier.secret("url", &config.url, &config.url_file).await?;
    let answer = courier.post_json(&url, body, AnswerRules::PLAIN).await?;
    Ok(sent(answer.status))
}
