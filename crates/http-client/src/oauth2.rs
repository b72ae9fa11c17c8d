//! OAuth 2.0 by a client's secret (RFC 6749, section 4.4) or a signed assertion (RFC 7523, section 2.1).

use std::path::PathBuf;

use jiff::Timestamp;
use reqwest::Client;
use serde_json::{Map, Value};
use skopos_config::{GrantType, OAuth2};
use uuid::Uuid;

use crate::jwt::JwtSigner;
use crate::token::{Granted, Refusal, TIMEOUT, TokenCache, ask, whole_life};
use crate::{ClientOptions, HttpClientError, describe, read_secret, tls, with_proxy};

/// What an assertion is exchanged by.
pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// How long an assertion holds, in seconds.
const ASSERTION_LIFE_SECONDS: i64 = 600;

/// Fetches tokens and keeps them while they live.
#[derive(Debug)]
pub(crate) struct TokenSource {
    client: Client,
    config: OAuth2,
    folder: PathBuf,
    cache: TokenCache,
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
            cache: TokenCache::default(),
        })
    }

    /// The headers of a request.
    pub(crate) async fn headers(&self) -> Result<Vec<(&'static str, String)>, HttpClientError> {
        let (inline, file) = match self.config.grant_type {
            GrantType::ClientCredentials => (&self.config.client_secret, &self.config.client_secret_file),
            GrantType::JwtBearer => {
                let jwt = &self.config.jwt;
                (&jwt.client_certificate_key, &jwt.client_certificate_key_file)
            }
        };
        let secret = if file.is_empty() {
            inline.expose().to_owned()
        } else {
            read_secret(&self.folder, file).await?
        };
        let headers = self.cache.headers(&secret, whole_life, self.fetch(&secret)).await;
        headers.map_err(|refusal| refusal.of("oauth2"))
    }

    /// Forgets the token; whether there was one.
    pub(crate) async fn forget(&self) -> bool {
        self.cache.forget().await
    }

    async fn fetch(&self, secret: &str) -> Result<Granted, Refusal> {
        let request = self.client.post(&self.config.token_url);
        match self.config.grant_type {
            GrantType::ClientCredentials => {
                let request = request.basic_auth(&self.config.client_id, Some(secret));
                ask(request.form(&self.form())).await
            }
            GrantType::JwtBearer => {
                let assertion = self.assertion(secret, Timestamp::now().as_second())?;
                let form = [("grant_type", JWT_BEARER), ("assertion", &assertion)];
                ask(request.form(&form)).await
            }
        }
    }

    fn form(&self) -> Vec<(&str, String)> {
        let mut form = vec![("grant_type", "client_credentials".to_owned())];
        let scopes = self.config.scopes.join(" ");
        if !scopes.is_empty() {
            form.push(("scope", scopes));
        }
        let params = self.config.endpoint_params.iter();
        form.extend(params.map(|(name, value)| (name.as_str(), value.clone())));
        form
    }

    /// What the client says of itself, signed.
    fn assertion(&self, key: &str, now: i64) -> Result<String, Refusal> {
        let jwt = &self.config.jwt;
        let or = |text: &str, default: &str| if text.is_empty() { default } else { text }.to_owned();
        let mut claims = Map::new();
        let mut claim = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        claim("iss", or(&jwt.iss, &self.config.client_id).into());
        claim("sub", self.config.client_id.as_str().into());
        claim("jti", Uuid::new_v4().to_string().into());
        claim("aud", or(&jwt.audience, &self.config.token_url).into());
        claim("iat", now.into());
        claim("exp", (now + ASSERTION_LIFE_SECONDS).into());
        if !self.config.scopes.is_empty() {
            claim("scope", self.config.scopes.join(" ").into());
        }
        claims.extend(jwt.claims.clone());
        let signer = JwtSigner {
            key,
            key_id: &jwt.client_certificate_key_id,
            algorithm: jwt.signature_algorithm,
        };
        signer.sign(&claims).map_err(|error| {
            Refusal::lasting(format!(
                "{error}; client_certificate_key or client_certificate_key_file holds it"
            ))
        })
    }
}
