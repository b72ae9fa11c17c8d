//! Signed questions to EC2, and where keys and region come from.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use skopos_http_client::HttpClient;
use skopos_http_client::aws::{Credentials, KeySettings, Signer, assume_role_form, form_request};
use url::Url;

use crate::discoveries::Setup;
use crate::error::DiscoveryError;
use crate::request;

const VERSION: &str = "2016-11-15";
/// Where an instance of EC2 asks about itself
/// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>).
const METADATA: &str = "http://169.254.169.254";
const METADATA_TIMEOUT: Duration = Duration::from_secs(5);
/// Keys that end are asked for again after this time, well before the hour that they last.
const RENEW_AFTER: Duration = Duration::from_mins(30);

/// The API of one region.
#[derive(Debug)]
pub(super) struct Api {
    client: HttpClient,
    access_key: String,
    secret_key: String,
    profile: String,
    role_arn: String,
    external_id: String,
    endpoint: String,
    region: String,
    metadata: String,
    credentials: Option<(Credentials, tokio::time::Instant)>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RoleKeys {
    access_key_id: String,
    secret_access_key: String,
    token: String,
}

impl Api {
    pub(super) fn new(setup: &Setup) -> Result<Self, DiscoveryError> {
        let values = setup.config.values();
        let text = |key: &str| values.text(key).to_owned();
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let region = Some(text("region")).filter(|region| !region.is_empty());
        Ok(Self {
            client: setup.client()?,
            access_key: text("access_key"),
            secret_key: text("secret_key"),
            profile: text("profile"),
            role_arn: text("role_arn"),
            external_id: text("external_id"),
            endpoint: text("endpoint"),
            region: region
                .or_else(|| variable("AWS_REGION"))
                .or_else(|| variable("AWS_DEFAULT_REGION"))
                .unwrap_or_default(),
            // The variable is that of Amazon's own clients.
            metadata: variable("AWS_EC2_METADATA_SERVICE_ENDPOINT")
                .map_or_else(|| METADATA.to_owned(), |url| url.trim_end_matches('/').to_owned()),
            credentials: None,
        })
    }

    /// The region of the settings, of the environment, or that of the instance we run on.
    pub(super) async fn region(&mut self) -> Result<String, DiscoveryError> {
        if self.region.is_empty() {
            let found = self.metadata("placement/region").await.map_err(|error| {
                DiscoveryError::unusable(format!(
                    "EC2 discovery has no region: set region or AWS_REGION (outside EC2 it is not known: {error})"
                ))
            })?;
            found.trim().clone_into(&mut self.region);
        }
        Ok(self.region.clone())
    }

    /// The address of the API.
    pub(super) fn url(&self) -> String {
        match self.endpoint.as_str() {
            "" => format!("https://ec2.{}.amazonaws.com/", self.region),
            endpoint if endpoint.contains("://") => endpoint.to_owned(),
            host => format!("https://{host}/"),
        }
    }

    /// Carries out an action; gives the answer's XML.
    pub(super) async fn call(&mut self, action: &str, form: &[(String, String)]) -> Result<String, DiscoveryError> {
        let credentials = self.credentials().await?;
        let mut all = vec![
            ("Action".to_owned(), action.to_owned()),
            ("Version".to_owned(), VERSION.to_owned()),
        ];
        all.extend_from_slice(form);
        self.post(&self.url(), "ec2", &credentials, &all).await
    }

    async fn post(
        &self,
        url: &str,
        service: &str,
        credentials: &Credentials,
        form: &[(String, String)],
    ) -> Result<String, DiscoveryError> {
        let parsed = Url::parse(url).map_err(|error| DiscoveryError::unusable(format!("endpoint {url:?}: {error}")))?;
        let signer = Signer {
            region: &self.region,
            service,
            credentials,
        };
        let request = form_request(&self.client, &parsed, &signer, form, Timestamp::now());
        let response = request::send(&self.client, request, url).await?;
        let body = request::body(response, url).await?;
        String::from_utf8(body).map_err(|error| DiscoveryError::unreadable(url, error))
    }

    async fn credentials(&mut self) -> Result<Credentials, DiscoveryError> {
        let now = tokio::time::Instant::now();
        if let Some((credentials, until)) = &self.credentials
            && now < *until
        {
            return Ok(credentials.clone());
        }
        let settings = KeySettings {
            access_key: &self.access_key,
            secret_key: &self.secret_key,
            profile: &self.profile,
        };
        let own = match Credentials::find(settings).await {
            Ok(own) => own,
            Err(error) if self.profile.is_empty() => self.of_instance().await.map_err(|instance| {
                DiscoveryError::unusable(format!("{error}; and this machine has no role of EC2: {instance}"))
            })?,
            Err(error) => return Err(DiscoveryError::unusable(error.to_string())),
        };
        let credentials = if self.role_arn.is_empty() {
            own
        } else {
            let form = assume_role_form(&self.role_arn, &self.external_id);
            let url = format!("https://sts.{}.amazonaws.com/", self.region);
            let answer = self.post(&url, "sts", &own, &form).await?;
            Credentials::of_assumed_role(&answer).map_err(|error| DiscoveryError::unusable(error.to_string()))?
        };
        self.credentials = Some((credentials.clone(), now + RENEW_AFTER));
        Ok(credentials)
    }

    /// The keys of the role of the instance we run on.
    async fn of_instance(&self) -> Result<Credentials, DiscoveryError> {
        let role = self.metadata("iam/security-credentials/").await?;
        let role = role.lines().next().unwrap_or_default();
        let path = format!("iam/security-credentials/{role}");
        let keys: RoleKeys = serde_json::from_str(&self.metadata(&path).await?)
            .map_err(|error| DiscoveryError::unreadable(&self.metadata, error))?;
        Ok(Credentials {
            access_key: keys.access_key_id,
            secret_key: keys.secret_access_key,
            session_token: keys.token,
        })
    }

    /// A text of the instance's metadata, with a session token (IMDSv2).
    async fn metadata(&self, path: &str) -> Result<String, DiscoveryError> {
        let url = format!("{}/latest/api/token", self.metadata);
        let request = self
            .client
            .request(Method::PUT, &url)
            .header("X-aws-ec2-metadata-token-ttl-seconds", "60");
        let token = self.metadata_text(request, &url).await?;
        let url = format!("{}/latest/meta-data/{path}", self.metadata);
        let request = self
            .client
            .request(Method::GET, &url)
            .header("X-aws-ec2-metadata-token", token.trim());
        self.metadata_text(request, &url).await
    }

    async fn metadata_text(&self, request: reqwest::RequestBuilder, url: &str) -> Result<String, DiscoveryError> {
        let response = request::send_within(&self.client, request, url, METADATA_TIMEOUT).await?;
        let body = request::body(response, url).await?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }
}
