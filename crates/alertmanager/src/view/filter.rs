//! What the API is asked for.

use regex::Regex;
use skopos_core::Labels;

use super::{AlertState, AlertStatus};
use crate::Matcher;
use crate::machine::ReceiverPlan;
use crate::silence::{Silence, SilenceState};

/// Which alerts and groups are wanted; all that is set must hold.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "the parameters of the API are these flags")]
pub struct AlertFilter {
    /// Conditions on the alert's labels.
    pub matchers: Vec<Matcher>,
    /// The receiver's name, anchored.
    pub receiver: Option<Regex>,
    /// Conditions on the receiver's labels.
    pub receiver_matchers: Vec<Matcher>,
    /// Whether alerts are wanted that nothing holds back.
    pub active: bool,
    /// Whether alerts are wanted that silences hold back.
    pub silenced: bool,
    /// Whether alerts are wanted that other alerts hold back.
    pub inhibited: bool,
    /// Whether groups are wanted that time intervals hold back.
    pub muted: bool,
}

impl Default for AlertFilter {
    /// Everything.
    fn default() -> Self {
        Self {
            matchers: Vec::new(),
            receiver: None,
            receiver_matchers: Vec::new(),
            active: true,
            silenced: true,
            inhibited: true,
            muted: true,
        }
    }
}

impl AlertFilter {
    /// Whether the labels match. Against an empty value only presence counts: `a=""` takes sets
    /// without `a`, `a!=""` those with it.
    pub(super) fn takes_labels(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|matcher| {
            let value = labels.find(matcher.name());
            let is_presence = matcher.value().is_empty() && value.is_some() == matcher.op().is_negative();
            is_presence || matcher.matches(value.unwrap_or_default())
        })
    }

    pub(super) fn takes_receiver(&self, receiver: &ReceiverPlan) -> bool {
        let by_name = self
            .receiver
            .as_ref()
            .is_none_or(|regex| regex.is_match(&receiver.name));
        by_name && takes_receiver(&self.receiver_matchers, receiver)
    }

    pub(super) fn takes_status(&self, status: &AlertStatus) -> bool {
        (self.active || status.state() != AlertState::Active)
            && (self.silenced || status.silenced_by.is_empty())
            && (self.inhibited || status.inhibited_by.is_empty())
    }
}

/// Whether a receiver's labels match.
pub fn takes_receiver(matchers: &[Matcher], receiver: &ReceiverPlan) -> bool {
    matchers.iter().all(|matcher| {
        let value = receiver.labels.iter().find(|(name, _)| name == matcher.name());
        matcher.matches(value.map_or("", |(_, value)| value))
    })
}

/// Which silences are wanted; all that is set must hold.
#[derive(Debug, Clone)]
pub struct SilenceFilter {
    /// Matchers that the silence must have, the same name, operator and value.
    pub matchers: Vec<Matcher>,
    /// Whether active ones are wanted.
    pub active: bool,
    /// Whether pending ones are wanted.
    pub pending: bool,
    /// Whether expired ones are wanted.
    pub expired: bool,
}

impl Default for SilenceFilter {
    /// Everything.
    fn default() -> Self {
        Self {
            matchers: Vec::new(),
            active: true,
            pending: true,
            expired: true,
        }
    }
}

impl SilenceFilter {
    pub(super) fn takes(&self, silence: &Silence, now_ms: i64) -> bool {
        let by_state = match silence.state(now_ms) {
            SilenceState::Active => self.active,
            SilenceState::Pending => self.pending,
            SilenceState::Expired => self.expired,
        };
        by_state && self.matchers.iter().all(|matcher| silence.matchers.contains(matcher))
    }
}
