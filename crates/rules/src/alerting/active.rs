//! One alert: whether it goes on firing, how it ends, and when it is sent.

use std::sync::Arc;

use skopos_core::Labels;

use crate::evidence::Evidence;
use crate::view::{AlertState, Annotations};

/// How long a resolved alert is kept, so that its end is sent more than once.
const RESOLVED_RETENTION_MS: i64 = 15 * 60 * 1000;

/// One alert that is or was active.
#[derive(Debug, Clone)]
pub(crate) struct ActiveAlert {
    pub(crate) state: AlertState,
    pub(crate) annotations: Annotations,
    pub(crate) value: f64,
    /// Labels of its sample in the result of the expression.
    pub(crate) sample_labels: Labels,
    pub(crate) active_at_ms: i64,
    pub(crate) first_bad_ms: i64,
    pub(crate) fired_at_ms: Option<i64>,
    pub(crate) resolved_at_ms: Option<i64>,
    pub(crate) last_sent_ms: Option<i64>,
    pub(crate) keep_firing_since_ms: Option<i64>,
    pub(crate) evidence: Option<Arc<Evidence>>,
}

impl ActiveAlert {
    /// Whether `keep_firing_for` holds an alert that has no result any more.
    pub(super) fn keeps_firing(&mut self, keep_firing_for_ms: i64, now_ms: i64) -> bool {
        if self.state != AlertState::Firing || keep_firing_for_ms == 0 {
            return false;
        }
        let since_ms = *self.keep_firing_since_ms.get_or_insert(now_ms);
        now_ms - since_ms < keep_firing_for_ms
    }

    /// Ends the alert; gives whether it must still be kept.
    pub(super) fn resolve(&mut self, now_ms: i64) -> bool {
        let was_pending = self.state == AlertState::Pending;
        let is_old = self
            .resolved_at_ms
            .is_some_and(|at| now_ms - at > RESOLVED_RETENTION_MS);
        if self.state != AlertState::Inactive {
            self.state = AlertState::Inactive;
            self.resolved_at_ms = Some(now_ms);
        }
        !was_pending && !is_old
    }

    pub(super) fn needs_sending(&self, now_ms: i64, resend_delay_ms: i64) -> bool {
        if self.state == AlertState::Pending {
            return false;
        }
        match (self.last_sent_ms, self.resolved_at_ms) {
            (None, _) => true,
            (Some(sent_ms), Some(resolved_ms)) if resolved_ms > sent_ms => true,
            (Some(sent_ms), _) => sent_ms + resend_delay_ms < now_ms,
        }
    }
}
