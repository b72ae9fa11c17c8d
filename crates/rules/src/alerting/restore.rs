//! Since when alerts were pending before a restart, read back from `ALERTS_FOR_STATE`
//! (`Group.RestoreForState`).

use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::Series;
use skopos_core::sample::is_stale;
use skopos_core::{Labels, Matcher};

use super::{ALERT_NAME, ALERTS_FOR_STATE, ActiveAlert, AlertingRule};

/// When state is restored and how carefully.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RestoreTimes {
    /// The time of restoration.
    pub(crate) now_ms: i64,
    /// An alert fires at the earliest this long after a restart, if it still was pending.
    pub(crate) grace_period_ms: i64,
}

/// What selects the state series of a rule.
pub(crate) fn matchers(alert: &str) -> [Matcher; 2] {
    [
        Matcher::equal(METRIC_NAME, ALERTS_FOR_STATE),
        Matcher::equal(ALERT_NAME, alert),
    ]
}

impl AlertingRule {
    /// Whether restoring would change anything: short holds just start anew.
    pub(crate) fn wants_restoration(&self, grace_period_ms: i64) -> bool {
        !self.is_restored && self.hold_ms >= grace_period_ms && !self.active.is_empty()
    }

    /// Moves back the start of the alerts that `series` tells of.
    pub(crate) fn restore(&mut self, series: &[Series], times: RestoreTimes) {
        for one in series {
            let labels: Labels = one.labels.without(&[METRIC_NAME]);
            let (Some(alert), Some(last_ms), Some(since)) = (
                self.active.get_mut(&labels),
                one.timestamps_ms.last(),
                one.values.last(),
            ) else {
                continue;
            };
            if !is_stale(*since) {
                alert.restore(*last_ms, (*since as i64).saturating_mul(1000), self.hold_ms, times);
            }
        }
    }
}

impl ActiveAlert {
    fn restore(&mut self, down_at_ms: i64, active_at_ms: i64, hold_ms: i64, times: RestoreTimes) {
        let pending_ms = down_at_ms.saturating_sub(active_at_ms);
        let remaining_ms = hold_ms.saturating_sub(pending_ms);
        self.active_at_ms = if remaining_ms <= 0 {
            // It was firing; the next evaluation lets it fire again.
            active_at_ms
        } else if remaining_ms < times.grace_period_ms {
            times.now_ms + times.grace_period_ms - hold_ms
        } else {
            active_at_ms.saturating_add(times.now_ms - down_at_ms)
        };
    }
}
