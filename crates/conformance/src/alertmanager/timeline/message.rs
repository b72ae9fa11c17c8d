//! Webhook messages, and where they go.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use skopos_alertmanager::Notification;
use skopos_alertmanager::config::IntegrationKind;
use skopos_core::Labels;
use skopos_notify::Templates;

/// Where sinks are, as seen from configurations; nothing is ever sent there.
const SINKS: &str = "http://sink.invalid/";
/// The sink that `${webhook}` means.
const DEFAULT_SINK: &str = "webhook";
/// Where messages say that Alertmanager is.
const EXTERNAL_URL: &str = "http://alertmanager.invalid";
/// The end of what still fires.
const ZERO_TIME: &str = "0001-01-01T00:00:00Z";

/// The configuration with URLs of sinks in the place of `${webhook}` and `${webhook:NAME}`.
pub(in crate::alertmanager) fn webhooks_to_sinks(config: &str) -> String {
    let mut out = String::with_capacity(config.len());
    let mut rest = config;
    while let Some(start) = rest.find("${webhook") {
        let (before, after) = rest.split_at(start);
        let Some(end) = after.find('}') else {
            break;
        };
        let inside = &after["${webhook".len()..end];
        out.push_str(before);
        out.push_str(SINKS);
        out.push_str(inside.strip_prefix(':').unwrap_or(DEFAULT_SINK));
        out.push('/');
        rest = &after[end + 1..];
    }
    out.push_str(rest);
    out
}

/// The sink that a URL leads to.
pub(super) fn sink_of(url: &str) -> Option<&str> {
    url.strip_prefix(SINKS)?.strip_suffix('/')
}

/// A message as a sink sees it.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) alerts: Vec<MessageAlert>,
    /// The whole body.
    pub(super) fields: Value,
}

/// An alert in a message.
#[derive(Debug, Clone)]
pub(super) struct MessageAlert {
    pub(super) labels: Labels,
    pub(super) annotations: Vec<(String, String)>,
    pub(super) starts_at_ms: i64,
    pub(super) ends_at_ms: Option<i64>,
}

/// The alerts in the body of a webhook.
#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    alerts: Vec<EnvelopeAlert>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EnvelopeAlert {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    starts_at: String,
    ends_at: String,
}

impl Message {
    /// Renders a notification as `notify` does, and reads the body as a sink does.
    pub(super) fn of(kind: &IntegrationKind, notification: &Notification) -> Result<Self, String> {
        let rendered = skopos_notify::render(kind, &Templates::built_in(), notification, EXTERNAL_URL)
            .map_err(|error| error.to_string())?;
        let envelope = Envelope::deserialize(&rendered.body).map_err(|error| error.to_string())?;
        let alerts: Result<Vec<MessageAlert>, String> = envelope.alerts.into_iter().map(MessageAlert::read).collect();
        Ok(Self {
            alerts: alerts?,
            fields: rendered.body,
        })
    }
}

impl MessageAlert {
    fn read(alert: EnvelopeAlert) -> Result<Self, String> {
        let time_ms = |text: &str| match text.parse::<Timestamp>() {
            Ok(time) => Ok(time.as_millisecond()),
            Err(error) => Err(format!("{text}: {error}")),
        };
        Ok(Self {
            labels: alert.labels.iter().collect(),
            annotations: alert.annotations.into_iter().collect(),
            starts_at_ms: time_ms(&alert.starts_at)?,
            ends_at_ms: match alert.ends_at.as_str() {
                ZERO_TIME => None,
                text => Some(time_ms(text)?),
            },
        })
    }
}
