//! What the state machine hands to whoever sends: one group of alerts for one integration of a
//! receiver.

use std::sync::Arc;

use skopos_core::Labels;

use crate::alert::Annotations;

/// Why a notification is sent; the template field `.NotificationReason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotificationReason {
    /// Nothing of the group was notified before.
    FirstNotification,
    /// Something fires that was not in the last notification.
    NewAlertsAdded,
    /// Nothing fires any more.
    AllAlertsResolved,
    /// A part of what was notified has resolved.
    SomeAlertsResolved,
    /// Nothing changed for the repeat interval.
    RepeatIntervalElapsed,
}

impl NotificationReason {
    /// The words of the template field and the webhook's `notification_reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FirstNotification => "first notification",
            Self::NewAlertsAdded => "new alerts added",
            Self::AllAlertsResolved => "all alerts resolved",
            Self::SomeAlertsResolved => "some alerts resolved",
            Self::RepeatIntervalElapsed => "repeat interval elapsed",
        }
    }
}

/// An alert as a notification shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct NotifiedAlert {
    /// Labels, `alertname` included.
    pub labels: Labels,
    /// Annotations.
    pub annotations: Annotations,
    /// When it began, Unix milliseconds.
    pub starts_at_ms: i64,
    /// When it ended, Unix milliseconds; `None` while it fires.
    pub ends_at_ms: Option<i64>,
    /// Where it comes from; may be empty.
    pub generator_url: Arc<str>,
    /// FNV-1a 64 over the labels, the alert's identity.
    pub fingerprint: u64,
}

impl NotifiedAlert {
    /// Whether it has ended.
    pub fn is_resolved(&self) -> bool {
        self.ends_at_ms.is_some()
    }
}

/// One group of alerts for one integration of a receiver.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// The receiver's name.
    pub receiver: String,
    /// The position of the integration among the receiver's, in the order of the configuration's kinds.
    pub integration: usize,
    /// The group's key, such as `{}/{team="a"}:{alertname="x"}`.
    pub group_key: String,
    /// The labels by which the group was made.
    pub group_labels: Labels,
    /// The labels of the route.
    pub route_labels: Vec<(String, String)>,
    /// The alerts, sorted by job, instance, then labels. Never empty; without resolved ones where
    /// `send_resolved` is off.
    pub alerts: Vec<NotifiedAlert>,
    /// Why it is sent.
    pub reason: NotificationReason,
    /// The time of the group's tick, Unix milliseconds.
    pub now_ms: i64,
    /// When further attempts are pointless, Unix milliseconds: the next tick comes then.
    pub deadline_ms: i64,
    /// What the integration remembered after the last notification of this group, such as the
    /// timestamp of a Slack message.
    pub receiver_data: Vec<(String, String)>,
}
