//! The ledger at the doors: every item that comes in is counted with what became of it.

use axum::http::StatusCode;
use skopos_core::TenantId;
use skopos_core::ledger::{Ledger, LedgerKey, Outcome, Signal};
use skopos_core::metric::AppendReport;

/// One door: a signal by a protocol, for one tenant.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    /// Whose data.
    pub(crate) tenant: TenantId,
    /// Which signal.
    pub(crate) signal: Signal,
    /// The protocol's name in the ledger.
    pub(crate) name: &'static str,
}

impl Door {
    /// Counts what a store said about a batch.
    pub(crate) fn record(&self, ledger: &Ledger, report: &AppendReport) {
        ledger.add(self.key(Outcome::Stored, ""), report.stored);
        for refusal in &report.refused {
            self.reject(ledger, refusal.reason, refusal.count);
        }
    }

    /// Counts items that were refused for one reason.
    pub(crate) fn reject(&self, ledger: &Ledger, reason: &'static str, count: u64) {
        ledger.add(self.key(Outcome::Rejected, reason), count);
    }

    /// Counts items that a rule leaves out.
    pub(crate) fn drop_by_rule(&self, ledger: &Ledger, reason: &'static str, count: u64) {
        ledger.add(self.key(Outcome::Dropped, reason), count);
    }

    /// Counts a body that could not be read as one item: nobody knows how many were in it.
    pub(crate) fn reject_body(&self, ledger: &Ledger, status: StatusCode) {
        let reason = match status {
            StatusCode::PAYLOAD_TOO_LARGE => "body_too_large",
            _ => "invalid_body",
        };
        self.reject(ledger, reason, 1);
    }

    fn key(&self, outcome: Outcome, reason: &'static str) -> LedgerKey {
        LedgerKey {
            tenant: self.tenant.clone(),
            signal: self.signal,
            door: self.name,
            outcome,
            reason,
        }
    }
}
