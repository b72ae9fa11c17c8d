//! Whether a group must be told now (`DedupStage.needsUpdate` of Alertmanager).

use super::LogEntry;
use crate::NotificationReason;

/// A group at its tick, for one integration.
#[derive(Debug, Clone, Copy)]
pub struct State<'a> {
    /// Fingerprints of the alerts that fire, sorted.
    pub firing: &'a [u64],
    /// Fingerprints of the alerts that have ended, sorted.
    pub resolved: &'a [u64],
    /// Whether the integration wants to know of ended alerts.
    pub send_resolved: bool,
    /// The time of the tick, Unix milliseconds.
    pub now_ms: i64,
    /// Time after which an unchanged group is told again, milliseconds.
    pub repeat_interval_ms: i64,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing is to be told.
    Skip,
    /// It must be told.
    Send(NotificationReason),
}

/// Compares a group with what was told last.
pub fn decide(last: Option<&LogEntry>, state: &State<'_>) -> Decision {
    use NotificationReason as Reason;
    let Some(last) = last else {
        return match state.firing {
            [] => Decision::Skip,
            _ => Decision::Send(Reason::FirstNotification),
        };
    };
    if !is_subset(state.firing, &last.firing) {
        return Decision::Send(match last.firing.as_slice() {
            [] => Reason::FirstNotification,
            _ => Reason::NewAlertsAdded,
        });
    }
    if state.firing.is_empty() {
        return match last.firing.as_slice() {
            [] => Decision::Skip,
            _ => Decision::Send(Reason::AllAlertsResolved),
        };
    }
    if state.send_resolved && !is_subset(state.resolved, &last.resolved) {
        return Decision::Send(Reason::SomeAlertsResolved);
    }
    if last.timestamp_ms < state.now_ms.saturating_sub(state.repeat_interval_ms) {
        return Decision::Send(Reason::RepeatIntervalElapsed);
    }
    Decision::Skip
}

fn is_subset(part: &[u64], whole: &[u64]) -> bool {
    part.iter().all(|item| whole.binary_search(item).is_ok())
}
