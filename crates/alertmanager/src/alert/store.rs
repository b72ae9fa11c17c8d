//! All alerts that are known, by fingerprint.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::Alert;

/// The label that a limit counts by.
const ALERTNAME: &str = "alertname";

/// Alerts by fingerprint, with a limit on alerts of one name.
#[derive(Debug, Default)]
pub struct AlertStore {
    alerts: HashMap<u64, Arc<Alert>>,
    /// Most alerts of one name; `None` is no limit.
    per_name_limit: Option<usize>,
    /// End and fingerprint of the alerts of each name, kept only under a limit.
    by_name: HashMap<String, BTreeSet<(i64, u64)>>,
}

/// What became of an alert that was put.
#[derive(Debug, Clone, PartialEq)]
pub enum Put {
    /// It is kept, merged with what was known.
    Stored {
        /// What was known before.
        old: Option<Arc<Alert>>,
        /// What is known now.
        new: Arc<Alert>,
    },
    /// There are too many of its name: it is dropped.
    Limited,
}

impl AlertStore {
    /// A store that takes at most `per_name_limit` alerts of one name.
    pub fn new(per_name_limit: Option<usize>) -> Self {
        Self {
            per_name_limit,
            ..Self::default()
        }
    }

    /// Keeps an alert, merged with what is known of it.
    pub fn put(&mut self, alert: Alert, now_ms: i64) -> Put {
        let old = self.alerts.get(&alert.fingerprint).cloned();
        if old.is_none() && !self.has_room(&alert, now_ms) {
            return Put::Limited;
        }
        let new = Arc::new(match &old {
            Some(old) => alert.succeed(old, now_ms),
            None => alert,
        });
        self.insert(&new);
        Put::Stored { old, new }
    }

    /// Keeps an alert as it is.
    pub fn insert(&mut self, alert: &Arc<Alert>) {
        let fingerprint = alert.fingerprint;
        let old = self.alerts.insert(fingerprint, Arc::clone(alert));
        if self.per_name_limit.is_some() {
            let name = alert.labels.get(ALERTNAME);
            if !self.by_name.contains_key(name) {
                self.by_name.insert(name.to_owned(), BTreeSet::new());
            }
            if let Some(ends) = self.by_name.get_mut(name) {
                if let Some(old) = old {
                    ends.remove(&(old.ends_at_ms, fingerprint));
                }
                ends.insert((alert.ends_at_ms, fingerprint));
            }
        }
    }

    /// Whether another alert of its name may be kept: one that has ended makes room.
    fn has_room(&mut self, alert: &Alert, now_ms: i64) -> bool {
        let Some(limit) = self.per_name_limit else {
            return true;
        };
        let Some(ends) = self.by_name.get_mut(alert.labels.get(ALERTNAME)) else {
            return limit > 0;
        };
        while ends.len() >= limit {
            match ends.first().copied() {
                Some(earliest) if earliest.0 <= now_ms => ends.remove(&earliest),
                _ => return false,
            };
        }
        true
    }

    /// An alert by its fingerprint.
    pub fn get(&self, fingerprint: u64) -> Option<&Arc<Alert>> {
        self.alerts.get(&fingerprint)
    }

    /// All alerts in no order, ended ones included.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Alert>> {
        self.alerts.values()
    }

    /// Number of alerts.
    pub fn len(&self) -> usize {
        self.alerts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.alerts.is_empty()
    }

    /// Drops alerts that have ended and that nobody in `held` waits for; gives them.
    pub fn collect_garbage(&mut self, now_ms: i64, held: &HashSet<u64>) -> Vec<Arc<Alert>> {
        let mut dropped = Vec::new();
        self.alerts.retain(|fingerprint, alert| {
            let keeps = !alert.is_resolved(now_ms) || held.contains(fingerprint);
            if !keeps {
                dropped.push(Arc::clone(alert));
            }
            keeps
        });
        if self.per_name_limit.is_some() {
            for alert in &dropped {
                let name = alert.labels.get(ALERTNAME);
                if let Some(ends) = self.by_name.get_mut(name) {
                    ends.remove(&(alert.ends_at_ms, alert.fingerprint));
                    if ends.is_empty() {
                        self.by_name.remove(name);
                    }
                }
            }
        }
        dropped
    }
}
