//! `opsgenie_configs`: alerts of Opsgenie: created, updated on wish, closed by their alias.

use reqwest::Method;
use serde_json::{Map, Value as Json, json};
use skopos_alertmanager::config::receiver::OpsgenieConfig;

use super::body::{Body, text};
use super::{Sent, sent};
use crate::courier::{AnswerRules, Courier};
use crate::send_error::SendError;
use crate::template::{Rendering, TemplateError};
use crate::truncate;

const MAX_MESSAGE: usize = 130;

/// A request that creates an alert, or one that closes it (without a message).
pub(super) fn render(config: &OpsgenieConfig, rendering: &Rendering<'_>) -> Result<Json, TemplateError> {
    let mut body = Body::new(rendering);
    if !rendering.is_firing() {
        body.text("source", &config.source)?;
        return Ok(body.into_json());
    }
    let common = rendering.common_labels();
    let mut details: Map<String, Json> = common.map(|(name, value)| (name.to_owned(), value.into())).collect();
    for (name, template) in &config.details {
        let value = rendering.text(&format!("details.{name}"), template)?;
        details.insert(name.clone(), value.into());
    }
    let message = truncate::characters(rendering.text("message", &config.message)?, MAX_MESSAGE);
    body.set("alias", rendering.key_hash());
    body.set("message", message);
    body.text_unless_empty("description", &config.description)?;
    body.set("details", details);
    body.text("source", &config.source)?;
    body.set_unless_empty("responders", responders(config, rendering)?);
    body.set_unless_empty("tags", parts(&rendering.text("tags", &config.tags)?));
    body.text_unless_empty("note", &config.note)?;
    body.text_unless_empty("priority", &config.priority)?;
    body.text_unless_empty("entity", &config.entity)?;
    body.set_unless_empty("actions", parts(&rendering.text("actions", &config.actions)?));
    Ok(body.into_json())
}

fn parts(text: &str) -> Vec<&str> {
    text.trim().split(',').filter(|part| !part.is_empty()).collect()
}

/// Who is asked: `teams` names several; one without any text is left out.
fn responders(config: &OpsgenieConfig, rendering: &Rendering<'_>) -> Result<Vec<Json>, TemplateError> {
    let mut responders = Vec::new();
    for responder in &config.responders {
        let name = rendering.text("responders.name", &responder.name)?;
        let kind = rendering.text("responders.type", &responder.responder_type)?;
        if kind == "teams" {
            responders.extend(parts(&name).iter().map(|team| json!({ "name": team, "type": "team" })));
            continue;
        }
        let mut one = Body::new(rendering);
        one.text_unless_empty("id", &responder.id)?;
        one.set_unless_empty("name", name);
        one.text_unless_empty("username", &responder.username)?;
        one.set_unless_empty("type", kind);
        let one = one.into_json();
        let names_someone = ["id", "name", "username"].iter().any(|key| one.get(*key).is_some());
        if names_someone {
            responders.push(one);
        }
    }
    Ok(responders)
}

pub(super) async fn send(config: &OpsgenieConfig, body: &Json, courier: &Courier<'_>) -> Result<Sent, SendError> {
    let key = courier.secret("api_key", &config.api_key, &config.api_key_file).await?;
    let alias = courier.rendering.key_hash();
    let alerts = format!("{}v2/alerts", config.api_url);
    let of_alert = |part: &str| format!("{alerts}/{alias}/{part}?identifierType=alias");
    let requests = if !courier.rendering.is_firing() {
        vec![(Method::POST, of_alert("close"), body.clone())]
    } else if config.update_alerts {
        let description = text(body, "description");
        vec![
            (Method::POST, alerts.clone(), body.clone()),
            (
                Method::PUT,
                of_alert("message"),
                json!({ "message": text(body, "message") }),
            ),
            (
                Method::PUT,
                of_alert("description"),
                json!({ "description": description }),
            ),
        ]
    } else {
        vec![(Method::POST, alerts.clone(), body.clone())]
    };
    let mut status = 0;
    for (method, url, body) in requests {
        let request = courier
            .client
            .request(method, &url)
            .header("Authorization", format!("GenieKey {key}"))
            .json(&body);
        status = courier.send(request, AnswerRules::RATE_LIMITED).await?.status;
    }
    Ok(sent(status))
}
