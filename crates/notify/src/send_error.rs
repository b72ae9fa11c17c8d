//! Why a notification was not sent, and whether trying again may help.

use std::time::Duration;

use crate::template::TemplateError;

/// The label `reason` of `alertmanager_notifications_failed_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureReason {
    /// None of the others, such as a broken connection.
    Other,
    /// The receiver refuses the message (4xx).
    ClientError,
    /// The receiver fails (5xx).
    ServerError,
    /// The sending was called off.
    ContextCanceled,
    /// The time was up.
    ContextDeadlineExceeded,
    /// The credentials are refused (401, 403).
    AuthError,
    /// Too many messages (429).
    RateLimited,
}

impl FailureReason {
    /// All reasons.
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

    /// The reason that an HTTP status means.
    pub(crate) fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::AuthError,
            429 => Self::RateLimited,
            400..=499 => Self::ClientError,
            500..=599 => Self::ServerError,
            _ => Self::Other,
        }
    }
}

/// A notification that was not sent. The text names no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct SendError {
    /// Whether trying again may help.
    pub is_recoverable: bool,
    /// The kind of failure.
    pub reason: FailureReason,
    /// What happened.
    pub text: String,
    /// How long the receiver asks to wait (`Retry-After`).
    pub retry_after: Option<Duration>,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
}

impl SendError {
    /// A failure that may pass.
    pub(crate) fn recoverable(text: impl Into<String>) -> Self {
        Self {
            is_recoverable: true,
            reason: FailureReason::Other,
            text: text.into(),
            retry_after: None,
            status: None,
        }
    }

    /// A failure that stays until something is changed.
    pub(crate) fn lasting(text: impl Into<String>) -> Self {
        Self {
            is_recoverable: false,
            ..Self::recoverable(text)
        }
    }

    pub(crate) fn with_reason(mut self, reason: FailureReason) -> Self {
        self.reason = reason;
        self
    }
}

impl From<TemplateError> for SendError {
    fn from(error: TemplateError) -> Self {
        Self::lasting(error.to_string())
    }
}
