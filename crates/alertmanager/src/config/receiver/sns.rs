//! `sns_configs`: messages of Amazon SNS.

use std::collections::BTreeMap;

use serde::Serialize;
use skopos_config::strict::{Result, Section};
use skopos_config::{HttpClientConfig, SigV4Config};

use crate::config::Release;
use crate::config::fields::{Context, http_config, text_or};

/// Settings of SNS. Texts are templates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SnsConfig {
    /// How to connect.
    pub http_config: HttpClientConfig,
    /// SNS' API; empty for that of the region.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_url: String,
    /// How requests are signed.
    pub sigv4: SigV4Config,
    /// The topic.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub topic_arn: String,
    /// The number of a short message.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub phone_number: String,
    /// The endpoint of a mobile application.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target_arn: String,
    /// The subject.
    pub subject: String,
    /// The message.
    pub message: String,
    /// Attributes of the message.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Whether the client of Amazon's library is used; has no effect here, where there is one client.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub use_aws_http_client: bool,
}

impl SnsConfig {
    pub(super) fn read(section: &Section<'_>, context: &Context<'_>) -> Result<Self> {
        let config = Self {
            http_config: http_config(section, context)?,
            api_url: section.text_or_empty("api_url")?,
            sigv4: section
                .section("sigv4", "sigv4.plain", |section| sigv4(section, context))?
                .unwrap_or_default(),
            topic_arn: section.text_or_empty("topic_arn")?,
            phone_number: section.text_or_empty("phone_number")?,
            target_arn: section.text_or_empty("target_arn")?,
            subject: text_or(section, "subject", "{{ template \"sns.default.subject\" . }}")?,
            message: text_or(section, "message", "{{ template \"sns.default.message\" . }}")?,
            attributes: section.text_map("attributes")?,
            use_aws_http_client: section.flag_or("use_aws_http_client", false)?,
        };
        // Alertmanager compares the three with "!=", so it lets all three together pass too.
        let targets = [&config.target_arn, &config.topic_arn, &config.phone_number];
        let n_set = targets.into_iter().filter(|target| !target.is_empty()).count();
        if n_set.is_multiple_of(2) {
            section.refuse(
                section
                    .problem("must provide either a Target ARN, Topic ARN, or Phone Number for SNS config")
                    .help("set one of target_arn, topic_arn and phone_number"),
            );
        }
        Ok(config)
    }
}

/// `external_id` came with release 0.34; the endpoint of FIPS 140 is not known there.
fn sigv4(section: &Section<'_>, context: &Context<'_>) -> Result<SigV4Config> {
    let config = SigV4Config {
        external_id: match context.release {
            Release::V0_33 => String::new(),
            Release::V0_34 => section.text_or_empty("external_id")?,
        },
        ..SigV4Config::read_common(section)?
    };
    if config.has_half_a_key() {
        section.refuse(section.problem(SigV4Config::HALF_A_KEY));
    }
    Ok(config)
}
