//! `jira_configs`: issues of Jira.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::Value;
use skopos_config::HttpClientConfig;
use skopos_config::strict::{Node, Result, Section, Value as YamlValue, read_section, text};

use crate::config::fields::{Context, http_config, text_or, url};
use crate::config::{free_form, show};

/// Settings of Jira. Texts are templates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JiraConfig {
    /// How to connect; holds the credentials.
    pub http_config: HttpClientConfig,
    /// Jira's API with its path, such as `https://example.atlassian.net/rest/api/2/`.
    pub api_url: String,
    /// What answers there.
    pub api_type: JiraApiType,
    /// The project's key.
    pub project: String,
    /// The issue's summary.
    pub summary: JiraField,
    /// The issue's description.
    pub description: JiraField,
    /// The issue's labels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// The issue's priority.
    pub priority: String,
    /// The issue's type.
    pub issue_type: String,
    /// The transition that opens an issue again.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reopen_transition: String,
    /// The transition that resolves an issue.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resolve_transition: String,
    /// Issues with this resolution are not opened again.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub wont_fix_resolution: String,
    /// For how long a resolved issue is opened again; 0 for ever.
    #[serde(serialize_with = "show::duration")]
    pub reopen_duration: Duration,
    /// Further fields of any shape, whose texts are templates.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Value>,
}

/// What answers at Jira's URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JiraApiType {
    /// Known by the URL.
    #[default]
    Auto,
    /// Jira Cloud.
    Cloud,
    /// Jira Data Center.
    Datacenter,
}

/// A field's template, and whether it is written again when the issue is updated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JiraField {
    /// The template.
    pub template: String,
    /// Whether an update writes it again.
    pub enable_update: bool,
}

/// A field that updates is written as its template alone.
impl Serialize for JiraField {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        if self.enable_update {
            return serializer.serialize_str(&self.template);
        }
        let parts = BTreeMap::from([
            ("enable_update", Value::Bool(false)),
            ("template", Value::String(self.template.clone())),
        ]);
        parts.serialize(serializer)
    }
}

impl JiraField {
    fn read(section: &Section<'_>, key: &'static str, default: &str) -> Result<Self> {
        match section.get(key) {
            None => Ok(Self::updated(default.to_owned())),
            Some(node) => Self::read_node(node, default),
        }
    }

    fn updated(template: String) -> Self {
        Self {
            template,
            enable_update: true,
        }
    }

    fn read_node(node: &Node, default: &str) -> Result<Self> {
        if !matches!(node.value, YamlValue::Map(_)) {
            return text(node).map(Self::updated);
        }
        read_section(node, "jira.plain", |section| {
            Ok(Self {
                template: text_or(section, "template", default)?,
                enable_update: section.flag_or("enable_update", true)?,
            })
        })
    }
}

impl JiraConfig {
    pub(super) fn read(section: &Section<'_>, context: &Context<'_>) -> Result<Self> {
        let project = required(section, "project")?;
        let issue_type = required(section, "issue_type")?;
        let api_type = match section.text("api_type")?.as_deref() {
            None | Some("auto") => JiraApiType::Auto,
            Some("cloud") => JiraApiType::Cloud,
            Some("datacenter") => JiraApiType::Datacenter,
            Some(_) => {
                let message = "unknown api_type on jira_config, must be auto, cloud or datacenter";
                section.refuse(section.problem_at("api_type", message));
                JiraApiType::Auto
            }
        };
        let api_url = url(section, "api_url")?.unwrap_or_else(|| context.global.jira_api_url.clone());
        if api_url.is_empty() {
            section.refuse(
                section
                    .problem("no global Jira Cloud URL set")
                    .help("set api_url here or jira_api_url in global"),
            );
        }
        Ok(Self {
            http_config: http_config(section, context)?,
            api_url,
            api_type,
            project,
            summary: JiraField::read(section, "summary", "{{ template \"jira.default.summary\" . }}")?,
            description: JiraField::read(section, "description", "{{ template \"jira.default.description\" . }}")?,
            labels: section.texts("labels")?,
            priority: text_or(section, "priority", "{{ template \"jira.default.priority\" . }}")?,
            issue_type,
            reopen_transition: section.text_or_empty("reopen_transition")?,
            resolve_transition: section.text_or_empty("resolve_transition")?,
            wont_fix_resolution: section.text_or_empty("wont_fix_resolution")?,
            reopen_duration: section.duration("reopen_duration")?.unwrap_or_default(),
            fields: free_form::json_map(section, "fields")?,
        })
    }
}

fn required(section: &Section<'_>, key: &'static str) -> Result<String> {
    let text = section.text_or_empty(key)?;
    if text.is_empty() {
        section.refuse(section.problem_at(key, format!("missing {key} in jira_config")));
    }
    Ok(text)
}
