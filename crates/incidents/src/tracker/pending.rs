//! Alerts that are pending: remembered until they fire, end, or are not heard of any more.

use std::collections::HashMap;

use super::AlertChange;

/// Longest time that a pending alert is remembered; `for` of more than a day is rare.
const MAX_AGE_MS: i64 = 2 * 24 * 60 * 60 * 1000;

/// When an alert began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Began {
    pub(super) first_bad_ms: i64,
    pub(super) pending_ms: i64,
}

/// Pending alerts by fingerprint.
#[derive(Debug, Default)]
pub(super) struct PendingAlerts {
    began: HashMap<u64, Began>,
}

impl PendingAlerts {
    pub(super) fn insert(&mut self, change: &AlertChange, first_bad_ms: i64) {
        let pending_ms = change.at_ms;
        self.began.entry(change.fingerprint).or_insert(Began {
            first_bad_ms,
            pending_ms,
        });
    }

    pub(super) fn remove(&mut self, fingerprint: u64) -> Option<Began> {
        self.began.remove(&fingerprint)
    }

    pub(super) fn forget_before(&mut self, now_ms: i64) {
        self.began.retain(|_, began| now_ms - began.pending_ms < MAX_AGE_MS);
    }
}
