//! Escalation: while nobody acknowledges, the next receiver is told.

use super::{EntryKind, IncidentTracker, entry};
use crate::incident::{EscalationStep, Incident};
use crate::policy::EscalationPolicy;

/// A receiver that is to be told of an incident now.
#[derive(Debug, Clone, PartialEq)]
pub struct Escalation {
    /// Whom to tell.
    pub receiver: String,
    /// How long the incident went on without an acknowledgement.
    pub after_ms: i64,
    /// The incident.
    pub incident: Incident,
}

/// The steps of a policy for an incident.
pub(super) fn steps(policy: &EscalationPolicy, started_ms: i64) -> Vec<EscalationStep> {
    let steps = policy.steps.iter().map(|step| EscalationStep {
        after_ms: step.after_ms,
        receiver: step.receiver.clone(),
        due_ms: started_ms + step.after_ms,
        done_ms: None,
    });
    steps.collect()
}

fn next_step(incident: &Incident) -> Option<&EscalationStep> {
    let waits = incident.acknowledged_ms.is_none() && incident.resolved_ms.is_none();
    incident.steps.iter().find(|step| waits && step.done_ms.is_none())
}

impl IncidentTracker {
    /// When the next step of any incident is due.
    pub fn next_due_ms(&self) -> Option<i64> {
        let steps = self.incidents.values().filter_map(next_step);
        steps.map(|step| step.due_ms).min()
    }

    /// The steps that are due; they count as taken. After a long stop only the latest due step of an
    /// incident is told, the ones before it would say the same.
    pub fn escalate(&mut self, now_ms: i64) -> Vec<Escalation> {
        let mut due = Vec::new();
        for (key, incident) in &mut self.incidents {
            if next_step(incident).is_none_or(|step| step.due_ms > now_ms) {
                continue;
            }
            let open = incident.steps.iter_mut().filter(|step| step.done_ms.is_none());
            let mut last = None;
            for step in open.filter(|step| step.due_ms <= now_ms) {
                step.done_ms = Some(now_ms);
                last = Some((step.receiver.clone(), step.after_ms));
            }
            let Some((receiver, after_ms)) = last else {
                continue;
            };
            let text = format!("nobody acknowledged: {receiver} is told");
            incident.tell(entry(now_ms, EntryKind::Escalated, text, None));
            self.changed.insert(std::sync::Arc::clone(key));
            due.push(Escalation {
                receiver,
                after_ms,
                incident: incident.clone(),
            });
        }
        due
    }
}
