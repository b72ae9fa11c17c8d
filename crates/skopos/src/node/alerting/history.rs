//! The history of notifications: what was sent to whom, when, how often it was tried, and how it went.

use std::collections::HashMap;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use skopos_alertmanager::machine::DeliveryId;
use skopos_alertmanager::{Notification, NotifiedAlert};
use skopos_state::{NewNotification, StateError, StateStore};

/// Longest payload that is kept, in bytes.
const MAX_PAYLOAD: usize = 256 * 1024;

/// Why something was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Purpose {
    /// Alerts fire or ended.
    Alert,
    /// Somebody tests a receiver.
    Test,
    /// Somebody drills an alert.
    Drill,
    /// Nobody acknowledged an incident.
    Escalation,
}

/// An attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Try {
    /// When it ended, Unix milliseconds.
    pub(super) at_ms: i64,
    /// What went wrong.
    pub(super) error: Option<String>,
}

/// What is recorded of a notification, as the API gives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    pub(super) at_ms: i64,
    pub(super) receiver: String,
    pub(super) kind: String,
    pub(super) integration: String,
    pub(super) group_key: String,
    pub(super) group_labels: std::collections::BTreeMap<String, String>,
    pub(super) reason: String,
    pub(super) outcome: String,
    pub(super) attempts: u32,
    pub(super) duration_ms: i64,
    pub(super) error: Option<String>,
    pub(super) firing: usize,
    pub(super) resolved: usize,
    pub(super) alertnames: Vec<String>,
    pub(super) purpose: Purpose,
    #[serde(default)]
    pub(super) payload: String,
    #[serde(default)]
    pub(super) content_type: String,
    #[serde(default)]
    pub(super) tries: Vec<Try>,
}

/// What the attempts of a delivery have told so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Attempts {
    pub(super) tries: Vec<Try>,
    pub(super) duration_ms: i64,
    pub(super) payload: String,
    pub(super) content_type: String,
}

impl Attempts {
    /// Adds an attempt; what was sent and its content type replace what was sent before.
    pub(super) fn add(&mut self, tried: Try, duration_ms: i64, sent: (&str, &str)) {
        let (payload, content_type) = sent;
        self.tries.push(tried);
        self.duration_ms += duration_ms;
        if !payload.is_empty() {
            cut(payload).clone_into(&mut self.payload);
            content_type.clone_into(&mut self.content_type);
        }
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_PAYLOAD);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Records notifications.
#[derive(Debug)]
pub(super) struct History {
    state: StateStore,
    running: Mutex<HashMap<DeliveryId, Attempts>>,
}

impl History {
    pub(super) fn new(state: StateStore) -> Self {
        Self {
            state,
            running: Mutex::default(),
        }
    }

    /// An attempt of a delivery ended.
    pub(super) fn tried(&self, delivery: DeliveryId, tried: Try, duration_ms: i64, sent: (&str, &str)) {
        let mut running = self.running.lock();
        let attempts = running.entry(delivery).or_default();
        attempts.add(tried, duration_ms, sent);
    }

    /// A delivery is over: gives what its attempts told.
    pub(super) fn take(&self, delivery: DeliveryId) -> Attempts {
        self.running.lock().remove(&delivery).unwrap_or_default()
    }

    /// Records notifications that are over, each with its incident; gives their ids in the same order.
    pub(super) async fn record(&self, records: &[(&Record, Option<String>)]) -> Result<Vec<i64>, StateError> {
        let rows: Vec<NewNotification> = records
            .iter()
            .map(|(record, incident)| row(record, incident.as_deref()))
            .collect();
        self.state.add_notifications(&rows).await
    }
}

fn row(record: &Record, incident: Option<&str>) -> NewNotification {
    NewNotification {
        at_ms: record.at_ms,
        receiver: record.receiver.clone(),
        outcome: if record.error.is_none() { DELIVERED } else { FAILED },
        alertnames: record.alertnames.clone(),
        incident: incident.map(str::to_owned),
        body: serde_json::to_string(record).expect("a record is plain data"),
    }
}

const DELIVERED: &str = "delivered";
const FAILED: &str = "failed";

/// The integration of a notification: its kind and position, such as `webhook[0]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IntegrationName {
    pub(super) kind: String,
    pub(super) name: String,
}

/// What is recorded of a notification whose attempts are over.
pub(super) fn record_of(
    notification: &Notification,
    integration: IntegrationName,
    purpose: Purpose,
    at_ms: i64,
    attempts: Attempts,
    error: Option<String>,
) -> Record {
    let mut alertnames: Vec<String> = Vec::new();
    for alert in &notification.alerts {
        let name = alert.labels.get("alertname");
        if !alertnames.iter().any(|known| known == name) {
            alertnames.push(name.to_owned());
        }
    }
    let resolved = notification
        .alerts
        .iter()
        .filter(|alert| NotifiedAlert::is_resolved(alert))
        .count();
    let outcome = if error.is_none() { DELIVERED } else { FAILED };
    Record {
        at_ms,
        receiver: notification.receiver.clone(),
        kind: integration.kind,
        integration: integration.name,
        group_key: notification.group_key.clone(),
        group_labels: pairs(notification.group_labels.iter()),
        reason: notification.reason.as_str().to_owned(),
        outcome: outcome.to_owned(),
        attempts: attempts.tries.len() as u32,
        duration_ms: attempts.duration_ms,
        error,
        firing: notification.alerts.len() - resolved,
        resolved,
        alertnames,
        purpose,
        payload: attempts.payload,
        content_type: attempts.content_type,
        tries: attempts.tries,
    }
}

/// Labels as a map.
pub(super) fn pairs<'a>(
    labels: impl Iterator<Item = (&'a str, &'a str)>,
) -> std::collections::BTreeMap<String, String> {
    labels
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
