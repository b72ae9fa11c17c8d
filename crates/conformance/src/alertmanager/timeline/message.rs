//! Webhook messages, and where they go.

use serde_json::{Value, json};
use skopos_alertmanager::Notification;
use skopos_core::Labels;

/// Where sinks are, as seen from configurations; nothing is ever sent there.
const SINKS: &str = "http://sink.invalid/";
/// The sink that `${webhook}` means.
const DEFAULT_SINK: &str = "webhook";

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
    /// The fields beside the alerts.
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

impl Message {
    pub(super) fn of(notification: &Notification, max_alerts: u64) -> Self {
        let limit = usize::try_from(max_alerts).unwrap_or(usize::MAX);
        let shown = if limit == 0 {
            notification.alerts.len()
        } else {
            limit.min(notification.alerts.len())
        };
        let alerts = notification.alerts[..shown].iter().map(|alert| MessageAlert {
            labels: alert.labels.clone(),
            annotations: alert.annotations.clone(),
            starts_at_ms: alert.starts_at_ms,
            ends_at_ms: alert.ends_at_ms,
        });
        let is_firing = notification.alerts.iter().any(|alert| !alert.is_resolved());
        let labels = notification.alerts.iter().map(|alert| pairs(&alert.labels));
        let annotations = notification.alerts.iter().map(|alert| alert.annotations.clone());
        Self {
            alerts: alerts.collect(),
            fields: json!({
                "version": "4",
                "groupKey": notification.group_key,
                "truncatedAlerts": notification.alerts.len() - shown,
                "receiver": notification.receiver,
                "status": if is_firing { "firing" } else { "resolved" },
                "notification_reason": notification.reason.as_str(),
                "groupLabels": object(pairs(&notification.group_labels)),
                "commonLabels": object(common(labels)),
                "commonAnnotations": object(common(annotations)),
                "routeLabels": object(notification.route_labels.clone()),
            }),
        }
    }
}

fn pairs(labels: &Labels) -> Vec<(String, String)> {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    labels.iter().map(owned).collect()
}

/// The pairs that all have.
fn common(mut all: impl Iterator<Item = Vec<(String, String)>>) -> Vec<(String, String)> {
    let first = all.next().unwrap_or_default();
    all.fold(first, |mut common, next| {
        common.retain(|pair| next.contains(pair));
        common
    })
}

fn object(pairs: Vec<(String, String)>) -> Value {
    Value::Object(
        pairs
            .into_iter()
            .map(|(name, value)| (name, Value::String(value)))
            .collect(),
    )
}
