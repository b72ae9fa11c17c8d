//! Credentials in files of Google (<https://google.aip.dev/auth>): keys of service accounts, the refresh tokens
//! of users, and accounts that either may act as.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::{Client, RequestBuilder};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use skopos_config::SignatureAlgorithm;

use crate::jwt::JwtSigner;
use crate::oauth2::JWT_BEARER;
use crate::token::{Granted, Refusal, ask, body_of, read};

const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";
/// How long an assertion and the token of another account hold, in seconds.
const LIFE_SECONDS: i64 = 3600;
/// An assertion is dated back, for clocks that are behind ours.
const CLOCK_SKEW_SECONDS: i64 = 10;

/// A file.
pub(super) struct CredentialsFile {
    kind: Kind,
    /// The project that the use is charged to; empty for that of the account.
    pub(super) quota_project_id: String,
}

enum Kind {
    ServiceAccount(ServiceAccount),
    AuthorizedUser(AuthorizedUser),
    ImpersonatedServiceAccount(Impersonated),
}

/// What all files have.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    quota_project_id: String,
}

#[derive(Deserialize)]
struct ServiceAccount {
    client_email: String,
    private_key: String,
    #[serde(default)]
    private_key_id: String,
    #[serde(default)]
    token_uri: String,
    #[serde(default)]
    audience: String,
}

#[derive(Deserialize)]
struct AuthorizedUser {
    client_id: String,
    client_secret: String,
    refresh_token: String,
    #[serde(default)]
    token_uri: String,
}

#[derive(Deserialize)]
struct Impersonated {
    service_account_impersonation_url: String,
    #[serde(default)]
    delegates: Vec<String>,
    source_credentials: Box<RawValue>,
}

/// What the API of IAM answers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfOther {
    access_token: String,
    /// In the notation of RFC 3339.
    expire_time: String,
}

impl CredentialsFile {
    /// Reads a file.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let head: Head = part(text)?;
        let kind = match head.kind.as_str() {
            "service_account" => Kind::ServiceAccount(part(text)?),
            "authorized_user" => Kind::AuthorizedUser(part(text)?),
            "impersonated_service_account" => Kind::ImpersonatedServiceAccount(part(text)?),
            other => {
                return Err(format!(
                    "credentials of type {other:?} are not supported; use those of a service_account, an \
                     authorized_user or an impersonated_service_account"
                ));
            }
        };
        Ok(Self {
            kind,
            quota_project_id: head.quota_project_id,
        })
    }

    /// Asks for a token.
    pub(super) async fn token(&self, client: &Client, scope: &str) -> Result<Granted, Refusal> {
        match &self.kind {
            Kind::ServiceAccount(account) => ask(account.request(client, scope)?).await,
            Kind::AuthorizedUser(user) => ask(user.request(client)).await,
            Kind::ImpersonatedServiceAccount(other) => {
                let source = Self::read(other.source_credentials.get());
                let source = source.map_err(|reason| Refusal::lasting(format!("source_credentials: {reason}")))?;
                let own = Box::pin(source.token(client, scope)).await?;
                other.token(client, scope, own).await
            }
        }
    }
}

/// Reads what a type of credentials has. Of what is wrong the place or the field that lacks is told, not the text.
fn part<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| match error.to_string() {
        lacks if lacks.starts_with("missing field") => format!("not credentials of Google: {lacks}"),
        _ => format!(
            "not credentials of Google at line {} column {}",
            error.line(),
            error.column()
        ),
    })
}

fn token_url(of_file: &str) -> &str {
    if of_file.is_empty() { TOKEN_URL } else { of_file }
}

impl ServiceAccount {
    fn request(&self, client: &Client, scope: &str) -> Result<RequestBuilder, Refusal> {
        let url = token_url(&self.token_uri);
        let issued_at = Timestamp::now().as_second() - CLOCK_SKEW_SECONDS;
        let audience = if self.audience.is_empty() { url } else { &self.audience };
        let claims: [(&str, Value); 5] = [
            ("iss", self.client_email.as_str().into()),
            ("scope", scope.into()),
            ("aud", audience.into()),
            ("iat", issued_at.into()),
            ("exp", (issued_at + LIFE_SECONDS).into()),
        ];
        let claims: Map<String, Value> = claims
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect();
        let signer = JwtSigner {
            key: &self.private_key,
            key_id: &self.private_key_id,
            algorithm: SignatureAlgorithm::RS256,
        };
        let assertion = signer.sign(&claims);
        let assertion = assertion.map_err(|error| Refusal::lasting(format!("{}: {error}", self.client_email)))?;
        Ok(client
            .post(url)
            .form(&[("grant_type", JWT_BEARER), ("assertion", &assertion)]))
    }
}

impl AuthorizedUser {
    fn request(&self, client: &Client) -> RequestBuilder {
        client.post(token_url(&self.token_uri)).form(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", &self.refresh_token),
            ("client_id", &self.client_id),
            ("client_secret", &self.client_secret),
        ])
    }
}

impl Impersonated {
    /// The token of the other account, for which `own` speaks.
    async fn token(&self, client: &Client, scope: &str, own: Granted) -> Result<Granted, Refusal> {
        let asked = json!({
            "delegates": self.delegates,
            "lifetime": format!("{LIFE_SECONDS}s"),
            "scope": [scope],
        });
        let request = client.post(&self.service_account_impersonation_url).json(&asked);
        let request = own
            .headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, value));
        let body = body_of(request).await?;
        let answer: OfOther = read(&body)?;
        let end: Timestamp = answer.expire_time.parse().map_err(|error| {
            let time = &answer.expire_time;
            Refusal::lasting(format!("the token's server answers {time:?} as its end: {error}"))
        })?;
        let left = end.as_second() - Timestamp::now().as_second();
        let life = Duration::from_secs(u64::try_from(left).unwrap_or_default());
        Ok(Granted::new("", &answer.access_token, Some(life)))
    }
}
