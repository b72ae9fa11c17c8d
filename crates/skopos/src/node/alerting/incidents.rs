//! Takes up what happened in the alertmanager: history, incidents, escalation.

use std::sync::Arc;

use skopos_alertmanager::dispatch::Suppression;
use skopos_alertmanager::machine::{DeliveryId, Event, EventKind};
use skopos_alertmanager::silence::Silence;
use skopos_alertmanager::view::SilenceFilter;
use skopos_alertmanager::{Notification, NotificationReason, NotifiedAlert};
use skopos_core::{Clock as _, Labels, SystemClock, TimeRange};
use skopos_incidents::{AlertChange, AlertPhase, EntryKind, Escalation, GroupRef, Incident, Member, Notified};
use skopos_prove::backtest::KnownIncident;
use skopos_state::{IncidentFilter, IncidentRow, StateError, StateStore};

use super::Alerting;
use super::heartbeats::observe_age;
use super::history::{Attempts, IntegrationName, Purpose, Record, Try, record_of};

/// Most incidents that may be open at once after a restart.
const MAX_OPEN: u32 = 100_000;
/// Most records of notifications that are written in one piece: they hold what was sent.
const RECORDED_AT_ONCE: usize = 64;
/// Most incidents that are written in one piece.
const SAVED_AT_ONCE: usize = 256;
/// Deadline of a message that belongs to no group, milliseconds.
const DEADLINE_MS: i64 = 60_000;

/// The incidents that were not over when the process ended.
pub(super) async fn open_incidents(state: &StateStore) -> Result<Vec<Incident>, StateError> {
    let filter = IncidentFilter {
        is_resolved: Some(false),
        limit: MAX_OPEN,
        ..IncidentFilter::default()
    };
    let rows = state.incidents(&filter).await?;
    let read = |row: &IncidentRow| match serde_json::from_str(&row.body) {
        Ok(incident) => Some(incident),
        Err(error) => {
            tracing::error!(
                "the stored incident {} cannot be read and is left as it is: {error}",
                row.id
            );
            None
        }
    };
    Ok(rows.iter().filter_map(read).collect())
}

impl Alerting {
    /// Takes up the machine's events. Deliveries that are over are recorded many at a time.
    pub(super) async fn absorb_events(&self) {
        let mut over = Vec::new();
        for event in self.handle.take_events() {
            over.extend(self.absorb(&event));
            if over.len() >= RECORDED_AT_ONCE {
                self.record_all(&std::mem::take(&mut over)).await;
            }
        }
        self.record_all(&over).await;
    }

    /// Takes up an event; gives the record of a delivery that is over, and the key of its group.
    fn absorb(&self, event: &Event) -> Option<(Record, Option<Arc<str>>)> {
        let group = GroupRef {
            key: Arc::clone(&event.group_key),
            labels: event.group_labels.clone(),
        };
        let change = |alert: &skopos_alertmanager::alert::Alert, at_ms, phase| AlertChange {
            at_ms,
            fingerprint: alert.fingerprint,
            labels: alert.labels.clone(),
            annotations: alert.annotations.clone(),
            phase,
        };
        match &event.kind {
            EventKind::Firing(alert) => {
                // It shows that alerting lives: nobody has to do anything about it.
                if self.tracker.lock().policy().fires_always(alert.labels.get("alertname")) {
                    return None;
                }
                let phase = AlertPhase::Firing { first_bad_ms: None };
                let at_ms = alert.starts_at_ms.min(event.at_ms);
                self.tracker.lock().alert(&change(alert, at_ms, phase), &group);
                None
            }
            EventKind::Resolved(alert) => {
                let at_ms = alert.ends_at_ms.min(event.at_ms);
                self.tracker
                    .lock()
                    .alert(&change(alert, at_ms, AlertPhase::Resolved), &group);
                None
            }
            EventKind::Suppressed { alert, by } => {
                let (kind, text) = held_by(by);
                let text = format!("{} {text}", alert.labels.get("alertname"));
                self.tracker.lock().held_back(event.at_ms, &group.key, kind, &text);
                None
            }
            EventKind::Delivered {
                delivery, notification, ..
            } => Some(self.conclude(event, *delivery, notification, None)),
            EventKind::Failed {
                delivery,
                notification,
                text,
                ..
            } => Some(self.conclude(event, *delivery, notification, Some(text.clone()))),
            EventKind::Flushed { .. }
            | EventKind::Released(_)
            | EventKind::Attempted { .. }
            | EventKind::Retried { .. } => None,
        }
    }

    /// What is recorded of a delivery that is over.
    fn conclude(
        &self,
        event: &Event,
        delivery: DeliveryId,
        notification: &Notification,
        error: Option<String>,
    ) -> (Record, Option<Arc<str>>) {
        let attempts = self.history.take(delivery);
        let integration = self.integration_name(notification);
        let record = record_of(notification, integration, Purpose::Alert, event.at_ms, attempts, error);
        if record.error.is_none() {
            let first_bad_ms = |fingerprint: u64| {
                let evidence = self.evidence.lock();
                evidence
                    .get(&format!("{fingerprint:016x}"))
                    .map(|evidence| evidence.first_bad_ms)
            };
            observe_age(notification, first_bad_ms, event.at_ms);
        }
        (record, Some(Arc::clone(&event.group_key)))
    }

    /// Stores records, each with the key of its group where it has one, and tells the incidents of the groups. Gives
    /// the numbers of the records in the same order.
    pub(super) async fn record_all(&self, records: &[(Record, Option<Arc<str>>)]) -> Vec<Option<i64>> {
        if records.is_empty() {
            return Vec::new();
        }
        let rows: Vec<(&Record, Option<String>)> = {
            let tracker = self.tracker.lock();
            let incident = |key: &Arc<str>| tracker.of_group(key).map(|incident| incident.id.clone());
            let rows = records.iter();
            rows.map(|(record, key)| (record, key.as_ref().and_then(incident)))
                .collect()
        };
        let ids: Vec<Option<i64>> = match self.history.record(&rows).await {
            Ok(ids) => ids.into_iter().map(Some).collect(),
            Err(error) => {
                tracing::error!("{} notifications could not be recorded: {error}", records.len());
                vec![None; records.len()]
            }
        };
        let mut tracker = self.tracker.lock();
        for ((record, group_key), id) in records.iter().zip(&ids) {
            if let Some(group_key) = group_key {
                tracker.notified(group_key, &notified(record, *id));
            }
        }
        ids
    }

    /// The kind and position of a notification's integration.
    pub(super) fn integration_name(&self, notification: &Notification) -> IntegrationName {
        self.handle.read(|machine, _| {
            let receivers = &machine.plan().receivers;
            let receiver = receivers
                .iter()
                .find(|receiver| *receiver.name == *notification.receiver);
            let integration = receiver.and_then(|receiver| receiver.integrations.get(notification.integration));
            integration.map_or_else(
                || IntegrationName {
                    kind: String::new(),
                    name: String::new(),
                },
                |integration| IntegrationName {
                    kind: integration.kind.to_owned(),
                    name: format!("{}[{}]", integration.kind, integration.index),
                },
            )
        })
    }

    /// Stores incidents that changed.
    pub(super) async fn save_incidents(&self) {
        loop {
            let changed = self.tracker.lock().take_changed(SystemClock.now_ms(), SAVED_AT_ONCE);
            if changed.is_empty() {
                return;
            }
            let rows: Vec<IncidentRow> = changed.iter().map(row).collect();
            if let Err(error) = self.state.save_incidents(&rows).await {
                tracing::error!("incidents could not be stored: {error}");
            }
        }
    }

    /// Tells the next in line where nobody acknowledged.
    pub(super) async fn escalate(&self) {
        let due = self.tracker.lock().escalate(SystemClock.now_ms());
        for escalation in due {
            let key = Arc::clone(&escalation.incident.group_key);
            self.send_to_all(&notification_of(&escalation), Purpose::Escalation, Some(&key))
                .await;
        }
    }

    /// Sends one message by every integration of its receiver, and records each.
    pub(super) async fn send_to_all(
        &self,
        template: &Notification,
        purpose: Purpose,
        group_key: Option<&Arc<str>>,
    ) -> Vec<(Record, Option<i64>)> {
        let integrations = self.handle.read(|machine, _| {
            let receivers = &machine.plan().receivers;
            let receiver = receivers.iter().find(|receiver| *receiver.name == *template.receiver);
            receiver.map_or(0, |receiver| receiver.integrations.len())
        });
        let senders = self.senders.load_full();
        let mut records = Vec::new();
        for integration in 0..integrations {
            let notification = Notification {
                integration,
                ..template.clone()
            };
            let started = std::time::Instant::now();
            let sent = senders.send(&notification).await;
            let duration_ms = started.elapsed().as_millis() as i64;
            let at_ms = SystemClock.now_ms();
            let (error, payload, content_type) = match sent {
                Ok(sent) => (None, sent.payload, sent.content_type),
                Err(failed) => (Some(failed.text), failed.payload, failed.content_type),
            };
            let mut attempts = Attempts::default();
            let tried = Try {
                at_ms,
                error: error.clone(),
            };
            attempts.add(tried, duration_ms, (&payload, &content_type));
            let name = self.integration_name(&notification);
            let record = record_of(&notification, name, purpose, at_ms, attempts, error);
            records.push((record, group_key.map(Arc::clone)));
        }
        let ids = self.record_all(&records).await;
        let records = records.into_iter().map(|(record, _)| record);
        records.zip(ids).collect()
    }

    /// The receivers that an alert is sent to.
    pub(in crate::node) fn receivers_of(&self, labels: &Labels) -> Vec<String> {
        self.handle.read(|machine, _| {
            let receivers = machine.receivers_of(labels);
            receivers
                .into_iter()
                .map(|receiver| receiver.name.to_string())
                .collect()
        })
    }

    /// The silences that are active now.
    pub(in crate::node) fn active_silences(&self) -> Vec<Silence> {
        let active = SilenceFilter {
            pending: false,
            expired: false,
            ..SilenceFilter::default()
        };
        let found = self
            .handle
            .read(|machine, now_ms| machine.silence_views(now_ms, &active));
        found.into_iter().map(Arc::unwrap_or_clone).collect()
    }

    /// The incidents on record that touch a range. Called on threads that may wait.
    pub(in crate::node) fn known_incidents(&self, range: TimeRange) -> Vec<KnownIncident> {
        let filter = IncidentFilter {
            to_ms: Some(range.end_ms),
            limit: MAX_OPEN,
            ..IncidentFilter::default()
        };
        let rows = match self.runtime.block_on(self.state.incidents(&filter)) {
            Ok(rows) => rows,
            Err(error) => {
                tracing::error!("incidents could not be read: {error}");
                return Vec::new();
            }
        };
        let touching = rows
            .iter()
            .filter(|row| row.resolved_ms.is_none_or(|at_ms| at_ms >= range.start_ms));
        let read = touching.filter_map(|row| serde_json::from_str::<Incident>(&row.body).ok());
        read.map(|incident| KnownIncident {
            start_ms: incident.started_ms,
            end_ms: incident.resolved_ms,
            service: Some(incident.service().to_owned()).filter(|service| !service.is_empty()),
            alertnames: incident.alertnames().into_iter().map(str::to_owned).collect(),
        })
        .collect()
    }

    /// Removes history that is older than it is kept.
    pub(super) async fn forget_history(&self) {
        self.forget_evidence().await;
        let before_ms = SystemClock.now_ms() - self.history_retention.as_millis() as i64;
        let forgotten = self.state.forget_notifications(before_ms).await;
        let forgotten = forgotten.and(self.state.forget_incidents(before_ms).await);
        if let Err(error) = forgotten {
            tracing::error!("old notifications and incidents could not be removed: {error}");
        }
    }
}

/// What the incident of a record's group learns of it.
fn notified(record: &Record, notification_id: Option<i64>) -> Notified {
    Notified {
        at_ms: record.at_ms,
        receiver: record.receiver.clone(),
        integration: record.integration.clone(),
        error: record.error.clone(),
        is_resolved: record.firing == 0,
        notification_id,
    }
}

/// What holds an alert back, in words.
fn held_by(by: &Suppression) -> (EntryKind, String) {
    match by {
        Suppression::Inhibited { source } => (EntryKind::Inhibited, format!("is held back by the alert {source:016x}")),
        Suppression::Silenced { silences } => (EntryKind::Silenced, format!("is silenced by {}", silences.join(", "))),
        Suppression::Muted { intervals } => (
            EntryKind::Silenced,
            format!("is mute in the time interval {}", intervals.join(", ")),
        ),
        Suppression::Inactive { intervals } => (
            EntryKind::Silenced,
            format!("is mute outside the time interval {}", intervals.join(", ")),
        ),
    }
}

fn row(incident: &Incident) -> IncidentRow {
    IncidentRow {
        id: incident.id.clone(),
        started_ms: incident.started_ms,
        resolved_ms: incident.resolved_ms,
        service: incident.service().to_owned(),
        body: serde_json::to_string(incident).expect("an incident is plain data"),
    }
}

fn notification_of(escalation: &Escalation) -> Notification {
    let incident = &escalation.incident;
    let now_ms = SystemClock.now_ms();
    let firing = incident.members.iter().filter(|member| member.resolved_ms.is_none());
    Notification {
        receiver: escalation.receiver.clone(),
        integration: 0,
        group_key: incident.group_key.to_string(),
        group_labels: Labels::from_pairs(&incident.group_labels),
        route_labels: Vec::new(),
        alerts: firing.map(|member| notified_alert(member, escalation)).collect(),
        reason: NotificationReason::RepeatIntervalElapsed,
        now_ms,
        deadline_ms: now_ms + DEADLINE_MS,
        receiver_data: Vec::new(),
    }
}

fn notified_alert(member: &Member, escalation: &Escalation) -> NotifiedAlert {
    let mut annotations = member.annotations.to_vec();
    let minutes = escalation.after_ms / 60_000;
    let text = format!(
        "nobody acknowledged incident {} for {minutes} minutes",
        escalation.incident.id
    );
    annotations.push(("escalation".to_owned(), text));
    NotifiedAlert {
        labels: member.labels.clone(),
        annotations: annotations.into(),
        starts_at_ms: member.fired_ms,
        ends_at_ms: None,
        generator_url: "".into(),
        fingerprint: member.fingerprint,
    }
}
