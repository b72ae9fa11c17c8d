//! Questions to the HTTP APIs of sources.

use std::time::Duration;

use reqwest::{RequestBuilder, Response};
use serde::de::DeserializeOwned;
use skopos_http_client::{HttpClient, describe};

use crate::error::DiscoveryError;

/// How long an answer may take that is not asked to wait for a change.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer.
const MAX_BODY_BYTES: usize = 256 << 20;
/// How much of a refusal is shown.
const SHOWN_BYTES: usize = 200;

/// A URL as logs may show it: queries and passwords can hold secrets.
pub(crate) fn without_query(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut url) => {
            url.set_query(None);
            if url.password().is_some() && url.set_password(None).is_err() {
                return String::from("(a URL without host)");
            }
            url.to_string()
        }
        Err(_) => url.split('?').next().unwrap_or_default().to_owned(),
    }
}

/// Sends a request with the client's credentials; an answer of failure is an error.
pub(crate) async fn send(client: &HttpClient, request: RequestBuilder, url: &str) -> Result<Response, DiscoveryError> {
    send_within(client, request, url, TIMEOUT).await
}

/// The same with a timeout of its own.
pub(crate) async fn send_within(
    client: &HttpClient,
    request: RequestBuilder,
    url: &str,
    timeout: Duration,
) -> Result<Response, DiscoveryError> {
    let request = client.authorized(request.timeout(timeout)).await?;
    let response = request.send().await.map_err(|error| unreachable(url, &error))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = body(response, url).await.unwrap_or_default();
    let shown = &body[..body.len().min(SHOWN_BYTES)];
    Err(DiscoveryError::Refused {
        url: without_query(url),
        status,
        detail: String::from_utf8_lossy(shown).trim().to_owned(),
    })
}

/// Reads an answer whole.
pub(crate) async fn body(mut response: Response, url: &str) -> Result<Vec<u8>, DiscoveryError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(url, &error))? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            let reason = format!("the answer is larger than {MAX_BODY_BYTES} bytes");
            return Err(DiscoveryError::unreadable(url, reason));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Reads an answer as JSON.
pub(crate) async fn json<T: DeserializeOwned>(response: Response, url: &str) -> Result<T, DiscoveryError> {
    let body = body(response, url).await?;
    serde_json::from_slice(&body).map_err(|error| DiscoveryError::unreadable(url, error))
}

pub(crate) fn unreachable(url: &str, error: &reqwest::Error) -> DiscoveryError {
    DiscoveryError::Unreachable {
        url: without_query(url),
        reason: describe(error),
    }
}
