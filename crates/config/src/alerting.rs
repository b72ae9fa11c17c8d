//! The `alerting` section: where alerts are sent.

use std::time::Duration;

use serde::Serialize;

use crate::discovery::SdConfigs;
use crate::error::{Problem, Result};
use crate::global::NameValidationScheme;
use crate::http_client::HttpClientConfig;
use crate::relabel::{RelabelConfig, read_rules};
use crate::section::{Section, read_section};
use crate::sigv4::SigV4Config;
use crate::yaml::Node;

/// The `alerting` section.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct AlertingConfig {
    /// Rules for all alerts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alert_relabel_configs: Vec<RelabelConfig>,
    /// The receivers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alertmanagers: Vec<AlertmanagerConfig>,
}

/// A group of Alertmanagers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlertmanagerConfig {
    /// `http` or `https`.
    pub scheme: String,
    /// What stands before the API's path.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path_prefix: String,
    /// How long a request may take.
    #[serde(serialize_with = "crate::duration::serialize")]
    pub timeout: Duration,
    /// The API's version.
    pub api_version: String,
    /// How to connect.
    #[serde(flatten)]
    pub http_client: HttpClientConfig,
    /// How requests are signed for Amazon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigv4: Option<SigV4Config>,
    /// Where the Alertmanagers are.
    #[serde(flatten)]
    pub discovery: SdConfigs,
    /// Rules for Alertmanagers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub relabel_configs: Vec<RelabelConfig>,
    /// Rules for the alerts that these get.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alert_relabel_configs: Vec<RelabelConfig>,
}

impl AlertingConfig {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn read(section: &Section<'_>, scheme: NameValidationScheme) -> Result<Self> {
        Ok(Self {
            alert_relabel_configs: read_rules(
                section,
                "alert_relabel_configs",
                scheme,
                "empty or null alert relabeling rule",
            )?,
            alertmanagers: section.list("alertmanagers", |node| AlertmanagerConfig::read(node, scheme))?,
        })
    }
}

impl AlertmanagerConfig {
    fn read(node: &Node, validation: NameValidationScheme) -> Result<Self> {
        if node.is_null() {
            return Err(Problem::at(node.at, "empty or null alertmanager section").help("remove the empty item"));
        }
        read_section(node, "config.plain", |section| {
            let api_version = section.text("api_version")?.unwrap_or_else(|| "v2".to_owned());
            if api_version != "v2" {
                return Err(section.problem_at(
                    "api_version",
                    format!("expected Alertmanager api version to be one of [v2] but got {api_version}"),
                ));
            }
            let empty = "empty or null Alertmanager target relabeling rule";
            let config = Self {
                sigv4: section.section("sigv4", "sigv4.plain", SigV4Config::read)?,
                scheme: section.text("scheme")?.unwrap_or_else(|| "http".to_owned()),
                path_prefix: section.text_or_empty("path_prefix")?,
                timeout: section.duration_or("timeout", Duration::from_secs(10))?,
                api_version,
                http_client: HttpClientConfig::read(section)?,
                discovery: SdConfigs::read(section)?,
                relabel_configs: read_rules(section, "relabel_configs", validation, empty)?,
                alert_relabel_configs: read_rules(section, "alert_relabel_configs", validation, empty)?,
            };
            config.http_client.refuse_beside_sigv4(
                section,
                "at most one of basic_auth, authorization, oauth2, & sigv4 must be configured",
            )?;
            Ok(config)
        })
    }
}
