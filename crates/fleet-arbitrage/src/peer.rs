//! Calls from one service to another: JSON over HTTP with the trace context, bounded in time.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::header::RETRY_AFTER;
use reqwest::{Client, ClientBuilder, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use skopos_fleet_frame::{FleetError, http_client};
use skopos_sdk::tasks::ErrorType;
use url::Url;

use crate::failure::Failure;

/// Another service.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    name: String,
    base: String,
    client: Client,
}

#[derive(Deserialize)]
struct Refused {
    error: RefusedText,
}

#[derive(Deserialize)]
struct RefusedText {
    message: String,
}

/// A service with the name that it is called by, as `NAME=URL`.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) url: Url,
}

impl Named {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let expected = || format!("expected NAME=URL, got {text}");
        let (name, url) = text.split_once('=').ok_or_else(expected)?;
        let url = Url::parse(url).map_err(|error| format!("{}: {error}", expected()))?;
        if name.is_empty() || url.host().is_none() {
            return Err(expected());
        }
        Ok(Self {
            name: name.to_owned(),
            url,
        })
    }

    /// The URL with the name as its host. An address without a name is given this one, in the client that is made with
    /// it; a URL whose host has a name keeps it.
    pub(crate) fn resolved(&self) -> (String, Option<(&str, SocketAddr)>) {
        let ip = self.url.host_str().and_then(|host| host.parse().ok());
        let (Some(ip), Some(port)) = (ip, self.url.port_or_known_default()) else {
            return (self.url.as_str().trim_end_matches('/').to_owned(), None);
        };
        let base = format!("{}://{}:{port}", self.url.scheme(), self.name);
        (base, Some((self.name.as_str(), SocketAddr::new(ip, port))))
    }
}

/// Begins a client whose calls end within the time.
pub(crate) fn builder(timeout: Duration) -> ClientBuilder {
    http_client(timeout).user_agent(concat!("arbitrage/", env!("CARGO_PKG_VERSION")))
}

/// A client whose calls end within the time; `hosts` are names that are resolved without asking anyone.
pub(crate) fn client(timeout: Duration, hosts: &[(&str, SocketAddr)]) -> Result<Client, FleetError> {
    hosts
        .iter()
        .fold(builder(timeout), |builder, (name, address)| {
            builder.resolve(name, *address)
        })
        .build()
        .map_err(FleetError::HttpClient)
}

impl Peer {
    pub(crate) fn new(name: &str, base: &str, client: Client) -> Self {
        Self {
            name: name.to_owned(),
            base: base.trim_end_matches('/').to_owned(),
            client,
        }
    }

    /// The address of a path of the service.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(crate) async fn get<A: DeserializeOwned>(&self, path: &str) -> Result<A, Failure> {
        self.call(self.client.get(self.url(path))).await
    }

    pub(crate) async fn post<A: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<A, Failure> {
        self.call(self.client.post(self.url(path)).json(body)).await
    }

    async fn call<A: DeserializeOwned>(&self, request: RequestBuilder) -> Result<A, Failure> {
        let lost = |error: reqwest::Error| {
            let message = format!("{} gave no answer: {}", self.name, error.error_message());
            Failure::new(error.error_type(), message)
        };
        let response = skopos_sdk::client::send(&self.client, request).await.map_err(lost)?;
        let (status, retry_after) = (response.status(), retry_after(&response));
        let body = response.bytes().await.map_err(lost)?;
        if !status.is_success() {
            let said = serde_json::from_slice(&body).map_or_else(
                |_| String::from_utf8_lossy(&body).into_owned(),
                |refused: Refused| refused.error.message,
            );
            let message = format!("{} answered {status}: {said}", self.name);
            return Err(Failure::refused(status, message, retry_after));
        }
        serde_json::from_slice(&body)
            .map_err(|error| Failure::new("decode", format!("the answer of {} cannot be read: {error}", self.name)))
    }
}

/// `Retry-After` in seconds, RFC 9110 section 10.2.3.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_called_by_its_name_and_a_name_stays() {
        let local = Named::parse("north=http://127.0.0.1:8052").expect("readable");
        let (base, host) = local.resolved();
        assert_eq!(base, "http://north:8052");
        assert_eq!(
            host.map(|(name, address)| (name, address.port())),
            Some(("north", 8052))
        );
        let remote = Named::parse("north=http://market.example:80/").expect("readable");
        assert_eq!(remote.resolved(), ("http://market.example".to_owned(), None));
        assert!(Named::parse("http://127.0.0.1").is_err());
    }
}
