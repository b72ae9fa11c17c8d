//! Answers to the page: notifications, receivers, routes, incidents, evidence, heartbeats, drills.

mod drills;
mod routes;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use skopos_core::{Clock as _, SystemClock};
use skopos_incidents::{Incident, stats_of};
use skopos_server::{
    AlertingAnswer, AlertingCall, AlertingError, AlertingView, IncidentsQuery, NotificationsQuery, Said,
};
use skopos_state::{IncidentFilter, NotificationFilter, NotificationRow, StateError};

use super::Alerting;
use super::history::Record;
use super::links::{self, Links};

/// Most incidents that statistics are made of.
const MAX_STATS: u32 = 100_000;

type Answer = Result<Value, AlertingError>;

fn internal(error: &StateError) -> AlertingError {
    AlertingError::Internal(error.to_string())
}

/// Alerting as the server sees it.
#[derive(Debug)]
pub(in crate::node) struct Page(pub(in crate::node) Arc<Alerting>);

impl AlertingView for Page {
    fn answer(&self, call: AlertingCall) -> AlertingAnswer<'_> {
        let alerting = Arc::clone(&self.0);
        Box::pin(async move {
            match call {
                AlertingCall::Notifications(query) => alerting.notifications(query).await,
                AlertingCall::Notification(id) => alerting.notification(id).await,
                AlertingCall::Receivers => alerting.receivers().await,
                AlertingCall::TestReceiver { name, alert } => alerting.test_receiver(&name, alert).await,
                AlertingCall::Routes => Ok(alerting.routes()),
                AlertingCall::TestRoute(labels) => Ok(alerting.test_route(&labels)),
                AlertingCall::Incidents(query) => alerting.incidents(query).await,
                AlertingCall::Incident(id) => alerting.incident(&id).await,
                AlertingCall::Acknowledge { id, said } => alerting.acknowledge(&id, &said).await,
                AlertingCall::Note { id, said } => alerting.note(&id, &said).await,
                AlertingCall::IncidentStats(query) => alerting.incident_stats(query).await,
                AlertingCall::Evidence(fingerprint) => alerting.evidence_of(fingerprint).await,
                AlertingCall::Runbook { pack, name } => alerting.runbook(&pack, &name).await,
                AlertingCall::Heartbeats => {
                    let heartbeats = alerting.tracker.lock().policy().heartbeats.clone();
                    Ok(alerting.heartbeats.shown(&heartbeats))
                }
                AlertingCall::Alertmanagers => Ok(alerting.outside.shown()),
                AlertingCall::Drill { alert, labels } => alerting.drill(&alert, labels).await,
            }
        })
    }
}

impl Alerting {
    async fn notifications(&self, query: NotificationsQuery) -> Answer {
        let rows = query.rows();
        let filter = NotificationFilter {
            before: query.before,
            receiver: query.receiver,
            outcome: query.outcome,
            alertname: query.alertname,
            incident: query.incident,
            limit: rows,
        };
        let found = self
            .state
            .notifications(&filter)
            .await
            .map_err(|error| internal(&error))?;
        let next = found.last().filter(|_| found.len() == rows as usize).map(|row| row.id);
        let shown: Vec<Value> = found.iter().filter_map(|row| notification_json(row, false)).collect();
        Ok(json!({ "notifications": shown, "next": next }))
    }

    async fn notification(&self, id: i64) -> Answer {
        let row = self.state.notification(id).await.map_err(|error| internal(&error))?;
        row.and_then(|row| notification_json(&row, true))
            .ok_or_else(|| AlertingError::NotFound(format!("no notification has the id {id}")))
    }

    /// Incidents with those that changed a moment ago as they are now.
    async fn incidents_of(&self, filter: &IncidentFilter) -> Result<Vec<Incident>, AlertingError> {
        self.save_incidents().await;
        let rows = self.state.incidents(filter).await.map_err(|error| internal(&error))?;
        let read = rows.iter().map(|row| {
            serde_json::from_str(&row.body)
                .map_err(|error| AlertingError::Internal(format!("incident {} cannot be read: {error}", row.id)))
        });
        read.collect()
    }

    async fn incidents(&self, query: IncidentsQuery) -> Answer {
        let is_resolved = match query.state.as_deref() {
            None | Some("all" | "") => None,
            Some("open") => Some(false),
            Some("resolved") => Some(true),
            Some(other) => {
                let text = format!("state {other:?} is not known: it is open, resolved or all");
                return Err(AlertingError::Bad(text));
            }
        };
        let filter = IncidentFilter {
            is_resolved,
            limit: query.rows(),
            service: query.service.filter(|service| !service.is_empty()),
            from_ms: query.from,
            to_ms: query.to,
        };
        let found = self.incidents_of(&filter).await?;
        let shown: Vec<Value> = found.iter().map(incident_json).collect();
        Ok(json!({ "incidents": shown, "targetMs": self.target_ms() }))
    }

    async fn incident(&self, id: &str) -> Answer {
        self.save_incidents().await;
        let row = self.state.incident(id).await.map_err(|error| internal(&error))?;
        let row = row.ok_or_else(|| AlertingError::NotFound(format!("no incident has the id {id:?}")))?;
        let incident: Incident = serde_json::from_str(&row.body)
            .map_err(|error| AlertingError::Internal(format!("incident {id} cannot be read: {error}")))?;
        Ok(whole_json(&incident))
    }

    async fn acknowledge(&self, id: &str, said: &Said) -> Answer {
        check_author(said)?;
        let now_ms = SystemClock.now_ms();
        let changed = self.tracker.lock().acknowledge(now_ms, id, &said.by, &said.text);
        let incident = changed.map_err(|error| AlertingError::NotFound(error.to_string()))?;
        self.save_incidents().await;
        Ok(whole_json(&incident))
    }

    async fn note(&self, id: &str, said: &Said) -> Answer {
        check_author(said)?;
        if said.text.trim().is_empty() {
            return Err(AlertingError::Bad(
                "the note is empty; put its text into text".to_owned(),
            ));
        }
        let now_ms = SystemClock.now_ms();
        let changed = self.tracker.lock().note(now_ms, id, &said.by, &said.text);
        let incident = changed.map_err(|error| AlertingError::NotFound(error.to_string()))?;
        self.save_incidents().await;
        Ok(whole_json(&incident))
    }

    async fn incident_stats(&self, query: IncidentsQuery) -> Answer {
        let filter = IncidentFilter {
            from_ms: query.from,
            to_ms: query.to,
            service: query.service,
            is_resolved: None,
            limit: MAX_STATS,
        };
        let incidents = self.incidents_of(&filter).await?;
        let (total, services) = stats_of(&incidents, self.target_ms(), SystemClock.now_ms());
        Ok(json!({ "targetMs": self.target_ms(), "total": total, "services": services }))
    }

    fn target_ms(&self) -> i64 {
        self.tracker.lock().policy().target_ms()
    }

    async fn evidence_of(self: Arc<Self>, fingerprint: String) -> Answer {
        let evidence = self.evidence.lock().get(&fingerprint).cloned();
        let missing = || {
            let hint = "it is kept of alerts of rules from the moment they fire";
            AlertingError::NotFound(format!("there is no evidence of an alert {fingerprint:?}; {hint}"))
        };
        let evidence = evidence.ok_or_else(missing)?;
        let task = tokio::task::spawn_blocking(move || {
            let loaded = self.loaded.load();
            let links = Links {
                stores: &self.stores,
                engine: &self.engine,
                loaded: &loaded,
            };
            links::shown(&evidence, &links)
        });
        task.await.map_err(|error| AlertingError::Internal(error.to_string()))
    }

    async fn runbook(&self, pack: &str, name: &str) -> Answer {
        let missing = || AlertingError::NotFound(format!("pack {pack:?} has no runbook {name:?}"));
        let is_plain = !name.contains(['/', '\\']) && !name.starts_with('.');
        let loaded = self.loaded.load();
        let folder = loaded
            .packs
            .iter()
            .find(|(known, _)| known == pack)
            .filter(|_| is_plain);
        let (_, folder) = folder.ok_or_else(missing)?;
        let text = tokio::fs::read_to_string(folder.join("runbooks").join(name)).await;
        let text = text.map_err(|_| missing())?;
        Ok(Value::from(text))
    }
}

fn check_author(said: &Said) -> Result<(), AlertingError> {
    if said.by.trim().is_empty() {
        return Err(AlertingError::Bad("by is empty; say who you are".to_owned()));
    }
    Ok(())
}

/// A recorded notification; with what was sent where the whole is asked for.
fn notification_json(row: &NotificationRow, is_whole: bool) -> Option<Value> {
    let record: Record = match serde_json::from_str(&row.body) {
        Ok(record) => record,
        Err(error) => {
            tracing::error!("the recorded notification {} cannot be read: {error}", row.id);
            return None;
        }
    };
    Some(record_json(&record, Some(row.id), row.incident.as_deref(), is_whole))
}

fn record_json(record: &Record, id: Option<i64>, incident: Option<&str>, is_whole: bool) -> Value {
    let mut shown = serde_json::to_value(record).expect("a record is plain data");
    shown["id"] = json!(id);
    shown["incidentId"] = json!(incident);
    if let (false, Some(fields)) = (is_whole, shown.as_object_mut()) {
        for heavy in ["payload", "contentType", "tries"] {
            fields.remove(heavy);
        }
    }
    shown
}

fn incident_json(incident: &Incident) -> Value {
    json!({
        "id": incident.id,
        "title": title(incident),
        "state": incident.state(),
        "severity": incident.severity(),
        "service": incident.service(),
        "groupKey": incident.group_key,
        "groupLabels": incident.group_labels,
        "firstBadMs": incident.first_bad_ms(),
        "startedMs": incident.started_ms,
        "notifiedMs": incident.notified_ms,
        "acknowledgedMs": incident.acknowledged_ms,
        "acknowledgedBy": incident.acknowledged_by,
        "resolvedMs": incident.resolved_ms,
        "alerts": incident.members.len(),
        "firing": incident.firing(),
        "alertnames": incident.alertnames(),
        "timeToDetectMs": incident.time_to_detect_ms(),
        "timeToAcknowledgeMs": incident.time_to_acknowledge_ms(),
        "timeToRecoverMs": incident.time_to_recover_ms(),
    })
}

fn whole_json(incident: &Incident) -> Value {
    let mut shown = incident_json(incident);
    shown["members"] = json!(incident.members);
    shown["timeline"] = json!(incident.timeline);
    shown["omittedEntries"] = json!(incident.omitted_entries);
    shown["escalation"] = match &incident.escalation {
        Some(policy) => json!({ "policy": policy, "steps": incident.steps }),
        None => Value::Null,
    };
    shown
}

/// The first alert's summary, else its name.
fn title(incident: &Incident) -> String {
    let first = incident.members.first();
    let summary = first.and_then(|member| member.annotations.find("summary"));
    let names = incident.alertnames().join(", ");
    summary.filter(|text| !text.is_empty()).map_or(names, str::to_owned)
}

/// Labels of a request.
fn labels_of(labels: &BTreeMap<String, String>) -> skopos_core::Labels {
    skopos_core::Labels::from_pairs(labels)
}
