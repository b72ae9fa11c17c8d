//! What receivers send with: secrets, requests, and the reading of answers.

use std::path::Path;
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value as Json;
use skopos_alertmanager::Notification;
use skopos_config::Secret;
use skopos_http_client::{HttpClient, HttpClientError, describe, read_secret};

use crate::receiver::Endpoints;
use crate::send_error::{FailureReason, SendError, reason_of_status};
use crate::template::Rendering;

/// Most bytes read of an answer.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// Most bytes of an answer that an error shows.
const MAX_SHOWN_BYTES: usize = 512;
/// Shorter secrets are not looked for in errors: they would match by chance.
const MIN_MASKED_BYTES: usize = 3;
/// The same for the parts of a URL that is a secret, most of which are ordinary words.
const MIN_MASKED_PART_BYTES: usize = 8;

/// A token that an integration got from its product and may use again.
#[derive(Default)]
pub(crate) struct KeptToken(Mutex<Option<(String, std::time::Instant)>>);

impl KeptToken {
    pub(crate) fn get(&self) -> Option<String> {
        let kept = self.0.lock();
        let (token, expires) = kept.as_ref()?;
        (std::time::Instant::now() < *expires).then(|| token.clone())
    }

    pub(crate) fn keep(&self, token: &str, life: Duration) {
        *self.0.lock() = std::time::Instant::now()
            .checked_add(life)
            .map(|expires| (token.to_owned(), expires));
    }

    pub(crate) fn forget(&self) {
        *self.0.lock() = None;
    }
}

impl std::fmt::Debug for KeptToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeptToken")
    }
}

/// One sending.
pub(crate) struct Courier<'a> {
    pub(crate) rendering: &'a Rendering<'a>,
    pub(crate) notification: &'a Notification,
    pub(crate) client: &'a HttpClient,
    pub(crate) endpoints: &'a Endpoints,
    pub(crate) token: &'a KeptToken,
    secrets: Mutex<Vec<String>>,
}

/// Reads what went wrong out of a failure's status and body.
type Details = fn(u16, &[u8]) -> Option<String>;

/// Which 4xx answers may pass, and what an answer says of the failure.
#[derive(Clone, Copy)]
pub(crate) struct AnswerRules {
    pub(crate) retried: &'static [u16],
    /// What a failure's body says, where it is known how to read it.
    pub(crate) details: Option<Details>,
}

impl AnswerRules {
    /// Only 5xx may pass.
    pub(crate) const PLAIN: Self = Self {
        retried: &[],
        details: None,
    };
    /// 429 may pass too.
    pub(crate) const RATE_LIMITED: Self = Self {
        retried: &[429],
        details: None,
    };
}

/// An answer of success.
pub(crate) struct Answer {
    pub(crate) body: Vec<u8>,
    pub(crate) content_type: String,
    pub(crate) status: u16,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Json, SendError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let shown = shown(&self.body);
            SendError::recoverable(format!("could not unmarshal JSON response {shown:?}: {error}"))
        })
    }
}

impl<'a> Courier<'a> {
    pub(crate) fn new(
        rendering: &'a Rendering<'a>,
        notification: &'a Notification,
        client: &'a HttpClient,
        endpoints: &'a Endpoints,
        token: &'a KeptToken,
    ) -> Self {
        let courier = Self {
            rendering,
            notification,
            client,
            endpoints,
            token,
            secrets: Mutex::new(Vec::new()),
        };
        for secret in client.inline_secrets() {
            courier.hide(secret);
        }
        courier
    }

    /// A secret that is a template, inline or in a file; it is kept out of errors from here on.
    pub(crate) async fn secret(&self, field: &str, inline: &Secret, file: &str) -> Result<String, SendError> {
        let template = self.plain_secret(field, inline, file).await?;
        let secret = self.rendering.text(field, &template)?;
        self.hide(&secret);
        Ok(secret)
    }

    /// A secret that is no template.
    pub(crate) async fn plain_secret(&self, field: &str, inline: &Secret, file: &str) -> Result<String, SendError> {
        let secret = if file.is_empty() {
            inline.expose().to_owned()
        } else {
            let read = read_secret(Path::new(""), file).await;
            read.map_err(|error| SendError::lasting(format!("{field}_file: {error}")))?
        };
        self.hide(&secret);
        Ok(secret)
    }

    /// Keeps a text out of errors, and where it is a URL, its parts.
    pub(crate) fn hide(&self, secret: &str) {
        let mut secrets = self.secrets.lock();
        if secret.len() >= MIN_MASKED_BYTES {
            secrets.push(secret.to_owned());
        }
        if let Ok(url) = url::Url::parse(secret)
            && url.has_host()
        {
            let segments = url.path_segments().into_iter().flatten().map(str::to_owned);
            let values = url.query_pairs().map(|(_, value)| value.into_owned());
            let parts = segments.chain(values);
            secrets.extend(parts.filter(|part| part.len() >= MIN_MASKED_PART_BYTES));
        }
    }

    /// Takes all secrets out of an error.
    pub(crate) fn masked(&self, mut error: SendError) -> SendError {
        for secret in self.secrets.lock().iter() {
            error.text = error.text.replace(secret, "<secret>");
        }
        error
    }

    /// Posts JSON.
    pub(crate) async fn post_json(&self, url: &str, body: &Json, rules: AnswerRules) -> Result<Answer, SendError> {
        let request = self.client.request(Method::POST, url).json(body);
        self.send(request, rules).await
    }

    /// Sends a request with the credentials of `http_config`; anything but 2xx is an error.
    pub(crate) async fn send(&self, request: RequestBuilder, rules: AnswerRules) -> Result<Answer, SendError> {
        let request = self.client.authorized(request).await.map_err(|error| match error {
            HttpClientError::Token {
                is_recoverable: true, ..
            } => SendError::recoverable(error.to_string()),
            other => SendError::lasting(other.to_string()),
        })?;
        let response = request.send().await.map_err(|error| broken(&error))?;
        let status = response.status().as_u16();
        let retry_after = retry_after(&response);
        let content_type = response.headers().get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let content_type = content_type.to_owned();
        let body = read_body(response).await?;
        if (200..300).contains(&status) {
            return Ok(Answer {
                body,
                content_type,
                status,
            });
        }
        let details = match rules.details.and_then(|details| details(status, &body)) {
            Some(details) => details,
            None => shown(&body),
        };
        let separator = if details.is_empty() { "" } else { ": " };
        let text = format!("unexpected status code {status}{separator}{details}");
        Err(SendError {
            is_recoverable: status >= 500 || rules.retried.contains(&status),
            reason: reason_of_status(status),
            retry_after,
            status: Some(status),
            ..SendError::lasting(text)
        })
    }
}

fn broken(error: &reqwest::Error) -> SendError {
    let text = describe(error);
    if error.is_builder() {
        return SendError::lasting(text);
    }
    let error_reason = if error.is_timeout() {
        FailureReason::ContextDeadlineExceeded
    } else {
        FailureReason::Other
    };
    SendError::recoverable(text).with_reason(error_reason)
}

/// Seconds, or a date.
fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Duration::try_from(at.duration_since(jiff::Timestamp::now())).ok()
}

async fn read_body(mut response: Response) -> Result<Vec<u8>, SendError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
        let left = MAX_ANSWER_BYTES - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(left)]);
        if body.len() == MAX_ANSWER_BYTES {
            break;
        }
    }
    Ok(body)
}

/// An answer as errors show it.
fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body).trim().to_owned();
    crate::truncate::bytes(text, MAX_SHOWN_BYTES)
}
