//! Calls from one service to another: JSON over HTTP with the trace context, bounded in time.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::StatusCode;
use reqwest::{Client, RequestBuilder};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use skopos_fleet_frame::{FleetError, http_client};
use skopos_sdk::tasks::ErrorType;

/// One call.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why a call gave no answer to work with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("{peer} cannot be reached: {reason}")]
    Unreachable { peer: &'static str, reason: String },
    #[error("{peer} answered {status}: {message}")]
    Refused {
        peer: &'static str,
        status: StatusCode,
        message: String,
    },
    #[error("the answer of {peer} cannot be read: {reason}")]
    Unreadable { peer: &'static str, reason: String },
}

impl CallError {
    /// The status that the peer answered with, where it answered.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Unreachable { .. } | Self::Unreadable { .. } => None,
        }
    }
}

impl ErrorType for CallError {
    fn error_type(&self) -> Cow<'static, str> {
        match self {
            Self::Unreachable { .. } => "unreachable".into(),
            Self::Refused { status, .. } => status.as_u16().to_string().into(),
            Self::Unreadable { .. } => "unreadable".into(),
        }
    }
}

/// Another service.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    name: &'static str,
    base: String,
    client: Client,
}

/// The shape in which every service says why not.
#[derive(Deserialize)]
struct Failure {
    error: FailureText,
}

#[derive(Deserialize)]
struct FailureText {
    message: String,
}

/// A client for all peers of a process.
pub(crate) fn client() -> Result<Client, FleetError> {
    http_client(TIMEOUT)
        .user_agent(concat!("somaagent/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(FleetError::HttpClient)
}

impl Peer {
    pub(crate) fn new(name: &'static str, base: &str, client: Client) -> Self {
        Self {
            name,
            base: base.trim_end_matches('/').to_owned(),
            client,
        }
    }

    pub(crate) async fn get<A: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<A, CallError> {
        let request = self.client.get(format!("{}{path}", self.base)).query(query);
        self.call(request).await
    }

    pub(crate) async fn post<A: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<A, CallError> {
        let request = self.client.post(format!("{}{path}", self.base)).json(body);
        self.call(request).await
    }

    async fn call<A: DeserializeOwned>(&self, request: RequestBuilder) -> Result<A, CallError> {
        let unreachable = |error: reqwest::Error| CallError::Unreachable {
            peer: self.name,
            reason: chain(&error),
        };
        let response = skopos_sdk::client::send(&self.client, request)
            .await
            .map_err(unreachable)?;
        let status = response.status();
        let body = response.bytes().await.map_err(unreachable)?;
        if !status.is_success() {
            let message = serde_json::from_slice(&body).map_or_else(
                |_| String::from_utf8_lossy(&body).into_owned(),
                |failure: Failure| failure.error.message,
            );
            return Err(CallError::Refused {
                peer: self.name,
                status,
                message,
            });
        }
        serde_json::from_slice(&body).map_err(|error| CallError::Unreadable {
            peer: self.name,
            reason: error.to_string(),
        })
    }
}

/// An error with its causes: the outermost alone says little of a connection.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
