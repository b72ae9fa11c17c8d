//! OAuth 2.0 by client credentials (RFC 6749, section 4.4).

use std::path::PathBuf;
use std::time::{Duration, Instant};

use reqwest::Client;
use serde::Deserialize;
use skopos_config::OAuth2;
use tokio::sync::Mutex;

use crate::{ClientOptions, HttpClientError, describe, read_secret, tls, with_proxy};

/// A token is not used in the last seconds of its life.
const EXPIRY_MARGIN: Duration = Duration::from_secs(10);
/// How long a token request may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Fetches tokens and keeps them while they live.
#[derive(Debug)]
pub(crate) struct TokenSource {
    client: Client,
    config: OAuth2,
    folder: PathBuf,
    current: Mutex<Option<Token>>,
}

struct Token {
    authorization: String,
    /// The secret it was given for: another one in the file asks for another token.
    secret: String,
    expires: Option<Instant>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    #[serde(default)]
    token_type: String,
    #[serde(default)]
    expires_in: Option<u64>,
}

impl TokenSource {
    pub(crate) fn new(config: &OAuth2, options: ClientOptions<'_>) -> Result<Self, HttpClientError> {
        let builder = Client::builder().user_agent(options.user_agent).timeout(TIMEOUT);
        let builder = with_proxy(builder, &config.proxy)?;
        let builder = tls::configured(builder, &config.tls_config, options.folder)?;
        Ok(Self {
            client: builder
                .build()
                .map_err(|error| HttpClientError::unusable(describe(&error)))?,
            config: config.clone(),
            folder: options.folder.to_owned(),
            current: Mutex::new(None),
        })
    }

    /// The `Authorization` header.
    pub(crate) async fn authorization(&self) -> Result<String, HttpClientError> {
        let secret = if self.config.client_secret_file.is_empty() {
            self.config.client_secret.expose().to_owned()
        } else {
            read_secret(&self.folder, &self.config.client_secret_file).await?
        };
        let mut current = self.current.lock().await;
        let now = Instant::now();
        if let Some(token) = &*current
            && token.secret == secret
            && token.expires.is_none_or(|expires| now < expires)
        {
            return Ok(token.authorization.clone());
        }
        let answer = self.fetch(&secret).await?;
        let scheme = match answer.token_type.as_str() {
            "" => "Bearer",
            bearer if bearer.eq_ignore_ascii_case("bearer") => "Bearer",
            other => other,
        };
        let authorization = format!("{scheme} {}", answer.access_token);
        let life = answer.expires_in.map(Duration::from_secs);
        *current = Some(Token {
            authorization: authorization.clone(),
            secret,
            expires: life.and_then(|life| now.checked_add(life.saturating_sub(EXPIRY_MARGIN))),
        });
        Ok(authorization)
    }

    /// Forgets the token; whether there was one.
    pub(crate) async fn forget(&self) -> bool {
        self.current.lock().await.take().is_some()
    }

    async fn fetch(&self, secret: &str) -> Result<Answer, HttpClientError> {
        let mut form = vec![("grant_type", "client_credentials")];
        let scopes = self.config.scopes.join(" ");
        if !scopes.is_empty() {
            form.push(("scope", &scopes));
        }
        let params = self.config.endpoint_params.iter();
        form.extend(params.map(|(name, value)| (name.as_str(), value.as_str())));
        let refused = |reason: String, is_recoverable| HttpClientError::Token { reason, is_recoverable };
        let response = self
            .client
            .post(&self.config.token_url)
            .basic_auth(&self.config.client_id, Some(secret))
            .form(&form)
            .send()
            .await
            .map_err(|error| refused(describe(&error), true))?;
        let status = response.status();
        if !status.is_success() {
            return Err(refused(
                format!("the token's server answers {status}"),
                status.is_server_error(),
            ));
        }
        let body = response
            .bytes()
            .await
            .map_err(|error| refused(describe(&error), true))?;
        serde_json::from_slice(&body).map_err(|error| {
            let place = format!("line {} column {}", error.line(), error.column());
            refused(format!("the token's server answers no token at {place}"), false)
        })
    }
}
