//! What the API shows, computed when it is asked for.

mod filter;
mod order;

use std::collections::HashMap;
use std::sync::Arc;

use skopos_core::Labels;

pub use self::filter::{AlertFilter, SilenceFilter, takes_receiver};
pub use self::order::by_state_and_time;
use crate::Alertmanager;
use crate::alert::{Alert, by_job_and_instance, by_labels};
use crate::machine::ReceiverPlan;
use crate::silence::Silence;

/// An alert and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertView {
    /// The alert.
    pub alert: Arc<Alert>,
    /// Where it stands now.
    pub status: AlertStatus,
    /// The receivers that it is routed to.
    pub receivers: Vec<Arc<str>>,
}

/// Where an alert stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlertStatus {
    /// Ids of the silences that hold it back, sorted.
    pub silenced_by: Vec<String>,
    /// Fingerprints of the alerts that hold it back.
    pub inhibited_by: Vec<u64>,
    /// Time intervals that held its group back at the last flush.
    pub muted_by: Vec<String>,
}

/// The API's state of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertState {
    /// Nothing holds it back.
    Active,
    /// Something holds it back.
    Suppressed,
}

/// A group of alerts.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupView {
    /// The labels by which it was made.
    pub labels: Labels,
    /// The labels of its route.
    pub route_labels: Vec<(String, String)>,
    /// Its receiver.
    pub receiver: Arc<str>,
    /// Its alerts that fire, sorted.
    pub alerts: Vec<AlertView>,
}

impl AlertState {
    /// The API's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suppressed => "suppressed",
        }
    }
}

impl AlertStatus {
    /// The state in one word.
    pub fn state(&self) -> AlertState {
        if self.silenced_by.is_empty() && self.inhibited_by.is_empty() && self.muted_by.is_empty() {
            AlertState::Active
        } else {
            AlertState::Suppressed
        }
    }
}

impl Alertmanager {
    /// The alerts that fire and pass the filter, sorted by fingerprint.
    pub fn alert_views(&self, now_ms: i64, filter: &AlertFilter) -> Vec<AlertView> {
        let mut views: Vec<AlertView> = self
            .alerts
            .iter()
            .filter(|alert| !alert.is_resolved(now_ms) && filter.takes_labels(&alert.labels))
            .filter_map(|alert| {
                let receivers = self.receivers_of(&alert.labels);
                if !receivers.iter().any(|receiver| filter.takes_receiver(receiver)) {
                    return None;
                }
                let status = self.status(&alert.labels, now_ms);
                filter.takes_status(&status).then(|| AlertView {
                    alert: Arc::clone(alert),
                    status,
                    receivers: receivers.iter().map(|receiver| Arc::clone(&receiver.name)).collect(),
                })
            })
            .collect();
        views.sort_by_key(|view| view.alert.fingerprint);
        views
    }

    /// The groups with their alerts that pass the filter, sorted by labels, then receiver. A group
    /// of which nothing is left is left out.
    pub fn group_views(&self, now_ms: i64, filter: &AlertFilter) -> Vec<GroupView> {
        let mut receivers: HashMap<u64, Vec<Arc<str>>> = HashMap::new();
        let mut views = Vec::new();
        for (_, group) in self.groups.iter() {
            let receiver = self.plan.receiver_of(group.route);
            if !filter.takes_receiver(receiver) {
                continue;
            }
            let mut alerts = Vec::new();
            for member in group.members.values() {
                let alert = &member.alert;
                if alert.is_resolved(now_ms) || !filter.takes_labels(&alert.labels) {
                    continue;
                }
                let status = self.status(&alert.labels, now_ms);
                if filter.takes_status(&status) {
                    receivers
                        .entry(alert.fingerprint)
                        .or_default()
                        .push(Arc::clone(&receiver.name));
                    alerts.push(AlertView {
                        alert: Arc::clone(alert),
                        status: AlertStatus {
                            muted_by: group.muted_by.clone(),
                            ..status
                        },
                        receivers: Vec::new(),
                    });
                }
            }
            if !alerts.is_empty() && (filter.muted || group.muted_by.is_empty()) {
                alerts.sort_by(|left, right| by_job_and_instance(&left.alert.labels, &right.alert.labels));
                views.push(GroupView {
                    labels: group.labels.clone(),
                    route_labels: self.plan.tree.route(group.route).labels.clone(),
                    receiver: Arc::clone(&receiver.name),
                    alerts,
                });
            }
        }
        for names in receivers.values_mut() {
            names.sort();
        }
        for view in views.iter_mut().flat_map(|group| &mut group.alerts) {
            view.receivers = receivers.get(&view.alert.fingerprint).cloned().unwrap_or_default();
        }
        views.sort_by(|left, right| {
            by_labels(&left.labels, &right.labels).then_with(|| left.receiver.cmp(&right.receiver))
        });
        views
    }

    /// An alert by its fingerprint, ended or not.
    pub fn alert(&self, fingerprint: u64) -> Option<&Arc<Alert>> {
        self.alerts.get(fingerprint)
    }

    /// The alerts that fire, each with the key and the labels of every group that it is in.
    pub fn firing(&self, now_ms: i64) -> impl Iterator<Item = (&Arc<str>, &Labels, &Arc<Alert>)> {
        self.groups.iter().flat_map(move |(_, group)| {
            let alerts = group.members.values().map(|member| &member.alert);
            let firing = alerts.filter(move |alert| !alert.is_resolved(now_ms));
            firing.map(|alert| (&group.key, &group.labels, alert))
        })
    }

    /// The silences that pass the filter: active ones by end, pending ones by start, expired ones
    /// by end, the latest first.
    pub fn silence_views(&self, now_ms: i64, filter: &SilenceFilter) -> Vec<Arc<Silence>> {
        let taken = self.silences.iter().filter(|silence| filter.takes(silence, now_ms));
        let mut views: Vec<Arc<Silence>> = taken.cloned().collect();
        views.sort_by(|left, right| by_state_and_time(left, right, now_ms));
        views
    }

    /// What holds back alerts with these labels now; time intervals are a matter of groups.
    pub fn status(&self, labels: &Labels, now_ms: i64) -> AlertStatus {
        let inhibition = self.inhibitor.inhibition(labels, now_ms);
        AlertStatus {
            silenced_by: self.silences.silencing(labels, now_ms),
            inhibited_by: inhibition.map(|inhibition| inhibition.source).into_iter().collect(),
            muted_by: Vec::new(),
        }
    }

    /// The receivers of the routes that a label set reaches, in the order of the routes.
    pub fn receivers_of(&self, labels: &Labels) -> Vec<&ReceiverPlan> {
        let routes = self.plan.tree.matches(labels);
        routes.into_iter().map(|route| self.plan.receiver_of(route)).collect()
    }
}
