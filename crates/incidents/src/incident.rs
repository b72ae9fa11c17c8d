//! An incident: its members, its timeline, and the times that are measured of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use skopos_alertmanager::alert::Annotations;
use skopos_core::Labels;

use crate::at_rest;

/// How far an incident is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum IncidentState {
    /// Something fires, and nobody has taken it on.
    Open,
    /// Something fires, and somebody has taken it on.
    Acknowledged,
    /// Nothing fires any more.
    Resolved,
}

/// How far an alert of an incident is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MemberState {
    /// It fires.
    Firing,
    /// It has ended.
    Resolved,
}

/// An alert of an incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The alert's identity.
    #[serde(with = "at_rest::fingerprint")]
    pub fingerprint: u64,
    /// Its labels, shared with the alert.
    #[serde(with = "at_rest::labels")]
    pub labels: Labels,
    /// Its annotations, as last seen.
    #[serde(with = "at_rest::annotations")]
    pub annotations: Annotations,
    /// How far it is.
    pub state: MemberState,
    /// Time of the first sample for which the rule's condition held, where it is known.
    pub first_bad_ms: Option<i64>,
    /// When it became pending, where it is known.
    pub pending_ms: Option<i64>,
    /// When it fired.
    pub fired_ms: i64,
    /// When it ended.
    pub resolved_ms: Option<i64>,
}

/// What an entry of a timeline tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EntryKind {
    /// The first sample for which a condition held.
    FirstBadSample,
    /// An alert became pending.
    Pending,
    /// An alert fired.
    Firing,
    /// A receiver was told.
    Notified,
    /// A receiver could not be told.
    NotificationFailed,
    /// A silence held an alert back.
    Silenced,
    /// Another alert held an alert back.
    Inhibited,
    /// Somebody took it on.
    Acknowledged,
    /// Nobody took it on in time, and the next receiver was told.
    Escalated,
    /// Somebody wrote a note.
    Note,
    /// An alert ended, or all of them.
    Resolved,
    /// Something fired again shortly after the end.
    Reopened,
}

/// An entry of a timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimelineEntry {
    /// When it happened.
    pub at_ms: i64,
    /// What it tells.
    pub kind: EntryKind,
    /// In words.
    pub text: String,
    /// Who did it, where somebody did.
    pub by: Option<String>,
    /// The alert that it is about.
    #[serde(with = "at_rest::fingerprint::optional", default)]
    pub fingerprint: Option<u64>,
    /// The recorded notification that it is about.
    pub notification_id: Option<i64>,
}

/// A step of the escalation that applies to an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EscalationStep {
    /// How long after the start it is due if nobody acknowledged.
    pub after_ms: i64,
    /// Who is told then.
    pub receiver: String,
    /// When it is or was due.
    pub due_ms: i64,
    /// When it was taken.
    pub done_ms: Option<i64>,
}

/// What fires together, from its first bad sample to its recovery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    /// Its id.
    pub id: String,
    /// The alertmanager's group key.
    pub group_key: Arc<str>,
    /// The labels that the group was made by.
    pub group_labels: BTreeMap<String, String>,
    /// The alerts, in the order in which they fired.
    pub members: Vec<Member>,
    /// What happened, in order of time.
    pub timeline: Vec<TimelineEntry>,
    /// Entries that were left out because the timeline was full.
    pub omitted_entries: u64,
    /// When the first alert fired.
    pub started_ms: i64,
    /// When somebody was first told.
    pub notified_ms: Option<i64>,
    /// When it was taken on.
    pub acknowledged_ms: Option<i64>,
    /// By whom.
    pub acknowledged_by: Option<String>,
    /// When the last alert ended.
    pub resolved_ms: Option<i64>,
    /// Name of the escalation that applies.
    pub escalation: Option<String>,
    /// Its steps.
    pub steps: Vec<EscalationStep>,
}

/// Severities from the worst; others come after.
const SEVERITIES: [&str; 5] = ["critical", "page", "error", "warning", "info"];

impl Incident {
    /// How far it is.
    pub fn state(&self) -> IncidentState {
        match (self.resolved_ms, self.acknowledged_ms) {
            (Some(_), _) => IncidentState::Resolved,
            (None, Some(_)) => IncidentState::Acknowledged,
            (None, None) => IncidentState::Open,
        }
    }

    /// Number of alerts that fire.
    pub fn firing(&self) -> usize {
        let firing = self.members.iter().filter(|member| member.resolved_ms.is_none());
        firing.count()
    }

    /// Names of its alerts, each once, in the order in which they fired.
    pub fn alertnames(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for member in &self.members {
            let name = member.label("alertname").unwrap_or_default();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The worst severity among its alerts, or an empty text.
    pub fn severity(&self) -> &str {
        let rank = |severity: &&str| SEVERITIES.iter().position(|known| known == severity);
        let severities = self.members.iter().filter_map(|member| member.label("severity"));
        severities
            .min_by_key(|severity| rank(severity).unwrap_or(SEVERITIES.len()))
            .unwrap_or_default()
    }

    /// The service of its first alert, or an empty text.
    pub fn service(&self) -> &str {
        self.members.first().map_or("", Member::service)
    }

    /// Time of the first sample for which a condition held, where it is known.
    pub fn first_bad_ms(&self) -> Option<i64> {
        self.members.iter().filter_map(|member| member.first_bad_ms).min()
    }

    /// From the first bad sample to the first notification.
    pub fn time_to_detect_ms(&self) -> Option<i64> {
        let from_ms = self.first_bad_ms().unwrap_or(self.started_ms);
        self.notified_ms.map(|at_ms| (at_ms - from_ms).max(0))
    }

    /// From the first alert that fired to the acknowledgement.
    pub fn time_to_acknowledge_ms(&self) -> Option<i64> {
        self.acknowledged_ms.map(|at_ms| (at_ms - self.started_ms).max(0))
    }

    /// From the first alert that fired to the end of the last.
    pub fn time_to_recover_ms(&self) -> Option<i64> {
        self.resolved_ms.map(|at_ms| (at_ms - self.started_ms).max(0))
    }
}

impl Member {
    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.find(name)
    }

    /// The service that it is about, or an empty text.
    pub fn service(&self) -> &str {
        crate::tracker::service_of(|name| self.label(name))
    }
}
