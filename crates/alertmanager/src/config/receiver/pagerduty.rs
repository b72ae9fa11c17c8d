//! `pagerduty_configs`: events of PagerDuty.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use skopos_config::strict::{Node, Result, Section, read_section};
use skopos_config::{HttpClientConfig, Secret};

use crate::config::fields::{Context, SecretPair, go_duration, http_config, text_or, url_or};
use crate::config::{free_form, show};

/// Settings of PagerDuty. Texts are templates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PagerdutyConfig {
    /// How to connect.
    pub http_config: HttpClientConfig,
    /// The key of the Events API v1.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub service_key: Secret,
    /// The file with that key.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service_key_file: String,
    /// The key of the Events API v2.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub routing_key: Secret,
    /// The file with that key.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub routing_key_file: String,
    /// Where to send.
    pub url: String,
    /// Who sends.
    pub client: String,
    /// The sender's page.
    pub client_url: String,
    /// What happened.
    pub description: String,
    /// Free-form facts, whose texts are templates.
    pub details: BTreeMap<String, Value>,
    /// Images.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<PagerdutyImage>,
    /// Links.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<PagerdutyLink>,
    /// The affected system; the client where not set.
    pub source: String,
    /// The severity; empty for `error`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub severity: String,
    /// The class of the event.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub class: String,
    /// The affected part.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub component: String,
    /// A cluster of sources.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// How long a request may take; 0 for no limit of its own.
    #[serde(skip_serializing_if = "Duration::is_zero", serialize_with = "show::go_duration")]
    pub timeout: Duration,
}

/// An image of an event. Texts are templates.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PagerdutyImage {
    /// Where the image is.
    pub src: String,
    /// What it shows.
    pub alt: String,
    /// Where a click leads.
    pub href: String,
}

/// A link of an event. Texts are templates.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PagerdutyLink {
    /// Where it leads.
    pub href: String,
    /// What it says.
    pub text: String,
}

/// Details that are added where not set.
const DEFAULT_DETAILS: [(&str, &str); 4] = [
    ("firing", "{{ .Alerts.Firing | toJson }}"),
    ("resolved", "{{ .Alerts.Resolved | toJson }}"),
    ("num_firing", "{{ .Alerts.Firing | len }}"),
    ("num_resolved", "{{ .Alerts.Resolved | len }}"),
];

impl PagerdutyConfig {
    pub(super) fn read(section: &Section<'_>, context: &Context<'_>) -> Result<Self> {
        let service_key = SecretPair::read(section, "service_key", "service_key_file")?;
        let routing_key = SecretPair::read(section, "routing_key", "routing_key_file")?;
        if service_key.is_empty() && routing_key.is_empty() {
            section.refuse(
                section
                    .problem("missing service or routing key in PagerDuty config")
                    .help("set routing_key (Events API v2) or service_key (v1), or their _file"),
            );
        }
        let (service_key, service_key_file) = service_key.into_parts();
        let (routing_key, routing_key_file) = routing_key.into_parts();
        let client = text_or(section, "client", "{{ template \"pagerduty.default.client\" . }}")?;
        let source = section.text_or_empty("source")?;
        Ok(Self {
            http_config: http_config(section, context)?,
            service_key,
            service_key_file,
            routing_key,
            routing_key_file,
            url: url_or(section, "url", &context.global.pagerduty_url)?,
            client_url: text_or(
                section,
                "client_url",
                "{{ template \"pagerduty.default.clientURL\" . }}",
            )?,
            description: text_or(
                section,
                "description",
                "{{ template \"pagerduty.default.description\" .}}",
            )?,
            details: read_details(section)?,
            images: section.list("images", PagerdutyImage::read)?,
            links: section.list("links", PagerdutyLink::read)?,
            source: if source.is_empty() { client.clone() } else { source },
            client,
            severity: section.text_or_empty("severity")?,
            class: section.text_or_empty("class")?,
            component: section.text_or_empty("component")?,
            group: section.text_or_empty("group")?,
            timeout: go_duration(section, "timeout")?.unwrap_or_default(),
        })
    }
}

fn read_details(section: &Section<'_>) -> Result<BTreeMap<String, Value>> {
    let mut details = free_form::json_map(section, "details")?;
    for (name, template) in DEFAULT_DETAILS {
        details
            .entry(name.to_owned())
            .or_insert_with(|| Value::String(template.to_owned()));
    }
    Ok(details)
}

impl PagerdutyImage {
    fn read(node: &Node) -> Result<Self> {
        read_section(node, "config.PagerdutyImage", |section| {
            Ok(Self {
                src: section.text_or_empty("src")?,
                alt: section.text_or_empty("alt")?,
                href: section.text_or_empty("href")?,
            })
        })
    }
}

impl PagerdutyLink {
    fn read(node: &Node) -> Result<Self> {
        read_section(node, "config.PagerdutyLink", |section| {
            Ok(Self {
                href: section.text_or_empty("href")?,
                text: section.text_or_empty("text")?,
            })
        })
    }
}
