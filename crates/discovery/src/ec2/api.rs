//! Signed questions to EC2.

use jiff::Timestamp;
use skopos_config::{Secret, SigV4Config};
use skopos_http_client::HttpClient;
use skopos_http_client::aws::{AwsError, KeyChain, Signer, form_request};
use url::Url;

use crate::discoveries::Setup;
use crate::error::DiscoveryError;
use crate::request;

const VERSION: &str = "2016-11-15";

/// The API of one region.
#[derive(Debug)]
pub(super) struct Api {
    client: HttpClient,
    keys: KeyChain,
    endpoint: String,
    region: String,
}

impl Api {
    pub(super) fn new(setup: &Setup) -> Result<Self, DiscoveryError> {
        let values = setup.config.values();
        let text = |key: &str| values.text(key).to_owned();
        Ok(Self {
            client: setup.client()?,
            keys: KeyChain::new(SigV4Config {
                region: text("region"),
                access_key: text("access_key"),
                secret_key: Secret::new(text("secret_key")),
                profile: text("profile"),
                role_arn: text("role_arn"),
                external_id: text("external_id"),
                use_fips_sts_endpoint: false,
            }),
            endpoint: text("endpoint"),
            region: String::new(),
        })
    }

    /// The region of the settings, of the environment, or that of the instance we run on.
    pub(super) async fn region(&mut self) -> Result<String, DiscoveryError> {
        self.region = self.keys.region(&self.client).await.map_err(|error| unusable(&error))?;
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
        let credentials = self
            .keys
            .credentials(&self.client)
            .await
            .map_err(|error| unusable(&error))?;
        let mut all = vec![
            ("Action".to_owned(), action.to_owned()),
            ("Version".to_owned(), VERSION.to_owned()),
        ];
        all.extend_from_slice(form);
        let url = self.url();
        let parsed =
            Url::parse(&url).map_err(|error| DiscoveryError::unusable(format!("endpoint {url:?}: {error}")))?;
        let signer = Signer {
            region: &self.region,
            service: "ec2",
            credentials: &credentials,
        };
        let request = form_request(&self.client, &parsed, &signer, &all, Timestamp::now());
        let response = request::send(&self.client, request, &url).await?;
        let body = request::body(response, &url).await?;
        String::from_utf8(body).map_err(|error| DiscoveryError::unreadable(&url, error))
    }
}

fn unusable(error: &AwsError) -> DiscoveryError {
    DiscoveryError::unusable(format!("EC2 discovery: {error}"))
}
