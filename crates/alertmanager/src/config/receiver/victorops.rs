//! `victorops_configs`: alerts of VictorOps (Splunk On-Call).

use std::collections::BTreeMap;

use serde::Serialize;
use skopos_config::strict::{Result, Section};
use skopos_config::{HttpClientConfig, Secret};

use super::required_api_key;
use crate::config::fields::{Context, http_config, text_or, url_or, with_trailing_slash};

/// Settings of VictorOps. Texts are templates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VictoropsConfig {
    /// How to connect.
    pub http_config: HttpClientConfig,
    /// The key.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub api_key: Secret,
    /// The file with the key.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_key_file: String,
    /// VictorOps' API; ends with a slash.
    pub api_url: String,
    /// To which team.
    pub routing_key: String,
    /// What it does: `CRITICAL`, `WARNING`, `INFO`.
    pub message_type: String,
    /// What happened.
    pub state_message: String,
    /// The title.
    pub entity_display_name: String,
    /// Who sends.
    pub monitoring_tool: String,
    /// Further fields.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub custom_fields: BTreeMap<String, String>,
}

/// Fields that a message has anyway.
const FIXED_FIELDS: [&str; 7] = [
    "routing_key",
    "message_type",
    "state_message",
    "entity_display_name",
    "monitoring_tool",
    "entity_id",
    "entity_state",
];

impl VictoropsConfig {
    pub(super) fn read(section: &Section<'_>, context: &Context<'_>) -> Result<Self> {
        let global = context.global;
        let routing_key = section.text_or_empty("routing_key")?;
        if routing_key.is_empty() {
            section.refuse(section.problem_at("routing_key", "missing Routing key in VictorOps config"));
        }
        let custom_fields = section.text_map("custom_fields")?;
        if let Some(field) = FIXED_FIELDS.iter().find(|field| custom_fields.contains_key(**field)) {
            section.refuse(section.problem_at("custom_fields", format!("victorOps config contains custom field {field} which cannot be used as it conflicts with the fixed/static fields")));
        }
        let (api_key, api_key_file) = required_api_key(
            section,
            (&global.victorops_api_key, &global.victorops_api_key_file),
            "no global VictorOps API Key set",
            "set api_key or api_key_file here, or victorops_api_key in global",
        )?;
        Ok(Self {
            http_config: http_config(section, context)?,
            api_key,
            api_key_file,
            api_url: with_trailing_slash(&url_or(section, "api_url", &global.victorops_api_url)?),
            routing_key,
            message_type: text_or(section, "message_type", "CRITICAL")?,
            state_message: text_or(
                section,
                "state_message",
                "{{ template \"victorops.default.state_message\" . }}",
            )?,
            entity_display_name: text_or(
                section,
                "entity_display_name",
                "{{ template \"victorops.default.entity_display_name\" . }}",
            )?,
            monitoring_tool: text_or(
                section,
                "monitoring_tool",
                "{{ template \"victorops.default.monitoring_tool\" . }}",
            )?,
            custom_fields,
        })
    }
}
