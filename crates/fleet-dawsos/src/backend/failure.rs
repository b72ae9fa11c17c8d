//! Why a pattern did not run to its end: by whose fault, and what the caller is told.

use http::StatusCode;

use crate::refusal::Refusal;

/// A pattern that did not run to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    #[error("there is no pattern {0}")]
    UnknownPattern(String),
    #[error("the header X-User-ID is missing")]
    NoUser,
    #[error("there is no pricing pack for {0}")]
    NoSuchPack(String),
    #[error("pricing pack {0} is not fresh")]
    PackNotFresh(String),
    #[error("{agent} refused {capability}: {reason}")]
    Refused {
        agent: String,
        capability: String,
        reason: String,
    },
    #[error("no pricing pack can be had: {0}")]
    PackUnavailable(String),
    #[error("agent {0} is cut off by its circuit breaker")]
    CircuitOpen(String),
    #[error("agent {agent} failed in {capability}: {reason}")]
    AgentFailed {
        agent: String,
        capability: String,
        reason: String,
    },
}

/// Kinds of errors that are ours.
pub(super) const ERROR_TYPES: [&str; 3] = ["pack_unavailable", "circuit_open", "agent_failed"];

impl Failure {
    /// A word for metrics, spans and programs.
    pub(super) fn error_type(&self) -> &'static str {
        match self {
            Self::UnknownPattern(_) => "unknown_pattern",
            Self::NoUser => "no_user",
            Self::NoSuchPack(_) => "no_such_pack",
            Self::PackNotFresh(_) => "pack_not_fresh",
            Self::Refused { .. } => "refused",
            Self::PackUnavailable(_) => ERROR_TYPES[0],
            Self::CircuitOpen(_) => ERROR_TYPES[1],
            Self::AgentFailed { .. } => ERROR_TYPES[2],
        }
    }

    /// `error` where the system failed, `rejected` where the request could not be served as it was put.
    pub(super) fn status(&self) -> &'static str {
        if ERROR_TYPES.contains(&self.error_type()) {
            "error"
        } else {
            "rejected"
        }
    }

    fn http_status(&self) -> StatusCode {
        match self {
            Self::UnknownPattern(_) | Self::NoSuchPack(_) => StatusCode::NOT_FOUND,
            Self::NoUser => StatusCode::UNAUTHORIZED,
            Self::PackNotFresh(_) => StatusCode::CONFLICT,
            Self::Refused { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::PackUnavailable(_) | Self::CircuitOpen(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::AgentFailed { .. } => StatusCode::BAD_GATEWAY,
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::UnknownPattern(_) => "GET /v1/patterns lists them",
            Self::NoUser => "send it: 1 to 128 visible characters",
            Self::NoSuchPack(_) => "leave asof_date out for the latest",
            Self::PackNotFresh(_) => "wait for the next build, or leave require_fresh out",
            Self::Refused { .. } => "mend the inputs and send it again",
            Self::PackUnavailable(_) => "is the pricing-pack job running? try again in a few seconds",
            Self::CircuitOpen(_) | Self::AgentFailed { .. } => "try again in a few seconds",
        }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self {
            status: failure.http_status(),
            code: failure.error_type(),
            message: failure.to_string(),
            hint: failure.hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ours_is_a_server_error() {
        let text = || "x".to_owned();
        for failure in [
            Failure::UnknownPattern(text()),
            Failure::NoUser,
            Failure::NoSuchPack(text()),
            Failure::PackNotFresh(text()),
            Failure::Refused {
                agent: text(),
                capability: text(),
                reason: text(),
            },
            Failure::PackUnavailable(text()),
            Failure::CircuitOpen(text()),
            Failure::AgentFailed {
                agent: text(),
                capability: text(),
                reason: text(),
            },
        ] {
            let is_ours = failure.http_status().is_server_error();
            assert_eq!(
                failure.status(),
                if is_ours { "error" } else { "rejected" },
                "{failure}"
            );
        }
    }
}
