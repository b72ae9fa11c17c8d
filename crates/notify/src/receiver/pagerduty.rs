//! `pagerduty_configs`: events of PagerDuty, by its Events API v2, or v1 with a service key.

use serde_json::{Map, Value as Json, json};
use skopos_alertmanager::config::receiver::PagerdutyConfig;

use super::body::Body;
use super::{Sent, sent};
use crate::courier::{AnswerRules, Courier};
use crate::send_error::SendError;
use crate::template::{Rendering, TemplateError};
use crate::truncate;

const MAX_SUMMARY: usize = 1024;
/// What PagerDuty takes at most.
const MAX_BYTES: usize = 512_000;
const DROPPED: &str = "Custom details have been removed because the original event exceeds the maximum size of 512KB";

const V1_RULES: AnswerRules = AnswerRules {
    retried: &[403],
    details: Some(details_of),
};
const V2_RULES: AnswerRules = AnswerRules {
    retried: &[429],
    details: Some(details_of),
};

fn is_v1(config: &PagerdutyConfig) -> bool {
    !config.service_key.is_empty() || !config.service_key_file.is_empty()
}

pub(super) fn render(config: &PagerdutyConfig, rendering: &Rendering<'_>) -> Result<Json, TemplateError> {
    let mut details = Map::new();
    for (name, value) in &config.details {
        let field = format!("details.{name}");
        details.insert(name.clone(), rendering.free_form(&field, value)?);
    }
    let event = |details: Map<String, Json>| {
        if is_v1(config) {
            event_v1(config, rendering, details)
        } else {
            event_v2(config, rendering, details)
        }
    };
    let full = event(details)?;
    if full.to_string().len() <= MAX_BYTES {
        return Ok(full);
    }
    event(Map::from_iter([("error".to_owned(), DROPPED.into())]))
}

fn event_v1(
    config: &PagerdutyConfig,
    rendering: &Rendering<'_>,
    details: Map<String, Json>,
) -> Result<Json, TemplateError> {
    let description = rendering.text("description", &config.description)?;
    let mut body = Body::new(rendering);
    body.set("incident_key", rendering.key_hash());
    body.set("event_type", action(rendering));
    body.set("description", truncate::characters(description, MAX_SUMMARY));
    if rendering.is_firing() {
        body.text_unless_empty("client", &config.client)?;
        body.text_unless_empty("client_url", &config.client_url)?;
    }
    body.set_unless_empty("details", details);
    Ok(body.into_json())
}

fn event_v2(
    config: &PagerdutyConfig,
    rendering: &Rendering<'_>,
    details: Map<String, Json>,
) -> Result<Json, TemplateError> {
    let summary = rendering.text("description", &config.description)?;
    let severity = match config.severity.as_str() {
        "" => "error",
        severity => severity,
    };
    let mut payload = Body::new(rendering);
    payload.set("summary", truncate::characters(summary, MAX_SUMMARY));
    payload.text("source", &config.source)?;
    payload.text("severity", severity)?;
    payload.text_unless_empty("class", &config.class)?;
    payload.text_unless_empty("component", &config.component)?;
    payload.text_unless_empty("group", &config.group)?;
    payload.set_unless_empty("custom_details", details);
    let mut body = Body::new(rendering);
    body.set("dedup_key", rendering.key_hash());
    body.set("event_action", action(rendering));
    body.set("payload", payload.into_json());
    body.text_unless_empty("client", &config.client)?;
    body.text_unless_empty("client_url", &config.client_url)?;
    body.set_unless_empty("images", images(config, rendering)?);
    body.set_unless_empty("links", links(config, rendering)?);
    Ok(body.into_json())
}

/// Images that have an address; without one PagerDuty refuses the event.
fn images(config: &PagerdutyConfig, rendering: &Rendering<'_>) -> Result<Vec<Json>, TemplateError> {
    let mut images = Vec::new();
    for image in &config.images {
        let src = rendering.text("images.src", &image.src)?;
        if !src.is_empty() {
            images.push(json!({
                "src": src,
                "alt": rendering.text("images.alt", &image.alt)?,
                "href": rendering.text("images.href", &image.href)?,
            }));
        }
    }
    Ok(images)
}

fn links(config: &PagerdutyConfig, rendering: &Rendering<'_>) -> Result<Vec<Json>, TemplateError> {
    let mut links = Vec::new();
    for link in &config.links {
        let href = rendering.text("links.href", &link.href)?;
        if !href.is_empty() {
            links.push(json!({ "href": href, "text": rendering.text("links.text", &link.text)? }));
        }
    }
    Ok(links)
}

fn action(rendering: &Rendering<'_>) -> &'static str {
    if rendering.is_firing() { "trigger" } else { "resolve" }
}

pub(super) async fn send(config: &PagerdutyConfig, body: &Json, courier: &Courier<'_>) -> Result<Sent, SendError> {
    let mut body = body.clone();
    let answer = if is_v1(config) {
        let key = courier
            .secret("service_key", &config.service_key, &config.service_key_file)
            .await?;
        body["service_key"] = key.into();
        courier
            .post_json(&courier.endpoints.pagerduty_v1, &body, V1_RULES)
            .await?
    } else {
        let key = courier
            .secret("routing_key", &config.routing_key, &config.routing_key_file)
            .await?;
        body["routing_key"] = key.into();
        courier.post_json(&config.url, &body, V2_RULES).await?
    };
    Ok(sent(answer.status))
}

/// What a refusal says.
fn details_of(status: u16, body: &[u8]) -> Option<String> {
    if status != 400 {
        return None;
    }
    let answer: Json = serde_json::from_slice(body).ok()?;
    let message = answer.get("message")?.as_str()?;
    let errors = answer.get("errors").and_then(Json::as_array).into_iter().flatten();
    let errors: Vec<&str> = errors.filter_map(Json::as_str).collect();
    Some(format!("{message}: {}", errors.join(",")))
}
