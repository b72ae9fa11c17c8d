//! Access tokens: what a server grants or says in refusal (RFC 6749, section 5), and how long a token is kept.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::{RequestBuilder, Response};
use serde::{Deserialize, Deserializer};
use tokio::sync::Mutex;

use crate::{HttpClientError, describe};

/// A token is not used in the last seconds of its life.
const EXPIRY_MARGIN: Duration = Duration::from_secs(10);
/// How long a token request may take.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);
/// Longest answer that is read.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// How much of a refusal is shown.
const SHOWN_CHARS: usize = 300;

/// What goes with requests while it holds.
pub(crate) struct Granted {
    /// `authorization`, and what else the token's owner wants to be sent.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// How long it holds; without an end where absent.
    pub(crate) life: Option<Duration>,
}

/// Why there is no token.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) reason: String,
    /// Whether asking again may help.
    pub(crate) is_recoverable: bool,
}

impl Refusal {
    /// Asking again does not help.
    pub(crate) fn lasting(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            is_recoverable: false,
        }
    }

    /// Asking again may help.
    pub(crate) fn passing(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            is_recoverable: true,
        }
    }

    /// Names the settings that the token is for.
    pub(crate) fn of(self, what: &'static str) -> HttpClientError {
        HttpClientError::Token {
            what,
            reason: self.reason,
            is_recoverable: self.is_recoverable,
        }
    }
}

impl Granted {
    /// A token of a type, `Bearer` where it is not told.
    pub(crate) fn new(token_type: &str, token: &str, life: Option<Duration>) -> Self {
        let scheme = match token_type {
            "" => "Bearer",
            bearer if bearer.eq_ignore_ascii_case("bearer") => "Bearer",
            other => other,
        };
        Self {
            headers: vec![("authorization", format!("{scheme} {token}"))],
            life,
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    #[serde(default)]
    token_type: String,
    /// Seconds.
    #[serde(default, deserialize_with = "number_or_text")]
    expires_in: Option<u64>,
    /// Seconds since 1970, as Azure's machines tell it.
    #[serde(default, deserialize_with = "number_or_text")]
    expires_on: Option<u64>,
}

#[derive(Deserialize)]
struct ErrorAnswer {
    error: String,
    #[serde(default)]
    error_description: String,
}

/// Some servers write numbers as texts.
fn number_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Number(u64),
        Text(String),
    }
    Ok(match Option::<Number>::deserialize(deserializer)? {
        None => None,
        Some(Number::Number(number)) => Some(number),
        Some(Number::Text(text)) => text.parse().ok(),
    })
}

/// Asks for a token.
pub(crate) async fn ask(request: RequestBuilder) -> Result<Granted, Refusal> {
    let body = body_of(request).await?;
    let answer: Answer = read(&body)?;
    if answer.access_token.is_empty() {
        return Err(Refusal::lasting("the token's server answers an empty token"));
    }
    let now = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
    let until = answer.expires_on.map(|end| end.saturating_sub(now));
    let life = answer.expires_in.or(until).map(Duration::from_secs);
    Ok(Granted::new(&answer.token_type, &answer.access_token, life))
}

/// The body of a successful answer.
pub(crate) async fn body_of(request: RequestBuilder) -> Result<Vec<u8>, Refusal> {
    let sent = request.send().await;
    let response = sent.map_err(|error| Refusal::passing(describe(&error)))?;
    let status = response.status();
    let body = bounded(response).await?;
    if status.is_success() {
        return Ok(body);
    }
    let mut reason = format!("the token's server answers {status}");
    if let Ok(told) = serde_json::from_slice::<ErrorAnswer>(&body) {
        let told = format!(": {} {}", told.error, told.error_description);
        reason.extend(
            told.trim_end()
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .take(SHOWN_CHARS),
        );
    }
    Err(Refusal {
        reason,
        is_recoverable: status.is_server_error(),
    })
}

/// Reads an answer; what is wrong is told by its place, since the rest may be a secret.
pub(crate) fn read<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        Refusal::lasting(format!("the token's server answers no token at {place}"))
    })
}

async fn bounded(mut response: Response) -> Result<Vec<u8>, Refusal> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > MAX_ANSWER_BYTES => {
                return Err(Refusal::lasting("the token's server answers more than 1 MiB"));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) => return Err(Refusal::passing(describe(&error))),
        }
    }
}

/// Until shortly before the end.
pub(crate) fn whole_life(life: Duration) -> Duration {
    life.saturating_sub(EXPIRY_MARGIN)
}

/// Keeps what was granted.
#[derive(Default)]
pub(crate) struct TokenCache {
    current: Mutex<Option<Kept>>,
}

struct Kept {
    headers: Vec<(&'static str, String)>,
    /// What it was granted for: another secret in its file asks for another token.
    secret: String,
    until: Option<Instant>,
}

impl std::fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenCache").finish_non_exhaustive()
    }
}

impl TokenCache {
    /// The headers that hold for `secret`; asks for new ones where there are none.
    pub(crate) async fn headers(
        &self,
        secret: &str,
        kept_for: fn(Duration) -> Duration,
        ask: impl Future<Output = Result<Granted, Refusal>>,
    ) -> Result<Vec<(&'static str, String)>, Refusal> {
        let mut current = self.current.lock().await;
        let now = Instant::now();
        if let Some(kept) = &*current
            && kept.secret == secret
            && kept.until.is_none_or(|until| now < until)
        {
            return Ok(kept.headers.clone());
        }
        let granted = ask.await?;
        *current = Some(Kept {
            headers: granted.headers.clone(),
            secret: secret.to_owned(),
            until: granted.life.and_then(|life| now.checked_add(kept_for(life))),
        });
        Ok(granted.headers)
    }

    /// Forgets the token; whether there was one.
    pub(crate) async fn forget(&self) -> bool {
        self.current.lock().await.take().is_some()
    }
}
