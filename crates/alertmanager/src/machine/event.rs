//! What happened, for those who keep a history: incidents and the record of notifications.

use std::collections::VecDeque;
use std::sync::Arc;

use super::effect::{DeliveryId, FailureReason};
use crate::Notification;
use crate::alert::Alert;
use crate::dispatch::Suppression;

/// Most events that wait to be taken; older ones are dropped and counted.
const MAX_EVENTS: usize = 65_536;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// The key of the group.
    pub group_key: Arc<str>,
    /// The group labels.
    pub group_labels: skopos_core::Labels,
    /// The receiver of the group.
    pub receiver: Arc<str>,
    /// What it was.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// An alert began to fire in the group.
    Firing(Arc<Alert>),
    /// An alert of the group ended.
    Resolved(Arc<Alert>),
    /// The group was flushed.
    Flushed {
        /// Alerts that fire.
        firing: usize,
        /// Alerts that ended.
        resolved: usize,
        /// Alerts that were held back.
        suppressed: usize,
    },
    /// An alert is held back from now on, or by something else than before.
    Suppressed {
        /// The alert.
        alert: Arc<Alert>,
        /// By what.
        by: Suppression,
    },
    /// An alert is no longer held back.
    Released(Arc<Alert>),
    /// A notification is sent, for the first time or again.
    Attempted {
        /// The delivery.
        delivery: DeliveryId,
        /// How often it was tried, this time included.
        attempt: u32,
        /// What is sent.
        notification: Arc<Notification>,
    },
    /// An attempt failed; another one follows.
    Retried {
        /// The delivery.
        delivery: DeliveryId,
        /// How often it was tried.
        attempt: u32,
        /// The kind of failure.
        reason: FailureReason,
        /// What went wrong.
        text: String,
        /// When it is tried again, Unix milliseconds.
        next_ms: i64,
    },
    /// A notification was delivered.
    Delivered {
        /// The delivery.
        delivery: DeliveryId,
        /// How often it was tried.
        attempts: u32,
        /// What was sent.
        notification: Arc<Notification>,
    },
    /// A notification could not be delivered; the next tick of the group tries anew.
    Failed {
        /// The delivery.
        delivery: DeliveryId,
        /// How often it was tried.
        attempts: u32,
        /// What was not sent.
        notification: Arc<Notification>,
        /// The kind of failure.
        reason: FailureReason,
        /// What went wrong.
        text: String,
    },
}

/// Events that wait to be taken.
#[derive(Debug, Default)]
pub(super) struct EventLog {
    events: VecDeque<Event>,
    /// Events since the start, dropped ones included.
    pub(super) told: u64,
    /// Events that nobody took in time.
    pub(super) dropped: u64,
}

impl EventLog {
    pub(super) fn push(&mut self, event: Event) {
        if self.events.len() == MAX_EVENTS {
            self.events.pop_front();
            self.dropped += 1;
        }
        self.told += 1;
        self.events.push_back(event);
    }

    pub(super) fn take(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events).into()
    }
}
