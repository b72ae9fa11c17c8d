//! Why a notification was not sent, and whether trying again may help.

use std::time::Duration;

pub use skopos_alertmanager::machine::FailureReason;

use crate::template::TemplateError;

/// The reason that an HTTP status means.
pub(crate) fn reason_of_status(status: u16) -> FailureReason {
    match status {
        401 | 403 => FailureReason::AuthError,
        429 => FailureReason::RateLimited,
        400..=499 => FailureReason::ClientError,
        500..=599 => FailureReason::ServerError,
        _ => FailureReason::Other,
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
    /// What was to be sent, without secrets, as JSON; empty where it could not be rendered.
    pub payload: String,
    /// The media type in which it was to be sent; empty like `payload`.
    pub content_type: String,
}

impl SendError {
    /// A failure that no second attempt mends, such as a receiver that does not exist.
    pub fn other(text: impl Into<String>) -> Self {
        Self::lasting(text)
    }

    /// A failure that may pass.
    pub(crate) fn recoverable(text: impl Into<String>) -> Self {
        Self {
            is_recoverable: true,
            reason: FailureReason::Other,
            text: text.into(),
            retry_after: None,
            status: None,
            payload: String::new(),
            content_type: String::new(),
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
