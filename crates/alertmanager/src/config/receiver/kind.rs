//! The 18 kinds of integrations, in Alertmanager's order.

use serde::Serialize;
use skopos_config::strict::{Result, Section};

use super::{
    DiscordConfig, EmailConfig, IncidentioConfig, JiraConfig, MattermostConfig, MsteamsConfig, MsteamsV2Config,
    OpsgenieConfig, PagerdutyConfig, PushoverConfig, RocketchatConfig, SlackConfig, SnsConfig, TelegramConfig,
    VictoropsConfig, WebexConfig, WebhookConfig, WechatConfig,
};
use crate::config::fields::Context;

/// A kind of integration with its settings.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum IntegrationKind {
    /// JSON to any URL.
    Webhook(Box<WebhookConfig>),
    /// Mail.
    Email(Box<EmailConfig>),
    /// PagerDuty.
    Pagerduty(Box<PagerdutyConfig>),
    /// Opsgenie.
    Opsgenie(Box<OpsgenieConfig>),
    /// WeChat Work.
    Wechat(Box<WechatConfig>),
    /// Slack.
    Slack(Box<SlackConfig>),
    /// VictorOps (Splunk On-Call).
    Victorops(Box<VictoropsConfig>),
    /// Pushover.
    Pushover(Box<PushoverConfig>),
    /// Amazon SNS.
    Sns(Box<SnsConfig>),
    /// Telegram.
    Telegram(Box<TelegramConfig>),
    /// Discord.
    Discord(Box<DiscordConfig>),
    /// Webex.
    Webex(Box<WebexConfig>),
    /// Microsoft Teams by connectors.
    Msteams(Box<MsteamsConfig>),
    /// Microsoft Teams by workflows.
    MsteamsV2(Box<MsteamsV2Config>),
    /// Jira.
    Jira(Box<JiraConfig>),
    /// Rocket.Chat.
    Rocketchat(Box<RocketchatConfig>),
    /// incident.io.
    Incidentio(Box<IncidentioConfig>),
    /// Mattermost.
    Mattermost(Box<MattermostConfig>),
}

impl IntegrationKind {
    /// The name in metrics, logs and the notification log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Email(_) => "email",
            Self::Pagerduty(_) => "pagerduty",
            Self::Opsgenie(_) => "opsgenie",
            Self::Wechat(_) => "wechat",
            Self::Slack(_) => "slack",
            Self::Victorops(_) => "victorops",
            Self::Pushover(_) => "pushover",
            Self::Sns(_) => "sns",
            Self::Telegram(_) => "telegram",
            Self::Discord(_) => "discord",
            Self::Webex(_) => "webex",
            Self::Msteams(_) => "msteams",
            Self::MsteamsV2(_) => "msteamsv2",
            Self::Jira(_) => "jira",
            Self::Rocketchat(_) => "rocketchat",
            Self::Incidentio(_) => "incidentio",
            Self::Mattermost(_) => "mattermost",
        }
    }
}

/// How a kind is written.
pub(super) struct Kind {
    /// The key of its list.
    pub(super) key: &'static str,
    pub(super) name: &'static str,
    /// Whether resolved alerts are notified where nothing is said.
    pub(super) sends_resolved: bool,
    /// Whether an item may be null, because everything may come from `global`.
    pub(super) may_be_null: bool,
    pub(super) read: fn(&Section<'_>, &Context<'_>) -> Result<IntegrationKind>,
}

/// Reads one kind's settings into its variant.
macro_rules! kind {
    ($key:literal, $name:literal, $sends_resolved:literal, $may_be_null:literal, $variant:ident, $config:ident) => {
        Kind {
            key: $key,
            name: $name,
            sends_resolved: $sends_resolved,
            may_be_null: $may_be_null,
            read: |section, context| {
                $config::read(section, context)
                    .map(Box::new)
                    .map(IntegrationKind::$variant)
            },
        }
    };
}

/// All kinds in the order in which a receiver notifies them.
pub(super) const KINDS: [Kind; 18] = [
    kind!("webhook_configs", "webhook", true, false, Webhook, WebhookConfig),
    kind!("email_configs", "email", false, false, Email, EmailConfig),
    kind!(
        "pagerduty_configs",
        "pagerduty",
        true,
        false,
        Pagerduty,
        PagerdutyConfig
    ),
    kind!("opsgenie_configs", "opsgenie", true, true, Opsgenie, OpsgenieConfig),
    kind!("wechat_configs", "wechat", false, true, Wechat, WechatConfig),
    kind!("slack_configs", "slack", false, true, Slack, SlackConfig),
    kind!(
        "victorops_configs",
        "victorops",
        true,
        false,
        Victorops,
        VictoropsConfig
    ),
    kind!("pushover_configs", "pushover", true, false, Pushover, PushoverConfig),
    kind!("sns_configs", "sns", true, false, Sns, SnsConfig),
    kind!("telegram_configs", "telegram", true, false, Telegram, TelegramConfig),
    kind!("discord_configs", "discord", true, false, Discord, DiscordConfig),
    kind!("webex_configs", "webex", true, false, Webex, WebexConfig),
    kind!("msteams_configs", "msteams", true, false, Msteams, MsteamsConfig),
    kind!(
        "msteamsv2_configs",
        "msteamsv2",
        true,
        false,
        MsteamsV2,
        MsteamsV2Config
    ),
    kind!("jira_configs", "jira", true, false, Jira, JiraConfig),
    kind!(
        "rocketchat_configs",
        "rocketchat",
        false,
        true,
        Rocketchat,
        RocketchatConfig
    ),
    kind!(
        "incidentio_configs",
        "incidentio",
        true,
        false,
        Incidentio,
        IncidentioConfig
    ),
    kind!(
        "mattermost_configs",
        "mattermost",
        true,
        false,
        Mattermost,
        MattermostConfig
    ),
];
