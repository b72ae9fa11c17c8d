//! Receivers: names under which integrations are notified.

mod discord;
mod email;
mod incidentio;
mod jira;
mod kind;
mod mattermost;
mod msteams;
mod msteamsv2;
mod opsgenie;
mod pagerduty;
mod pushover;
mod rocketchat;
mod slack;
mod sns;
mod telegram;
mod victorops;
mod webex;
mod webhook;
mod wechat;

use std::collections::BTreeMap;

use serde::Serialize;
use skopos_config::strict::{Node, Problem, Result, Section, read_section};
use skopos_config::{Position, Secret};

pub use self::discord::DiscordConfig;
pub use self::email::{EmailConfig, ThreadByDate, ThreadingConfig};
pub use self::incidentio::IncidentioConfig;
pub use self::jira::{JiraApiType, JiraConfig, JiraField};
pub use self::kind::IntegrationKind;
pub use self::mattermost::{
    MattermostAttachment, MattermostConfig, MattermostField, MattermostPriority, MattermostProps,
};
pub use self::msteams::MsteamsConfig;
pub use self::msteamsv2::MsteamsV2Config;
pub use self::opsgenie::{OpsgenieConfig, OpsgenieResponder};
pub use self::pagerduty::{PagerdutyConfig, PagerdutyImage, PagerdutyLink};
pub use self::pushover::PushoverConfig;
pub use self::rocketchat::{RocketchatAction, RocketchatConfig, RocketchatField};
pub use self::slack::{SlackAction, SlackConfig, SlackConfirmation, SlackField};
pub use self::sns::SnsConfig;
pub use self::telegram::TelegramConfig;
pub use self::victorops::VictoropsConfig;
pub use self::webex::WebexConfig;
pub use self::webhook::WebhookConfig;
pub use self::wechat::WechatConfig;

use self::kind::KINDS;
use super::fields::{Context, SecretPair};

/// A receiver: what a route names.
#[derive(Debug, Clone, PartialEq)]
pub struct Receiver {
    /// The name, unique in the configuration.
    pub name: String,
    /// Labels of the receiver, by which the API selects; `name` is added there.
    pub labels: BTreeMap<String, String>,
    /// The integrations in Alertmanager's order of kinds.
    pub integrations: Vec<Integration>,
    /// Where it is written.
    pub position: Position,
}

/// One place that a receiver notifies.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Integration {
    /// The kind, with its settings.
    #[serde(flatten)]
    pub kind: IntegrationKind,
    /// The position among the receiver's integrations of the same kind; part of the notification
    /// log's key.
    #[serde(skip)]
    pub index_in_kind: usize,
    /// Whether resolved alerts are notified.
    pub send_resolved: bool,
    /// Where it is written.
    #[serde(skip)]
    pub position: Position,
}

impl Integration {
    /// The name in logs and records: `webhook[0]`.
    pub fn label(&self) -> String {
        format!("{}[{}]", self.kind.name(), self.index_in_kind)
    }
}

impl Receiver {
    pub(super) fn read(node: &Node, context: &Context<'_>) -> Result<Self> {
        read_section(node, "config.plain", |section| {
            let name = section.text_or_empty("name")?;
            if name.is_empty() {
                section.refuse(section.problem_at("name", "missing name in receiver"));
            }
            Ok(Self {
                name,
                labels: section.text_map("labels")?,
                integrations: read_integrations(section, context)?,
                position: node.at,
            })
        })
    }
}

fn read_integrations(section: &Section<'_>, context: &Context<'_>) -> Result<Vec<Integration>> {
    let mut integrations = Vec::new();
    for kind in &KINDS {
        for (index_in_kind, node) in section.items(kind.key)?.iter().enumerate() {
            if node.is_null() && !kind.may_be_null {
                return Err(Problem::at(node.at, format!("missing {} config", kind.name)));
            }
            let integration = read_section(node, "config.plain", |section| {
                Ok(Integration {
                    send_resolved: section.flag_or("send_resolved", kind.sends_resolved)?,
                    kind: (kind.read)(section, context)?,
                    index_in_kind,
                    position: node.at,
                })
            })?;
            integrations.push(integration);
        }
    }
    Ok(integrations)
}

/// The key of a kind that takes the global one where it has none: `without` says that there is
/// neither, and `help` what to do.
fn required_api_key(
    section: &Section<'_>,
    (global, global_file): (&Secret, &str),
    without: &str,
    help: &str,
) -> Result<(Secret, String)> {
    let key = SecretPair::read(section, "api_key", "api_key_file")?.or(global, global_file);
    if key.is_empty() {
        section.refuse(section.problem(without).help(help));
    }
    Ok(key.into_parts())
}

/// The incoming webhook of a kind that has no global one.
fn required_webhook(section: &Section<'_>) -> Result<(Secret, String)> {
    let url = SecretPair::read_url(section, "webhook_url", "webhook_url_file")?;
    if url.is_empty() {
        section.refuse(section.problem("one of webhook_url or webhook_url_file must be configured"));
    }
    Ok(url.into_parts())
}
