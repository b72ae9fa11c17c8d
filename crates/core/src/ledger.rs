//! The ledger: received = stored + dropped by rule + rejected to the sender + dead letters.
//!
//! One entry per tenant, signal and door. The server exports it as metrics and checks the sum.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::TenantId;

/// The signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Signal {
    /// Samples.
    Metrics,
    /// Log entries.
    Logs,
    /// Spans.
    Traces,
}

impl Signal {
    /// The signal's name in metrics, paths and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Logs => "logs",
            Self::Traces => "traces",
        }
    }
}

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// Written to the store.
    Stored,
    /// Dropped because a configured rule says so (relabelling, sampling).
    Dropped,
    /// Refused; the sender was told.
    Rejected,
    /// Parked as a dead letter.
    DeadLettered,
}

impl Outcome {
    /// The outcome's name in metrics and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Dropped => "dropped",
            Self::Rejected => "rejected",
            Self::DeadLettered => "dead_lettered",
        }
    }
}

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LedgerKey {
    /// Whose data.
    pub tenant: TenantId,
    /// Which signal.
    pub signal: Signal,
    /// Through which door: `scrape`, `otlp_grpc`, `otlp_http`, `loki_push`, …
    pub door: &'static str,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, for all but stored items; empty for those.
    pub reason: &'static str,
}

/// Counts of items by tenant, signal, door, outcome and reason since the process started.
#[derive(Debug, Default)]
pub struct Ledger {
    counts: Mutex<BTreeMap<LedgerKey, u64>>,
}

impl Ledger {
    /// Adds `count` items to a line. Called once per batch, so a lock is cheap enough.
    pub fn add(&self, key: LedgerKey, count: u64) {
        if count == 0 {
            return;
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(key).or_insert(0) += count;
    }

    /// All lines, sorted.
    pub fn snapshot(&self) -> Vec<(LedgerKey, u64)> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|(key, count)| (key.clone(), *count)).collect()
    }
}
