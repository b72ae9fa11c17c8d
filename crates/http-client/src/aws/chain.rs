//! Whose keys and which region at the time of a request: of the settings, a profile, the environment or the instance we run
//! on, and the role that they assume.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use skopos_config::SigV4Config;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use super::{Credentials, CredentialsError, KeySettings, Signer, assume_role_form, form_request};
use crate::{HttpClient, describe};

/// Where an instance of EC2 asks about itself
/// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>).
const METADATA: &str = "http://169.254.169.254";
const METADATA_TIMEOUT: Duration = Duration::from_secs(5);
const STS_TIMEOUT: Duration = Duration::from_secs(30);
/// Keys that end are asked for again after this time, well before the hour that they last.
const RENEW_AFTER: Duration = Duration::from_mins(30);
/// How much of a refusal is shown.
const SHOWN_CHARS: usize = 200;

/// A request to Amazon cannot be signed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AwsError {
    /// There are no keys.
    #[error("{0}")]
    Credentials(#[from] CredentialsError),
    /// Neither settings, profile nor environment have keys, and the instance we run on has no role.
    #[error("{own}; and this machine has no role of EC2: {instance}")]
    NoKeys {
        /// What the search for keys ended with.
        own: CredentialsError,
        /// What the instance said.
        instance: String,
    },
    /// The region is not known.
    #[error("no region: set region or AWS_REGION (outside EC2 it is not known: {reason})")]
    NoRegion {
        /// What the instance said.
        reason: String,
    },
    /// An endpoint is no URL.
    #[error("{url:?} is not a URL: {reason}")]
    Url {
        /// As it was given.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// No answer, a broken one, or a refusal.
    #[error("{url}: {reason}")]
    Answer {
        /// What was asked.
        url: String,
        /// What came.
        reason: String,
    },
}

/// Keys and region, found when they are asked for, and kept for half an hour.
#[derive(Debug)]
pub struct KeyChain {
    settings: SigV4Config,
    metadata: String,
    /// Empty for that of the region.
    sts: String,
    found: Mutex<Found>,
}

#[derive(Debug, Default)]
struct Found {
    region: String,
    keys: Option<(Credentials, Instant)>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RoleKeys {
    access_key_id: String,
    secret_access_key: String,
    token: String,
}

impl KeyChain {
    /// Looks first where the settings say. Amazon's own variables tell the rest: `AWS_REGION`, `AWS_DEFAULT_REGION`,
    /// `AWS_EC2_METADATA_SERVICE_ENDPOINT`, `AWS_ENDPOINT_URL_STS`.
    pub fn new(settings: SigV4Config) -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let configured = Some(settings.region.clone()).filter(|region| !region.is_empty());
        let region = configured
            .or_else(|| variable("AWS_REGION"))
            .or_else(|| variable("AWS_DEFAULT_REGION"));
        let address = |name: &str| variable(name).map(|url| url.trim_end_matches('/').to_owned());
        Self {
            settings,
            metadata: address("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or_else(|| METADATA.to_owned()),
            sts: address("AWS_ENDPOINT_URL_STS").unwrap_or_default(),
            found: Mutex::new(Found {
                region: region.unwrap_or_default(),
                keys: None,
            }),
        }
    }

    /// The region of the settings, of the environment, or that of the instance we run on.
    pub async fn region(&self, client: &HttpClient) -> Result<String, AwsError> {
        let mut found = self.found.lock().await;
        self.region_of(&mut found, client).await
    }

    async fn region_of(&self, found: &mut Found, client: &HttpClient) -> Result<String, AwsError> {
        if found.region.is_empty() {
            let told = self.metadata(client, "placement/region").await;
            let told = told.map_err(|error| AwsError::NoRegion {
                reason: error.to_string(),
            })?;
            told.trim().clone_into(&mut found.region);
        }
        Ok(found.region.clone())
    }

    /// The keys that hold now.
    pub async fn credentials(&self, client: &HttpClient) -> Result<Credentials, AwsError> {
        let mut found = self.found.lock().await;
        let now = Instant::now();
        if let Some((keys, until)) = &found.keys
            && now < *until
        {
            return Ok(keys.clone());
        }
        let own = self.own(client).await?;
        let keys = if self.settings.role_arn.is_empty() {
            own
        } else {
            let region = self.region_of(&mut found, client).await?;
            self.assumed(client, &region, &own).await?
        };
        found.keys = Some((keys.clone(), now + RENEW_AFTER));
        Ok(keys)
    }

    async fn own(&self, client: &HttpClient) -> Result<Credentials, AwsError> {
        let settings = KeySettings {
            access_key: &self.settings.access_key,
            secret_key: self.settings.secret_key.expose(),
            profile: &self.settings.profile,
        };
        match Credentials::find(settings).await {
            Ok(own) => Ok(own),
            Err(own) if self.settings.profile.is_empty() => {
                let of_instance = self.of_instance(client).await;
                of_instance.map_err(|instance| AwsError::NoKeys {
                    own,
                    instance: instance.to_string(),
                })
            }
            Err(own) => Err(own.into()),
        }
    }

    /// Keys for an hour in the role of the settings.
    async fn assumed(&self, client: &HttpClient, region: &str, own: &Credentials) -> Result<Credentials, AwsError> {
        let url = match (self.sts.as_str(), self.settings.use_fips_sts_endpoint) {
            ("", false) => format!("https://sts.{region}.amazonaws.com/"),
            ("", true) => format!("https://sts-fips.{region}.amazonaws.com/"),
            (url, _) => format!("{url}/"),
        };
        let parsed = parse(&url)?;
        let signer = Signer {
            region,
            service: "sts",
            credentials: own,
        };
        let form = assume_role_form(&self.settings.role_arn, &self.settings.external_id);
        let request = form_request(client, &parsed, &signer, &form, Timestamp::now()).timeout(STS_TIMEOUT);
        Ok(Credentials::of_assumed_role(&text(request, &url).await?)?)
    }

    /// The keys of the role of the instance we run on.
    async fn of_instance(&self, client: &HttpClient) -> Result<Credentials, AwsError> {
        let role = self.metadata(client, "iam/security-credentials/").await?;
        let role = role.lines().next().unwrap_or_default();
        let answer = self
            .metadata(client, &format!("iam/security-credentials/{role}"))
            .await?;
        let keys: RoleKeys = serde_json::from_str(&answer).map_err(|error| AwsError::Answer {
            url: self.metadata.clone(),
            reason: format!("the keys of role {role:?} cannot be read: {error}"),
        })?;
        Ok(Credentials {
            access_key: keys.access_key_id,
            secret_key: keys.secret_access_key,
            session_token: keys.token,
        })
    }

    /// A text of the instance's metadata, with a session token (IMDSv2).
    async fn metadata(&self, client: &HttpClient, path: &str) -> Result<String, AwsError> {
        let url = format!("{}/latest/api/token", self.metadata);
        let request = client
            .request(Method::PUT, &url)
            .header("X-aws-ec2-metadata-token-ttl-seconds", "60");
        let token = text(request.timeout(METADATA_TIMEOUT), &url).await?;
        let url = format!("{}/latest/meta-data/{path}", self.metadata);
        let request = client
            .request(Method::GET, &url)
            .header("X-aws-ec2-metadata-token", token.trim());
        text(request.timeout(METADATA_TIMEOUT), &url).await
    }
}

/// Signs requests to one service with the keys of the moment.
#[derive(Debug)]
pub struct RequestSigner {
    chain: KeyChain,
    service: &'static str,
}

impl RequestSigner {
    /// Signs for a service, such as `aps`, Amazon's Prometheus.
    pub fn new(settings: SigV4Config, service: &'static str) -> Self {
        Self {
            chain: KeyChain::new(settings),
            service,
        }
    }

    /// `request`, a POST to `url`, with a body and the headers of its signature.
    pub async fn signed(
        &self,
        client: &HttpClient,
        request: RequestBuilder,
        url: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<RequestBuilder, AwsError> {
        let credentials = self.chain.credentials(client).await?;
        let signer = Signer {
            region: &self.chain.region(client).await?,
            service: self.service,
            credentials: &credentials,
        };
        let headers = signer.sign(&parse(url)?, content_type, &body, Timestamp::now());
        let signed = headers
            .into_iter()
            .fold(request, |request, (name, value)| request.header(name, value));
        Ok(signed.body(body))
    }
}

fn parse(url: &str) -> Result<Url, AwsError> {
    Url::parse(url).map_err(|error| AwsError::Url {
        url: url.to_owned(),
        reason: error.to_string(),
    })
}

/// The text of a successful answer.
async fn text(request: RequestBuilder, url: &str) -> Result<String, AwsError> {
    let failed = |reason: String| AwsError::Answer {
        url: url.to_owned(),
        reason,
    };
    let answer = request.send().await.map_err(|error| failed(describe(&error)))?;
    let status = answer.status();
    let body = answer.text().await.map_err(|error| failed(describe(&error)))?;
    if status.is_success() {
        return Ok(body);
    }
    let shown: String = body.chars().take(SHOWN_CHARS).collect();
    Err(failed(format!("{status}: {}", shown.trim())))
}
