//! Alerts that end although their condition may hold: the rule has too many of them, or is gone.

use std::sync::Arc;

use super::{ActiveAlert, AlertingRule};
use crate::evidence::{EndReason, RuleOrigin, Transition, TransitionKind};
use crate::view::AlertState;

/// Why a result does not make alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The group's `limit`.
    #[error("exceeded limit of {limit} with {alerts} alerts")]
    OverLimit {
        /// Most alerts.
        limit: usize,
        /// Alerts that there would be.
        alerts: usize,
    },
    /// Two alerts would be the same.
    #[error("vector contains metrics with the same labelset after applying alert labels")]
    SameLabels,
}

impl AlertingRule {
    /// Forgets all alerts; tells how those of them that were told before end.
    pub(crate) fn end_all(&mut self, at_ms: i64, reason: EndReason, rule: &Arc<RuleOrigin>) -> Vec<Transition> {
        let active = std::mem::take(&mut self.active);
        let ended = active.into_iter().filter_map(|(labels, alert)| {
            let (kind, end) = alert.last_change(at_ms, reason)?;
            Some(Transition {
                kind,
                at_ms,
                labels,
                first_bad_ms: alert.first_bad_ms,
                pending_ms: alert.active_at_ms,
                rule: Arc::clone(rule),
                evidence: alert.evidence,
                end: Some(end),
            })
        });
        ended.collect()
    }
}

impl ActiveAlert {
    /// How an alert that is forgotten at `at_ms` ends, and why; `None` if nobody was told of it, or its
    /// end was told before.
    fn last_change(&self, at_ms: i64, reason: EndReason) -> Option<(TransitionKind, EndReason)> {
        let was_told = self.active_at_ms != at_ms;
        match self.state {
            AlertState::Inactive => {
                (self.resolved_at_ms == Some(at_ms)).then_some((TransitionKind::Resolved, EndReason::ConditionOver))
            }
            AlertState::Firing if self.fired_at_ms != Some(at_ms) => Some((TransitionKind::Resolved, reason)),
            AlertState::Firing | AlertState::Pending => was_told.then_some((TransitionKind::Cancelled, reason)),
        }
    }
}
