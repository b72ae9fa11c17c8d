//! `incidentio_configs`: alerts of incident.io.

use std::time::Duration;

use serde::Serialize;
use skopos_config::strict::{Result, Section};
use skopos_config::{HttpClientConfig, Secret};

use crate::config::fields::{Context, SecretPair, go_duration, http_config, own_http_config};
use crate::config::show;

/// Settings of incident.io.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IncidentioConfig {
    /// How to connect.
    pub http_config: HttpClientConfig,
    /// The alert source's URL. Either this or the file is set.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// The file with the URL.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url_file: String,
    /// The alert source's token: the bearer token of requests.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub alert_source_token: Secret,
    /// The file with the token.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub alert_source_token_file: String,
    /// Most alerts of a message; 0 for no limit.
    pub max_alerts: u64,
    /// How long a request may take; 0 for no limit of its own.
    #[serde(skip_serializing_if = "Duration::is_zero", serialize_with = "show::go_duration")]
    pub timeout: Duration,
}

impl IncidentioConfig {
    pub(super) fn read(section: &Section<'_>, context: &Context<'_>) -> Result<Self> {
        let url = crate::config::fields::url(section, "url")?.unwrap_or_default();
        let url_file = section.text_or_empty("url_file")?;
        if url.is_empty() && url_file.is_empty() {
            section.refuse(section.problem("one of url or url_file must be configured"));
        }
        if !url.is_empty() && !url_file.is_empty() {
            section.refuse(section.problem_at("url_file", "at most one of url & url_file must be configured"));
        }
        let token = SecretPair::read(section, "alert_source_token", "alert_source_token_file")?;
        let own = own_http_config(section)?;
        let has_authorization = own.as_ref().is_some_and(|config| config.authorization.is_some());
        if has_authorization && !token.is_empty() {
            section.refuse(section.problem(
                "cannot specify alert_source_token or alert_source_token_file when using http_config.authorization",
            ));
        }
        let http_config = http_config(section, context)?;
        if token.is_empty() && http_config.authorization.is_none() {
            section.refuse(section.problem("at least one of alert_source_token, alert_source_token_file or http_config.authorization must be configured"));
        }
        let (alert_source_token, alert_source_token_file) = token.into_parts();
        Ok(Self {
            http_config,
            url,
            url_file,
            alert_source_token,
            alert_source_token_file,
            max_alerts: section.count_or("max_alerts", 0)?,
            timeout: go_duration(section, "timeout")?.unwrap_or_default(),
        })
    }
}
