//! One Alertmanager: the state machine and what is kept of it over a restart.

use skopos_alertmanager::machine::{Change, Options, Snapshot};
use skopos_alertmanager::{Alertmanager, Config};

use super::action::RestartBy;
use crate::alertmanager::stored::Stored;

/// What a restart keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeps {
    /// All that was acknowledged.
    Everything,
    /// Silences and the log, as of the last maintenance or an orderly end; no alerts.
    WhatAlertmanagerDoes,
}

/// One member of the cluster.
pub(super) struct Member {
    pub(super) machine: Alertmanager,
    options: Options,
    stored: Stored,
    /// What Alertmanager would find in its files.
    files: Snapshot,
    next_maintenance_ms: i64,
}

impl Member {
    pub(super) fn new(config: &Config, options: Options, now_ms: i64) -> Self {
        Self {
            machine: Alertmanager::new(config, options.clone(), now_ms),
            next_maintenance_ms: now_ms + options.maintenance_interval_ms,
            options,
            stored: Stored::default(),
            files: Snapshot::default(),
        }
    }

    /// Stores what changed; gives what other members want to know of.
    pub(super) fn store(&mut self, now_ms: i64) -> Vec<Change> {
        while now_ms >= self.next_maintenance_ms {
            self.files = self.stored.without_alerts();
            self.next_maintenance_ms += self.options.maintenance_interval_ms;
        }
        let changes = self.machine.take_changes();
        for change in &changes {
            self.stored.apply(change.clone());
        }
        changes
    }

    /// Ends the process and starts it again.
    pub(super) fn restart(&mut self, config: &Config, by: RestartBy, keeps: Keeps, now_ms: i64) -> Result<(), String> {
        if by == RestartBy::Term {
            self.files = self.stored.without_alerts();
        }
        let snapshot = match keeps {
            Keeps::Everything => self.stored.snapshot(),
            Keeps::WhatAlertmanagerDoes => self.files.clone(),
        };
        self.options.seed += 1;
        self.stored = Stored::of(&snapshot);
        self.machine = Alertmanager::new(config, self.options.clone(), now_ms);
        self.next_maintenance_ms = now_ms + self.options.maintenance_interval_ms;
        match self.machine.restore(now_ms, snapshot).first() {
            None => Ok(()),
            Some(error) => Err(error.to_string()),
        }
    }
}
