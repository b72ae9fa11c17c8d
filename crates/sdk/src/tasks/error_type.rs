//! What kind an error is, for `error.type` and the label `error_type`: few values, known beforehand.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::Display;

use crate::breaker::BreakerError;

/// The word of the semantic conventions for an error without a type.
pub(crate) const OTHER: &str = "_OTHER";

/// An error with a type of low cardinality. A service implements it for its own errors.
///
/// ```
/// use std::borrow::Cow;
///
/// #[derive(Debug)]
/// struct Declined;
/// impl std::fmt::Display for Declined {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         f.write_str("the card was declined")
///     }
/// }
/// impl skopos_sdk::tasks::ErrorType for Declined {
///     fn error_type(&self) -> Cow<'static, str> {
///         "declined".into()
///     }
/// }
/// ```
pub trait ErrorType: Display {
    /// The type. Never an id, a message or anything else that differs from case to case.
    fn error_type(&self) -> Cow<'static, str>;

    /// The text for `error.message`; without secrets.
    fn error_message(&self) -> String {
        self.to_string()
    }
}

impl ErrorType for std::io::Error {
    fn error_type(&self) -> Cow<'static, str> {
        format!("{:?}", self.kind()).into()
    }
}

impl ErrorType for serde_json::Error {
    fn error_type(&self) -> Cow<'static, str> {
        "invalid_json".into()
    }
}

impl ErrorType for String {
    fn error_type(&self) -> Cow<'static, str> {
        OTHER.into()
    }
}

impl ErrorType for &str {
    fn error_type(&self) -> Cow<'static, str> {
        OTHER.into()
    }
}

impl ErrorType for Box<dyn Error + Send + Sync> {
    fn error_type(&self) -> Cow<'static, str> {
        OTHER.into()
    }
}

impl<E: ErrorType> ErrorType for BreakerError<E> {
    fn error_type(&self) -> Cow<'static, str> {
        match self {
            Self::Open { .. } => "circuit_open".into(),
            Self::Failed(error) => error.error_type(),
        }
    }

    fn error_message(&self) -> String {
        match self {
            Self::Open { .. } => self.to_string(),
            Self::Failed(error) => error.error_message(),
        }
    }
}

#[cfg(feature = "http-client")]
impl ErrorType for reqwest::Error {
    fn error_type(&self) -> Cow<'static, str> {
        if let Some(status) = self.status() {
            return status.as_u16().to_string().into();
        }
        let kind = match self {
            _ if self.is_timeout() => "timeout",
            _ if self.is_connect() && crate::client::is_certificate_invalid(self) => "server_certificate_invalid",
            _ if self.is_connect() => "connect",
            _ if self.is_decode() => "decode",
            _ if self.is_body() => "body",
            _ => "request",
        };
        kind.into()
    }

    fn error_message(&self) -> String {
        crate::client::error_message(self)
    }
}

#[cfg(feature = "http-client")]
impl ErrorType for reqwest_middleware::Error {
    fn error_type(&self) -> Cow<'static, str> {
        match self {
            Self::Reqwest(error) => error.error_type(),
            Self::Middleware(_) => "middleware".into(),
        }
    }

    fn error_message(&self) -> String {
        match self {
            Self::Reqwest(error) => error.error_message(),
            Self::Middleware(error) => error.to_string(),
        }
    }
}
