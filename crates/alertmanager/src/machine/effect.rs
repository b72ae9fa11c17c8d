//! What the machine wants done, and how it is told what came of it.

use std::sync::Arc;

use crate::Notification;

/// Names a delivery: one group to one integration, with all its attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryId(pub(crate) u64);

/// What the machine wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send a notification, then say by [`Alertmanager::complete`](super::Alertmanager::complete)
    /// what came of it. Retries come as further effects of the same delivery.
    Notify {
        /// The delivery.
        delivery: DeliveryId,
        /// How often it was tried, this time included.
        attempt: u32,
        /// What to send.
        notification: Arc<Notification>,
    },
    /// The time of a delivery is over: end it and complete it with what is known.
    Cancel {
        /// The delivery.
        delivery: DeliveryId,
    },
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver took it.
    Delivered {
        /// What the integration wants to remember for the next notification of the group.
        receiver_data: Vec<(String, String)>,
    },
    /// It failed, and trying again may help.
    Retry {
        /// The kind of failure.
        reason: FailureReason,
        /// What went wrong.
        text: String,
        /// How long the receiver asks to wait at least, milliseconds.
        after_ms: Option<i64>,
    },
    /// It failed, and trying again at once would not help.
    Failed {
        /// The kind of failure.
        reason: FailureReason,
        /// What went wrong.
        text: String,
    },
}

/// The label `reason` of `alertmanager_notifications_failed_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FailureReason {
    /// Anything else.
    Other,
    /// The receiver refused it (4xx).
    ClientError,
    /// The receiver failed (5xx).
    ServerError,
    /// The sending was called off.
    ContextCanceled,
    /// The time of the flush was over.
    ContextDeadlineExceeded,
    /// The receiver does not know us (401, 403).
    AuthError,
    /// The receiver was told too much (429).
    RateLimited,
}

impl FailureReason {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Other,
        Self::ClientError,
        Self::ServerError,
        Self::ContextCanceled,
        Self::ContextDeadlineExceeded,
        Self::AuthError,
        Self::RateLimited,
    ];

    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::ClientError => "clientError",
            Self::ServerError => "serverError",
            Self::ContextCanceled => "contextCanceled",
            Self::ContextDeadlineExceeded => "contextDeadlineExceeded",
            Self::AuthError => "authError",
            Self::RateLimited => "rateLimited",
        }
    }
}
