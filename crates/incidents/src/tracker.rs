//! Follows alerts, notifications and people, and keeps the incidents that are not over.

mod escalate;
mod pending;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use skopos_alertmanager::alert::Annotations;
use skopos_core::Labels;

use crate::incident::{EntryKind, Incident, Member, MemberState, TimelineEntry};
use crate::policy::Policy;
use pending::PendingAlerts;

pub use escalate::Escalation;

/// An incident that comes back within this time goes on instead of starting anew.
const REOPEN_MS: i64 = 5 * 60 * 1000;
/// Most entries of a timeline; further ones are counted.
const MAX_ENTRIES: usize = 2_000;
/// Most alerts of an incident that are listed one by one; further ones join the count of entries left out.
const MAX_MEMBERS: usize = 1_000;

/// The group of the alertmanager that an alert falls into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRef {
    /// Its key.
    pub key: Arc<str>,
    /// The labels that it was made by.
    pub labels: Labels,
}

/// What happened to an alert.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertChange {
    /// When.
    pub at_ms: i64,
    /// The alert's identity.
    pub fingerprint: u64,
    /// Its labels.
    pub labels: Labels,
    /// Its annotations.
    pub annotations: Annotations,
    /// What happened.
    pub phase: AlertPhase,
}

/// How far an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertPhase {
    /// Its condition holds, but not for long enough.
    Pending {
        /// Time of the first sample for which it held.
        first_bad_ms: i64,
    },
    /// It fires.
    Firing {
        /// Time of the first sample for which its condition held, where it is known.
        first_bad_ms: Option<i64>,
    },
    /// It ended.
    Resolved,
}

/// A notification that was sent, or could not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notified {
    /// When.
    pub at_ms: i64,
    /// To whom.
    pub receiver: String,
    /// By which integration.
    pub integration: String,
    /// What went wrong.
    pub error: Option<String>,
    /// Whether it told of the end of all alerts.
    pub is_resolved: bool,
    /// Its number in the history.
    pub notification_id: Option<i64>,
}

/// No incident has that id, or it is over and put away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no incident has the id {0:?}, or it ended too long ago to be changed")]
pub struct UnknownIncident(pub String);

/// The incidents that are not over, and those that ended a moment ago.
#[derive(Debug, Default)]
pub struct IncidentTracker {
    policy: Policy,
    /// By group key.
    incidents: BTreeMap<Arc<str>, Incident>,
    pending: PendingAlerts,
    /// Group keys of incidents that changed since they were last taken.
    changed: BTreeSet<Arc<str>>,
}

/// The service that an alert is about: its label `service`, else `job`, else nothing.
pub fn service_of<'a>(label: impl Fn(&str) -> Option<&'a str>) -> &'a str {
    let known = |name| label(name).filter(|value: &&str| !value.is_empty());
    known("service").or_else(|| known("job")).unwrap_or_default()
}

impl IncidentTracker {
    /// A tracker without incidents.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            ..Self::default()
        }
    }

    /// Takes incidents back that were not over when the process ended.
    pub fn restore(&mut self, incidents: impl IntoIterator<Item = Incident>) {
        for incident in incidents {
            self.incidents.insert(Arc::clone(&incident.group_key), incident);
        }
    }

    /// Takes over another policy; steps of running incidents stay as they were planned.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Follows an alert.
    pub fn alert(&mut self, change: &AlertChange, group: &GroupRef) {
        match change.phase {
            AlertPhase::Pending { first_bad_ms } => self.pending.insert(change, first_bad_ms),
            AlertPhase::Firing { first_bad_ms } => self.fire(change, first_bad_ms, group),
            AlertPhase::Resolved => self.resolve(change, group),
        }
    }

    fn fire(&mut self, change: &AlertChange, first_bad_ms: Option<i64>, group: &GroupRef) {
        let before = self.pending.remove(change.fingerprint);
        let first_bad_ms = first_bad_ms.or(before.map(|before| before.first_bad_ms));
        let pending_ms = before.map(|before| before.pending_ms);
        let fingerprint = change.fingerprint;
        let policy = &self.policy;
        let is_over = |incident: &Incident| {
            let ended = incident.resolved_ms;
            ended.is_some_and(|ended_ms| change.at_ms - ended_ms > REOPEN_MS)
        };
        if self.incidents.get(&group.key).is_some_and(is_over) {
            self.incidents.remove(&group.key);
        }
        let incident = self
            .incidents
            .entry(Arc::clone(&group.key))
            .or_insert_with(|| open(change, group, policy));
        if incident.resolved_ms.take().is_some() {
            let text = format!("{} fires again", name_of(change));
            incident.tell(entry(change.at_ms, EntryKind::Reopened, text, Some(fingerprint)));
        }
        let is_full = incident.members.len() >= MAX_MEMBERS;
        let known = incident
            .members
            .iter_mut()
            .find(|member| member.fingerprint == fingerprint);
        match known {
            Some(member) if member.state == MemberState::Firing => {
                member.annotations = change.annotations.clone();
                return;
            }
            Some(member) => {
                member.state = MemberState::Firing;
                member.resolved_ms = None;
                member.annotations = change.annotations.clone();
            }
            None if is_full => incident.omitted_entries += 1,
            None => incident.members.push(Member {
                fingerprint,
                labels: change.labels.clone(),
                annotations: change.annotations.clone(),
                state: MemberState::Firing,
                first_bad_ms,
                pending_ms,
                fired_ms: change.at_ms,
                resolved_ms: None,
            }),
        }
        let name = name_of(change);
        if let Some(at_ms) = first_bad_ms {
            let text = format!("the condition of {name} holds for the first time");
            incident.tell(entry(at_ms, EntryKind::FirstBadSample, text, Some(fingerprint)));
        }
        if let Some(at_ms) = pending_ms {
            incident.tell(entry(
                at_ms,
                EntryKind::Pending,
                format!("{name} is pending"),
                Some(fingerprint),
            ));
        }
        incident.tell(entry(
            change.at_ms,
            EntryKind::Firing,
            format!("{name} fires"),
            Some(fingerprint),
        ));
        self.changed.insert(Arc::clone(&group.key));
    }

    fn resolve(&mut self, change: &AlertChange, group: &GroupRef) {
        self.pending.remove(change.fingerprint);
        let fingerprint = change.fingerprint;
        let Some(incident) = self.incidents.get_mut(&group.key) else {
            return;
        };
        let mut members = incident.members.iter_mut();
        let Some(member) = members.find(|member| member.fingerprint == fingerprint && member.resolved_ms.is_none())
        else {
            return;
        };
        member.state = MemberState::Resolved;
        member.resolved_ms = Some(change.at_ms);
        let name = name_of(change);
        incident.tell(entry(
            change.at_ms,
            EntryKind::Resolved,
            format!("{name} ended"),
            Some(fingerprint),
        ));
        if incident.firing() == 0 {
            incident.resolved_ms = Some(change.at_ms);
            let text = "all alerts have ended".to_owned();
            incident.tell(entry(change.at_ms, EntryKind::Resolved, text, None));
        }
        self.changed.insert(Arc::clone(&group.key));
    }

    /// Notes why an alert that fires ends otherwise than by its condition; the end itself comes by
    /// [`IncidentTracker::alert`].
    pub fn explain(&mut self, now_ms: i64, fingerprint: u64, text: &str) {
        for (key, incident) in &mut self.incidents {
            let mut members = incident.members.iter();
            if members.any(|member| member.fingerprint == fingerprint && member.resolved_ms.is_none()) {
                incident.tell(entry(now_ms, EntryKind::Note, text.to_owned(), Some(fingerprint)));
                self.changed.insert(Arc::clone(key));
            }
        }
    }

    /// Records that a receiver was told of a group, or could not be.
    pub fn notified(&mut self, group_key: &str, notified: &Notified) {
        let Some(incident) = self.incidents.get_mut(group_key) else {
            return;
        };
        let whom = format!("{} ({})", notified.receiver, notified.integration);
        let (kind, text) = match &notified.error {
            Some(error) => (
                EntryKind::NotificationFailed,
                format!("{whom} could not be told: {error}"),
            ),
            None if notified.is_resolved => (EntryKind::Notified, format!("{whom} was told that it is over")),
            None => (EntryKind::Notified, format!("{whom} was told")),
        };
        if notified.error.is_none() {
            incident.notified_ms.get_or_insert(notified.at_ms);
        }
        let mut told = entry(notified.at_ms, kind, text, None);
        told.notification_id = notified.notification_id;
        incident.tell(told);
        self.changed.insert(Arc::clone(&incident.group_key));
    }

    /// Records that alerts of a group were held back by a silence or by another alert. The same words
    /// are told once in a row.
    pub fn held_back(&mut self, now_ms: i64, group_key: &str, kind: EntryKind, text: &str) {
        let Some(incident) = self.incidents.get_mut(group_key) else {
            return;
        };
        let last = incident.timeline.iter().rev().find(|entry| entry.kind == kind);
        if last.is_some_and(|entry| entry.text == text) {
            return;
        }
        incident.tell(entry(now_ms, kind, text.to_owned(), None));
        self.changed.insert(Arc::clone(&incident.group_key));
    }

    /// Somebody takes an incident on: escalation ends. Doing it again changes nothing.
    pub fn acknowledge(&mut self, now_ms: i64, id: &str, by: &str, note: &str) -> Result<Incident, UnknownIncident> {
        self.change(id, |incident| {
            if incident.acknowledged_ms.is_none() {
                incident.acknowledged_ms = Some(now_ms);
                incident.acknowledged_by = Some(by.to_owned());
                incident.tell(said(now_ms, EntryKind::Acknowledged, "acknowledged", by));
            }
            if !note.is_empty() {
                incident.tell(said(now_ms, EntryKind::Note, note, by));
            }
        })
    }

    /// Somebody writes a note.
    pub fn note(&mut self, now_ms: i64, id: &str, by: &str, text: &str) -> Result<Incident, UnknownIncident> {
        self.change(id, |incident| incident.tell(said(now_ms, EntryKind::Note, text, by)))
    }

    fn change(&mut self, id: &str, work: impl FnOnce(&mut Incident)) -> Result<Incident, UnknownIncident> {
        let found = self.incidents.values_mut().find(|incident| incident.id == id);
        let incident = found.ok_or_else(|| UnknownIncident(id.to_owned()))?;
        work(incident);
        self.changed.insert(Arc::clone(&incident.group_key));
        Ok(incident.clone())
    }

    /// The incidents that changed and were not taken yet, at most `limit` of them, to be stored: none when all are
    /// taken. Those that are over for good are forgotten then.
    pub fn take_changed(&mut self, now_ms: i64, limit: usize) -> Vec<Incident> {
        let keys = std::iter::from_fn(|| self.changed.pop_first()).take(limit);
        let taken: Vec<Incident> = keys.filter_map(|key| self.incidents.get(&key).cloned()).collect();
        if !taken.is_empty() {
            return taken;
        }
        let is_over = |ended_ms: i64| now_ms - ended_ms > REOPEN_MS;
        self.incidents
            .retain(|_, incident| !incident.resolved_ms.is_some_and(is_over));
        self.pending.forget_before(now_ms);
        taken
    }

    /// The incidents that are not over, and those that ended a moment ago.
    pub fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.values()
    }

    /// The incident of a group.
    pub fn of_group(&self, group_key: &str) -> Option<&Incident> {
        self.incidents.get(group_key)
    }
}

impl Incident {
    /// Adds an entry at its place in time.
    fn tell(&mut self, entry: TimelineEntry) {
        if self.timeline.len() >= MAX_ENTRIES {
            self.omitted_entries += 1;
            return;
        }
        let place = self.timeline.partition_point(|other| other.at_ms <= entry.at_ms);
        self.timeline.insert(place, entry);
    }
}

fn open(change: &AlertChange, group: &GroupRef, policy: &Policy) -> Incident {
    let escalation = policy.escalation_for(&change.labels);
    let steps = escalation.map(|policy| escalate::steps(policy, change.at_ms));
    Incident {
        id: id_of(&group.key, change.at_ms),
        group_key: Arc::clone(&group.key),
        group_labels: group
            .labels
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        members: Vec::new(),
        timeline: Vec::new(),
        omitted_entries: 0,
        started_ms: change.at_ms,
        notified_ms: None,
        acknowledged_ms: None,
        acknowledged_by: None,
        resolved_ms: None,
        escalation: escalation.map(|policy| policy.name.clone()),
        steps: steps.unwrap_or_default(),
    }
}

/// Start and group make an id that is the same however often the start is told.
fn id_of(group_key: &str, started_ms: i64) -> String {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let hash = group_key
        .bytes()
        .fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    format!("{:x}-{:08x}", started_ms / 1000, hash as u32)
}

fn name_of(change: &AlertChange) -> &str {
    change.labels.get("alertname")
}

fn entry(at_ms: i64, kind: EntryKind, text: String, fingerprint: Option<u64>) -> TimelineEntry {
    TimelineEntry {
        at_ms,
        kind,
        text,
        by: None,
        fingerprint,
        notification_id: None,
    }
}

fn said(at_ms: i64, kind: EntryKind, text: &str, by: &str) -> TimelineEntry {
    TimelineEntry {
        by: Some(by.to_owned()),
        ..entry(at_ms, kind, text.to_owned(), None)
    }
}

#[cfg(test)]
mod tests;
