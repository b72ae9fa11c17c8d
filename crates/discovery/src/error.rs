//! Why a source of targets gave none.

use skopos_http_client::HttpClientError;

use crate::request::without_query;

/// A source that could not be asked, or whose answer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// The client cannot be built, or has no credentials.
    #[error(transparent)]
    Client(#[from] HttpClientError),
    /// The server was not reached.
    #[error("{url}: {reason}")]
    Unreachable {
        /// What was asked, without its query.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The server refused.
    #[error("{url}: the server answers {status}{}", said(detail))]
    Refused {
        /// What was asked, without its query.
        url: String,
        /// The status.
        status: reqwest::StatusCode,
        /// The start of the answer.
        detail: String,
    },
    /// The answer is not what the API gives.
    #[error("{url}: {reason}")]
    Unreadable {
        /// What was asked, without its query.
        url: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The settings, or the files that they name, cannot be used.
    #[error("{reason}")]
    Unusable {
        /// What is wrong and how to mend it.
        reason: String,
    },
}

impl DiscoveryError {
    pub(crate) fn unusable(reason: impl Into<String>) -> Self {
        Self::Unusable { reason: reason.into() }
    }

    pub(crate) fn unreadable(url: &str, reason: impl std::fmt::Display) -> Self {
        Self::Unreadable {
            url: without_query(url),
            reason: reason.to_string(),
        }
    }
}

fn said(detail: &str) -> String {
    if detail.is_empty() {
        String::new()
    } else {
        format!(": {detail}")
    }
}
