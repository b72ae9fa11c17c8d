//! The `global` section: what receivers inherit.

use std::time::Duration;

use serde::Serialize;
use skopos_config::strict::{Result, Section};
use skopos_config::{HttpClientConfig, Secret, TlsConfig};

use super::fields::{self, SecretPair};
use super::show;

/// The `global` section. Texts are empty where nothing is set; a secret and its `_file` are never
/// both set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GlobalConfig {
    /// After how long an alert without an end of its own counts as resolved.
    #[serde(serialize_with = "show::duration")]
    pub resolve_timeout: Duration,
    /// How receivers without settings of their own connect.
    pub http_config: HttpClientConfig,
    /// Jira's API.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub jira_api_url: String,
    /// The sender's address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub smtp_from: String,
    /// The name given in HELO.
    pub smtp_hello: String,
    /// The SMTP server, `host:port`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub smtp_smarthost: String,
    /// The user of CRAM-MD5, PLAIN and LOGIN.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub smtp_auth_username: String,
    /// The password of PLAIN and LOGIN.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub smtp_auth_password: Secret,
    /// The file with the password.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub smtp_auth_password_file: String,
    /// The secret of CRAM-MD5.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub smtp_auth_secret: Secret,
    /// The file with the secret.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub smtp_auth_secret_file: String,
    /// The identity of PLAIN.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub smtp_auth_identity: String,
    /// Whether mail is sent over TLS only.
    pub smtp_require_tls: bool,
    /// TLS settings of mail.
    #[serde(skip_serializing_if = "TlsConfig::is_default")]
    pub smtp_tls_config: TlsConfig,
    /// Whether TLS begins with the connection; by the port (465) where not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp_force_implicit_tls: Option<bool>,
    /// Slack's incoming webhook.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub slack_api_url: Secret,
    /// The file with Slack's incoming webhook.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub slack_api_url_file: String,
    /// Slack's bot token.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub slack_app_token: Secret,
    /// The file with Slack's bot token.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub slack_app_token_file: String,
    /// Slack's API for bots.
    #[serde(skip_serializing_if = "is_slack")]
    pub slack_app_url: String,
    /// PagerDuty's API.
    pub pagerduty_url: String,
    /// Opsgenie's API.
    pub opsgenie_api_url: String,
    /// Opsgenie's key.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub opsgenie_api_key: Secret,
    /// The file with Opsgenie's key.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub opsgenie_api_key_file: String,
    /// WeChat's API.
    pub wechat_api_url: String,
    /// WeChat's secret.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub wechat_api_secret: Secret,
    /// The file with WeChat's secret.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub wechat_api_secret_file: String,
    /// The corporation at WeChat.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub wechat_api_corp_id: String,
    /// VictorOps' API.
    pub victorops_api_url: String,
    /// VictorOps' key.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub victorops_api_key: Secret,
    /// The file with VictorOps' key.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub victorops_api_key_file: String,
    /// Telegram's API.
    pub telegram_api_url: String,
    /// Telegram's bot token.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub telegram_bot_token: Secret,
    /// The file with Telegram's bot token.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub telegram_bot_token_file: String,
    /// Webex' API.
    pub webex_api_url: String,
    /// Rocket.Chat's API.
    #[serde(skip_serializing_if = "is_rocketchat")]
    pub rocketchat_api_url: String,
    /// Rocket.Chat's token.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub rocketchat_token: Secret,
    /// The file with Rocket.Chat's token.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rocketchat_token_file: String,
    /// The token's id at Rocket.Chat.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub rocketchat_token_id: Secret,
    /// The file with the token's id at Rocket.Chat.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rocketchat_token_id_file: String,
    /// Mattermost's incoming webhook.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub mattermost_webhook_url: Secret,
    /// The file with Mattermost's incoming webhook.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mattermost_webhook_url_file: String,
}

/// Five minutes.
const DEFAULT_RESOLVE_TIMEOUT: Duration = Duration::from_mins(5);

// Older releases, whose tools read what we write, do not know these two keys.
const SLACK_APP_URL: &str = "https://slack.com/api/chat.postMessage";
const ROCKETCHAT_API_URL: &str = "https://open.rocket.chat/";

fn is_slack(url: &str) -> bool {
    url == SLACK_APP_URL
}

fn is_rocketchat(url: &str) -> bool {
    url == ROCKETCHAT_API_URL
}

impl Default for GlobalConfig {
    fn default() -> Self {
        Self {
            resolve_timeout: DEFAULT_RESOLVE_TIMEOUT,
            http_config: HttpClientConfig::default(),
            jira_api_url: String::new(),
            smtp_from: String::new(),
            smtp_hello: "localhost".to_owned(),
            smtp_smarthost: String::new(),
            smtp_auth_username: String::new(),
            smtp_auth_password: Secret::default(),
            smtp_auth_password_file: String::new(),
            smtp_auth_secret: Secret::default(),
            smtp_auth_secret_file: String::new(),
            smtp_auth_identity: String::new(),
            smtp_require_tls: true,
            smtp_tls_config: TlsConfig::default(),
            smtp_force_implicit_tls: None,
            slack_api_url: Secret::default(),
            slack_api_url_file: String::new(),
            slack_app_token: Secret::default(),
            slack_app_token_file: String::new(),
            slack_app_url: SLACK_APP_URL.to_owned(),
            pagerduty_url: "https://events.pagerduty.com/v2/enqueue".to_owned(),
            opsgenie_api_url: "https://api.opsgenie.com/".to_owned(),
            opsgenie_api_key: Secret::default(),
            opsgenie_api_key_file: String::new(),
            wechat_api_url: "https://qyapi.weixin.qq.com/cgi-bin/".to_owned(),
            wechat_api_secret: Secret::default(),
            wechat_api_secret_file: String::new(),
            wechat_api_corp_id: String::new(),
            victorops_api_url: "https://alert.victorops.com/integrations/generic/20131114/alert/".to_owned(),
            victorops_api_key: Secret::default(),
            victorops_api_key_file: String::new(),
            telegram_api_url: "https://api.telegram.org".to_owned(),
            telegram_bot_token: Secret::default(),
            telegram_bot_token_file: String::new(),
            webex_api_url: "https://webexapis.com/v1/messages".to_owned(),
            rocketchat_api_url: ROCKETCHAT_API_URL.to_owned(),
            rocketchat_token: Secret::default(),
            rocketchat_token_file: String::new(),
            rocketchat_token_id: Secret::default(),
            rocketchat_token_id_file: String::new(),
            mattermost_webhook_url: Secret::default(),
            mattermost_webhook_url_file: String::new(),
        }
    }
}

impl GlobalConfig {
    /// Reads the section.
    pub(super) fn read(section: &Section<'_>) -> Result<Self> {
        let mut config = Self::default();
        config.read_mail(section)?;
        config.read_chat(section)?;
        config.read_paging(section)?;
        config.resolve_timeout = section.duration("resolve_timeout")?.unwrap_or(config.resolve_timeout);
        if let Some(http_config) = fields::own_http_config(section)? {
            config.http_config = http_config;
        }
        config.jira_api_url = fields::url(section, "jira_api_url")?.unwrap_or_default();
        Ok(config)
    }

    fn read_mail(&mut self, section: &Section<'_>) -> Result<()> {
        self.smtp_from = section.text_or_empty("smtp_from")?;
        self.smtp_hello = fields::text_or(section, "smtp_hello", &self.smtp_hello)?;
        self.smtp_smarthost = fields::host_port(section, "smtp_smarthost")?;
        self.smtp_auth_username = section.text_or_empty("smtp_auth_username")?;
        let password = SecretPair::read(section, "smtp_auth_password", "smtp_auth_password_file")?;
        (self.smtp_auth_password, self.smtp_auth_password_file) = password.into_parts();
        let secret = SecretPair::read(section, "smtp_auth_secret", "smtp_auth_secret_file")?;
        (self.smtp_auth_secret, self.smtp_auth_secret_file) = secret.into_parts();
        self.smtp_auth_identity = section.text_or_empty("smtp_auth_identity")?;
        self.smtp_require_tls = section.flag_or("smtp_require_tls", true)?;
        self.smtp_tls_config = section
            .section("smtp_tls_config", "config.plain", TlsConfig::read)?
            .unwrap_or_default();
        self.smtp_force_implicit_tls = section.flag("smtp_force_implicit_tls")?;
        Ok(())
    }

    fn read_chat(&mut self, section: &Section<'_>) -> Result<()> {
        let url = SecretPair::read_url(section, "slack_api_url", "slack_api_url_file")?;
        let token = SecretPair::read(section, "slack_app_token", "slack_app_token_file")?;
        let app_url = fields::url_or(section, "slack_app_url", &self.slack_app_url)?;
        // Those who set the bots' API as slack_api_url before there were tokens may go on.
        let is_app_url = url.inline() == app_url || url.is_hidden();
        if !token.is_empty() && !url.is_empty() && !is_app_url {
            section.refuse(section.problem_at(
                "slack_app_token",
                "at most one of slack_app_token/slack_app_token_file & slack_api_url/slack_api_url_file must be configured",
            ));
        }
        (self.slack_api_url, self.slack_api_url_file) = url.into_parts();
        (self.slack_app_token, self.slack_app_token_file) = token.into_parts();
        self.slack_app_url = app_url;
        self.telegram_api_url = fields::url_or(section, "telegram_api_url", &self.telegram_api_url)?;
        let token = SecretPair::read(section, "telegram_bot_token", "telegram_bot_token_file")?;
        (self.telegram_bot_token, self.telegram_bot_token_file) = token.into_parts();
        self.webex_api_url = fields::url_or(section, "webex_api_url", &self.webex_api_url)?;
        self.rocketchat_api_url = fields::url_or(section, "rocketchat_api_url", &self.rocketchat_api_url)?;
        let token = SecretPair::read(section, "rocketchat_token", "rocketchat_token_file")?;
        (self.rocketchat_token, self.rocketchat_token_file) = token.into_parts();
        let id = SecretPair::read(section, "rocketchat_token_id", "rocketchat_token_id_file")?;
        (self.rocketchat_token_id, self.rocketchat_token_id_file) = id.into_parts();
        let url = SecretPair::read_url(section, "mattermost_webhook_url", "mattermost_webhook_url_file")?;
        (self.mattermost_webhook_url, self.mattermost_webhook_url_file) = url.into_parts();
        self.wechat_api_url = fields::url_or(section, "wechat_api_url", &self.wechat_api_url)?;
        let secret = SecretPair::read(section, "wechat_api_secret", "wechat_api_secret_file")?;
        (self.wechat_api_secret, self.wechat_api_secret_file) = secret.into_parts();
        self.wechat_api_corp_id = section.text_or_empty("wechat_api_corp_id")?;
        Ok(())
    }

    fn read_paging(&mut self, section: &Section<'_>) -> Result<()> {
        self.pagerduty_url = fields::url_or(section, "pagerduty_url", &self.pagerduty_url)?;
        self.opsgenie_api_url = fields::url_or(section, "opsgenie_api_url", &self.opsgenie_api_url)?;
        let key = SecretPair::read(section, "opsgenie_api_key", "opsgenie_api_key_file")?;
        (self.opsgenie_api_key, self.opsgenie_api_key_file) = key.into_parts();
        self.victorops_api_url = fields::url_or(section, "victorops_api_url", &self.victorops_api_url)?;
        let key = SecretPair::read(section, "victorops_api_key", "victorops_api_key_file")?;
        (self.victorops_api_key, self.victorops_api_key_file) = key.into_parts();
        Ok(())
    }
}
