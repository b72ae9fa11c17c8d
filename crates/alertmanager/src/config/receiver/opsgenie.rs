//! `opsgenie_configs`: alerts of Opsgenie.

use std::collections::BTreeMap;

use serde::Serialize;
use skopos_config::strict::{Node, Result, Section, read_section};
use skopos_config::{HttpClientConfig, Secret};

use super::required_api_key;
use crate::config::fields::{Context, http_config, text_or, url_or, with_trailing_slash};

/// Settings of Opsgenie. Texts are templates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OpsgenieConfig {
    /// How to connect.
    pub http_config: HttpClientConfig,
    /// The key.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub api_key: Secret,
    /// The file with the key.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_key_file: String,
    /// Opsgenie's API; ends with a slash.
    pub api_url: String,
    /// The title.
    pub message: String,
    /// What happened.
    pub description: String,
    /// Who sends.
    pub source: String,
    /// Facts beside the common labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
    /// The affected domain.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub entity: String,
    /// Who is asked to respond.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub responders: Vec<OpsgenieResponder>,
    /// Comma-separated actions.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub actions: String,
    /// Comma-separated tags.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tags: String,
    /// A note.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// P1 to P5.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub priority: String,
    /// Whether message and description of an open alert are updated.
    pub update_alerts: bool,
}

/// Who is asked to respond: by id, name or username. Texts are templates.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct OpsgenieResponder {
    /// The id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The username.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// `team`, `teams`, `user`, `escalation` or `schedule`.
    #[serde(rename = "type")]
    pub responder_type: String,
}

impl OpsgenieConfig {
    pub(super) fn read(section: &Section<'_>, context: &Context<'_>) -> Result<Self> {
        let global = context.global;
        let (api_key, api_key_file) = required_api_key(
            section,
            (&global.opsgenie_api_key, &global.opsgenie_api_key_file),
            "no global OpsGenie API Key set either inline or in a file",
            "set api_key or api_key_file here, or opsgenie_api_key in global",
        )?;
        Ok(Self {
            http_config: http_config(section, context)?,
            api_key,
            api_key_file,
            api_url: with_trailing_slash(&url_or(section, "api_url", &global.opsgenie_api_url)?),
            message: text_or(section, "message", "{{ template \"opsgenie.default.message\" . }}")?,
            description: text_or(
                section,
                "description",
                "{{ template \"opsgenie.default.description\" . }}",
            )?,
            source: text_or(section, "source", "{{ template \"opsgenie.default.source\" . }}")?,
            details: section.text_map("details")?,
            entity: section.text_or_empty("entity")?,
            responders: section.list("responders", OpsgenieResponder::read)?,
            actions: section.text_or_empty("actions")?,
            tags: section.text_or_empty("tags")?,
            note: section.text_or_empty("note")?,
            priority: section.text_or_empty("priority")?,
            update_alerts: section.flag_or("update_alerts", false)?,
        })
    }
}

impl OpsgenieResponder {
    fn read(node: &Node) -> Result<Self> {
        read_section(node, "config.OpsGenieConfigResponder", |section| {
            let responder = Self {
                id: section.text_or_empty("id")?,
                name: section.text_or_empty("name")?,
                username: section.text_or_empty("username")?,
                responder_type: section.text_or_empty("type")?,
            };
            responder.check(section);
            Ok(responder)
        })
    }

    fn check(&self, section: &Section<'_>) {
        let Self {
            id,
            name,
            username,
            responder_type,
        } = self;
        let shown = format!("{{{id} {name} {username} {responder_type}}}");
        if id.is_empty() && name.is_empty() && username.is_empty() {
            section.refuse(section.problem(format!(
                "opsGenieConfig responder {shown} has to have at least one of id, username or name specified"
            )));
        }
        let is_known = matches!(
            responder_type.to_lowercase().as_str(),
            "team" | "teams" | "user" | "escalation" | "schedule"
        );
        if !is_known && !responder_type.contains("{{") {
            section.refuse(section.problem_at(
                "type",
                format!("opsGenieConfig responder {shown} type does not match valid options ^(team|teams|user|escalation|schedule)$"),
            ));
        }
    }
}
