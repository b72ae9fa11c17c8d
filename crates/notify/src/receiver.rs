//! The receivers: one file each, with `render`, which is pure, and `send`.

mod body;
mod discord;
mod email;
mod incidentio;
mod jira;
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

use std::time::Duration;

use serde::Serialize;
use serde_json::Value as Json;
use skopos_alertmanager::Notification;
use skopos_alertmanager::config::IntegrationKind;
use skopos_config::HttpClientConfig;

use crate::courier::Courier;
use crate::send_error::SendError;
use crate::template::{Rendering, TemplateError, Templates};

/// A message as it is sent, but for secrets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rendered {
    /// The kind of receiver: `webhook`, `slack`, ….
    pub kind: &'static str,
    /// The message in a line: `__subject`.
    pub summary: String,
    /// What is sent: the JSON of the request, the fields of a form, or the headers and bodies of a
    /// mail. Keys, tokens and URLs that hold them are not in it.
    pub body: Json,
}

/// What an integration remembers of a group from one message to the next.
pub(crate) type ReceiverData = Vec<(String, String)>;

/// What was sent.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// The HTTP or SMTP status.
    pub(crate) status: u16,
    pub(crate) receiver_data: ReceiverData,
}

/// Services whose addresses no configuration names.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// Pushover's messages.
    pub pushover: String,
    /// PagerDuty's Events API v1.
    pub pagerduty_v1: String,
    /// Amazon's token service; `{region}` stands for the region.
    pub sts: String,
}

impl Default for Endpoints {
    fn default() -> Self {
        Self {
            pushover: "https://api.pushover.net/1/messages.json".to_owned(),
            pagerduty_v1: "https://events.pagerduty.com/generic/2010-04-15/create_event.json".to_owned(),
            sts: "https://sts.{region}.amazonaws.com/".to_owned(),
        }
    }
}

/// Renders the message of one integration. Pure: no clock, no file, no socket.
pub fn render(
    kind: &IntegrationKind,
    templates: &Templates,
    notification: &Notification,
    external_url: &str,
) -> Result<Rendered, TemplateError> {
    let rendering = Rendering::new(templates, notification, external_url);
    render_with(kind, &rendering)
}

pub(crate) fn render_with(kind: &IntegrationKind, rendering: &Rendering<'_>) -> Result<Rendered, TemplateError> {
    let body = body_of(kind, rendering).map_err(|error| error.of_receiver(kind.name()))?;
    Ok(Rendered {
        kind: kind.name(),
        summary: rendering
            .text("__subject", "{{ template \"__subject\" . }}")?
            .trim_end()
            .to_owned(),
        body,
    })
}

fn body_of(kind: &IntegrationKind, rendering: &Rendering<'_>) -> Result<Json, TemplateError> {
    match kind {
        IntegrationKind::Webhook(config) => webhook::render(config, rendering),
        IntegrationKind::Email(config) => email::render(config, rendering),
        IntegrationKind::Pagerduty(config) => pagerduty::render(config, rendering),
        IntegrationKind::Opsgenie(config) => opsgenie::render(config, rendering),
        IntegrationKind::Wechat(config) => wechat::render(config, rendering),
        IntegrationKind::Slack(config) => slack::render(config, rendering),
        IntegrationKind::Victorops(config) => victorops::render(config, rendering),
        IntegrationKind::Pushover(config) => pushover::render(config, rendering),
        IntegrationKind::Sns(config) => sns::render(config, rendering),
        IntegrationKind::Telegram(config) => telegram::render(config, rendering),
        IntegrationKind::Discord(config) => discord::render(config, rendering),
        IntegrationKind::Webex(config) => webex::render(config, rendering),
        IntegrationKind::Msteams(config) => msteams::render(config, rendering),
        IntegrationKind::MsteamsV2(config) => msteamsv2::render(config, rendering),
        IntegrationKind::Jira(config) => jira::render(config, rendering),
        IntegrationKind::Rocketchat(config) => rocketchat::render(config, rendering),
        IntegrationKind::Incidentio(config) => incidentio::render(config, rendering),
        IntegrationKind::Mattermost(config) => mattermost::render(config, rendering),
    }
}

/// Sends a rendered message once.
pub(crate) async fn send(kind: &IntegrationKind, body: &Json, courier: &Courier<'_>) -> Result<Sent, SendError> {
    let sent = match kind {
        IntegrationKind::Webhook(config) => webhook::send(config, body, courier).await,
        IntegrationKind::Email(config) => Box::pin(email::send(config, body, courier)).await,
        IntegrationKind::Pagerduty(config) => pagerduty::send(config, body, courier).await,
        IntegrationKind::Opsgenie(config) => opsgenie::send(config, body, courier).await,
        IntegrationKind::Wechat(config) => wechat::send(config, body, courier).await,
        IntegrationKind::Slack(config) => slack::send(config, body, courier).await,
        IntegrationKind::Victorops(config) => victorops::send(config, body, courier).await,
        IntegrationKind::Pushover(config) => pushover::send(config, body, courier).await,
        IntegrationKind::Sns(config) => Box::pin(sns::send(config, body, courier)).await,
        IntegrationKind::Telegram(config) => telegram::send(config, body, courier).await,
        IntegrationKind::Discord(config) => discord::send(config, body, courier).await,
        IntegrationKind::Webex(config) => webex::send(config, body, courier).await,
        IntegrationKind::Msteams(config) => msteams::send(config, body, courier).await,
        IntegrationKind::MsteamsV2(config) => msteamsv2::send(config, body, courier).await,
        IntegrationKind::Jira(config) => Box::pin(jira::send(config, body, courier)).await,
        IntegrationKind::Rocketchat(config) => rocketchat::send(config, body, courier).await,
        IntegrationKind::Incidentio(config) => incidentio::send(config, body, courier).await,
        IntegrationKind::Mattermost(config) => mattermost::send(config, body, courier).await,
    };
    sent.map_err(|error| courier.masked(error))
}

/// How an integration connects; mail has no such settings.
pub(crate) fn http_config(kind: &IntegrationKind) -> HttpClientConfig {
    let config = match kind {
        IntegrationKind::Email(_) => return HttpClientConfig::default(),
        IntegrationKind::Webhook(config) => &config.http_config,
        IntegrationKind::Pagerduty(config) => &config.http_config,
        IntegrationKind::Opsgenie(config) => &config.http_config,
        IntegrationKind::Wechat(config) => &config.http_config,
        IntegrationKind::Slack(config) => &config.http_config,
        IntegrationKind::Victorops(config) => &config.http_config,
        IntegrationKind::Pushover(config) => &config.http_config,
        IntegrationKind::Sns(config) => &config.http_config,
        IntegrationKind::Telegram(config) => &config.http_config,
        IntegrationKind::Discord(config) => &config.http_config,
        IntegrationKind::Webex(config) => &config.http_config,
        IntegrationKind::Msteams(config) => &config.http_config,
        IntegrationKind::MsteamsV2(config) => &config.http_config,
        IntegrationKind::Jira(config) => &config.http_config,
        IntegrationKind::Rocketchat(config) => &config.http_config,
        IntegrationKind::Incidentio(config) => &config.http_config,
        IntegrationKind::Mattermost(config) => &config.http_config,
    };
    config.clone()
}

/// The media type in which an integration's message is sent.
pub(crate) fn content_type(kind: &IntegrationKind) -> &'static str {
    match kind {
        IntegrationKind::Email(_) => "multipart/alternative",
        IntegrationKind::Pushover(_) | IntegrationKind::Sns(_) => "application/x-www-form-urlencoded",
        _ => "application/json",
    }
}

/// How long one attempt may take by the integration's own settings.
pub(crate) fn timeout(kind: &IntegrationKind) -> Option<Duration> {
    let timeout = match kind {
        IntegrationKind::Webhook(config) => config.timeout,
        IntegrationKind::Incidentio(config) => config.timeout,
        IntegrationKind::Pagerduty(config) => config.timeout,
        IntegrationKind::Slack(config) => config.timeout,
        _ => Duration::ZERO,
    };
    (!timeout.is_zero()).then_some(timeout)
}

fn sent(status: u16) -> Sent {
    Sent {
        status,
        receiver_data: Vec::new(),
    }
}
