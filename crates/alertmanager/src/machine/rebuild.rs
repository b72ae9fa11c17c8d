//! What is known comes back: after a restart, with a new configuration, from other members.

use std::sync::Arc;

use super::post::Origin;
use super::{Alertmanager, Change, Plan, Snapshot};
use crate::alert::Alert;
use crate::inhibit::Inhibitor;
use crate::nflog::LogKey;
use crate::silence::Silence;
use crate::{Config, RouteId};

/// Something in a snapshot cannot be read; the rest was taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("silence {id} cannot be restored and no longer holds: {reason}")]
pub struct RestoreError {
    /// The silence's id.
    pub id: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Alertmanager {
    /// Takes back what was stored. Nothing of it is given out as a change again.
    pub fn restore(&mut self, now_ms: i64, snapshot: Snapshot) -> Vec<RestoreError> {
        let mut errors = Vec::new();
        for stored in snapshot.silences {
            let id = stored.id.clone();
            match Silence::try_from(stored) {
                Ok(silence) => {
                    self.silences.merge(Arc::new(silence), now_ms);
                }
                Err(error) => errors.push(RestoreError {
                    id,
                    reason: error.to_string(),
                }),
            }
        }
        for stored in snapshot.log {
            self.log.merge(stored.key, stored.entry);
        }
        for alert in snapshot.alerts {
            self.alerts.insert(&alert);
        }
        self.rebuild(now_ms);
        errors
    }

    /// Takes a new configuration. Groups are made anew of the alerts; the notification log prevents
    /// that anything is told twice.
    pub fn reload(&mut self, now_ms: i64, config: &Config) {
        self.plan = Arc::new(Plan::new(config));
        self.rebuild(now_ms);
    }

    /// Takes over what another member of the cluster changed: silences and the notification log.
    /// Gives whether it was news, which is then also given out as a change.
    pub fn replicate(&mut self, now_ms: i64, change: &Change) -> bool {
        let is_news = match change {
            Change::PutSilence(stored) => {
                Silence::try_from(stored.clone()).is_ok_and(|silence| self.silences.merge(Arc::new(silence), now_ms))
            }
            Change::PutLogEntry(stored) => self.log.merge(stored.key.clone(), stored.entry.clone()),
            Change::PutAlert(_) | Change::RemoveAlert(_) | Change::RemoveSilence(_) | Change::RemoveLogEntry(_) => {
                false
            }
        };
        if is_news {
            self.metrics.replicated += 1;
            self.changes.push(change.clone());
        }
        is_news
    }

    fn rebuild(&mut self, now_ms: i64) {
        self.abandon_deliveries();
        self.groups.clear();
        self.inhibitor = Inhibitor::new(self.plan.inhibit_rules.clone());
        let mut alerts: Vec<Arc<Alert>> = self.alerts.iter().cloned().collect();
        alerts.sort_by_key(|alert| alert.fingerprint);
        let plan = Arc::clone(&self.plan);
        for alert in &alerts {
            self.inhibitor.put(None, alert);
            for route in plan.tree.matches(&alert.labels) {
                if !alert.is_resolved(now_ms) || self.is_end_untold(route, alert) {
                    self.put_into_group(now_ms, route, alert, Origin::Rebuilt);
                }
            }
        }
    }

    /// Whether somebody was last told that an alert fires that has ended.
    fn is_end_untold(&self, route_id: RouteId, alert: &Alert) -> bool {
        let route = self.plan.tree.route(route_id);
        let receiver = self.plan.receiver_of(route_id);
        let group_key = route.group_key(&route.group_labels(&alert.labels));
        receiver.integrations.iter().any(|integration| {
            let key = LogKey {
                group_key: group_key.clone(),
                receiver: receiver.name.to_string(),
                kind: integration.kind.to_owned(),
                index: integration.index,
            };
            let told = self.log.get(&key);
            told.is_some_and(|entry| entry.firing.binary_search(&alert.fingerprint).is_ok())
        })
    }
}
