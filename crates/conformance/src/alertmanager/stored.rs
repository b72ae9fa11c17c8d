//! What a process has stored of its state machine, as a database would hold it.

use std::collections::BTreeMap;
use std::sync::Arc;

use skopos_alertmanager::alert::Alert;
use skopos_alertmanager::machine::{Change, Snapshot, StoredLogEntry, StoredSilence};
use skopos_alertmanager::nflog::LogKey;

/// What a process has stored, by key.
#[derive(Debug, Clone, Default)]
pub(super) struct Stored {
    alerts: BTreeMap<u64, Arc<Alert>>,
    silences: BTreeMap<String, StoredSilence>,
    log: BTreeMap<LogKey, StoredLogEntry>,
}

impl Stored {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let alerts = snapshot.alerts.iter();
        let silences = snapshot.silences.iter();
        let log = snapshot.log.iter();
        Self {
            alerts: alerts.map(|alert| (alert.fingerprint, Arc::clone(alert))).collect(),
            silences: silences.map(|silence| (silence.id.clone(), silence.clone())).collect(),
            log: log.map(|entry| (entry.key.clone(), entry.clone())).collect(),
        }
    }

    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::PutAlert(alert) => drop(self.alerts.insert(alert.fingerprint, alert)),
            Change::RemoveAlert(fingerprint) => drop(self.alerts.remove(&fingerprint)),
            Change::PutSilence(silence) => drop(self.silences.insert(silence.id.clone(), silence)),
            Change::RemoveSilence(id) => drop(self.silences.remove(&id)),
            Change::PutLogEntry(entry) => drop(self.log.insert(entry.key.clone(), entry)),
            Change::RemoveLogEntry(key) => drop(self.log.remove(&key)),
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            alerts: self.alerts.values().cloned().collect(),
            ..self.without_alerts()
        }
    }

    pub(super) fn without_alerts(&self) -> Snapshot {
        Snapshot {
            alerts: Vec::new(),
            silences: self.silences.values().cloned().collect(),
            log: self.log.values().cloned().collect(),
        }
    }
}
