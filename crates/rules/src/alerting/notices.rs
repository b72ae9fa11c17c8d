//! What is sent to the alertmanager, and when.

use std::sync::Arc;

use skopos_core::Labels;

use super::{ActiveAlert, AlertingRule};
use crate::evidence::{Evidence, RuleOrigin};
use crate::view::{AlertState, Annotations};

/// An alert to be sent to the alertmanager.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertNotice {
    /// Labels, `alertname` included.
    pub labels: Labels,
    /// Annotations, sorted by name.
    pub annotations: Annotations,
    /// When it started to fire.
    pub starts_at_ms: i64,
    /// When it resolved, or until when it holds if nothing more is sent.
    pub ends_at_ms: i64,
    /// Whether it resolved.
    pub is_resolved: bool,
    /// The rule it comes from.
    pub rule: Arc<RuleOrigin>,
    /// What decided it.
    pub evidence: Option<Arc<Evidence>>,
}

impl AlertingRule {
    /// The alerts to send now (`needsSending`); they count as sent.
    pub(crate) fn notices(
        &mut self,
        now_ms: i64,
        resend_delay_ms: i64,
        interval_ms: i64,
        rule: &Arc<RuleOrigin>,
    ) -> Vec<AlertNotice> {
        let mut notices = Vec::new();
        for (labels, alert) in &mut self.active {
            if !alert.needs_sending(now_ms, resend_delay_ms) {
                continue;
            }
            alert.last_sent_ms = Some(now_ms);
            let valid_until_ms = now_ms + 4 * interval_ms.max(resend_delay_ms);
            notices.push(AlertNotice {
                labels: labels.clone(),
                annotations: Arc::clone(&alert.annotations),
                starts_at_ms: alert.fired_at_ms.unwrap_or(alert.active_at_ms),
                ends_at_ms: alert.resolved_at_ms.unwrap_or(valid_until_ms),
                is_resolved: alert.resolved_at_ms.is_some(),
                rule: Arc::clone(rule),
                evidence: alert.evidence.clone(),
            });
        }
        notices
    }

    /// The notices that tell the end of the alerts that fire.
    pub(crate) fn last_notices(&self, at_ms: i64, rule: &Arc<RuleOrigin>) -> Vec<AlertNotice> {
        let firing = self
            .active
            .iter()
            .filter(|(_, alert)| alert.state == AlertState::Firing);
        let notices = firing.map(|(labels, alert): (&Labels, &ActiveAlert)| AlertNotice {
            labels: labels.clone(),
            annotations: Arc::clone(&alert.annotations),
            starts_at_ms: alert.fired_at_ms.unwrap_or(alert.active_at_ms),
            ends_at_ms: at_ms,
            is_resolved: true,
            rule: Arc::clone(rule),
            evidence: alert.evidence.clone(),
        });
        notices.collect()
    }
}
