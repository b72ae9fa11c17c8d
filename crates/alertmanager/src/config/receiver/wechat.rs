//! `wechat_configs`: messages of WeChat Work.

use serde::Serialize;
use skopos_config::strict::{Result, Section};
use skopos_config::{HttpClientConfig, Secret};

use crate::config::fields::{
    Context, SecretPair, http_config, text_or, text_or_inherited, url_or, with_trailing_slash,
};

/// Settings of WeChat. Texts are templates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WechatConfig {
    /// How to connect.
    pub http_config: HttpClientConfig,
    /// The secret.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub api_secret: Secret,
    /// The file with the secret.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_secret_file: String,
    /// The corporation.
    pub corp_id: String,
    /// The message.
    pub message: String,
    /// WeChat's API; ends with a slash.
    pub api_url: String,
    /// Users.
    pub to_user: String,
    /// Departments.
    pub to_party: String,
    /// Tags.
    pub to_tag: String,
    /// The agent.
    pub agent_id: String,
    /// `text` or `markdown`.
    pub message_type: String,
}

impl WechatConfig {
    pub(super) fn read(section: &Section<'_>, context: &Context<'_>) -> Result<Self> {
        let global = context.global;
        let message_type = text_or_inherited(section, "message_type", "text")?;
        if !matches!(message_type.as_str(), "text" | "markdown") {
            section.refuse(section.problem_at(
                "message_type",
                format!("weChat message type {message_type:?} does not match valid options ^(text|markdown)$"),
            ));
        }
        let secret = SecretPair::read(section, "api_secret", "api_secret_file")?
            .or(&global.wechat_api_secret, &global.wechat_api_secret_file);
        if secret.is_empty() {
            section.refuse(
                section
                    .problem("no global Wechat Api Secret set either inline or in a file")
                    .help("set api_secret or api_secret_file here, or wechat_api_secret in global"),
            );
        }
        let corp_id = text_or_inherited(section, "corp_id", &global.wechat_api_corp_id)?;
        if corp_id.is_empty() {
            section.refuse(
                section
                    .problem("no global Wechat CorpID set")
                    .help("set corp_id here or wechat_api_corp_id in global"),
            );
        }
        let (api_secret, api_secret_file) = secret.into_parts();
        Ok(Self {
            http_config: http_config(section, context)?,
            api_secret,
            api_secret_file,
            corp_id,
            message: text_or(section, "message", "{{ template \"wechat.default.message\" . }}")?,
            api_url: with_trailing_slash(&url_or(section, "api_url", &global.wechat_api_url)?),
            to_user: text_or(section, "to_user", "{{ template \"wechat.default.to_user\" . }}")?,
            to_party: text_or(section, "to_party", "{{ template \"wechat.default.to_party\" . }}")?,
            to_tag: text_or(section, "to_tag", "{{ template \"wechat.default.to_tag\" . }}")?,
            agent_id: text_or(section, "agent_id", "{{ template \"wechat.default.agent_id\" . }}")?,
            message_type,
        })
    }
}
