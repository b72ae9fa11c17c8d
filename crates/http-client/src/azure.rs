//! Tokens of Microsoft Entra ID, as `azuread` of `remote_write` asks for them.
//!
//! ```text
//!   oauth, workload_identity ─▶ application ─▶ the authority of the cloud
//!   managed_identity ────────▶ machine ─────▶ IMDS, App Service or Azure Arc, on the machine itself
//!   sdk ─▶ found: whichever of them the environment speaks of
//! ```

mod application;
mod found;
mod machine;

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Client;
use skopos_config::{AzureAdConfig, AzureCloud, AzureIdentity};
use url::{Host, Url};

use crate::token::{Granted, Refusal, TIMEOUT, TokenCache};
use crate::{ClientOptions, HttpClientError, Variables, describe};
use machine::Machine;

/// Asks for tokens and keeps them for half of their life, as Prometheus does.
#[derive(Debug)]
pub(crate) struct AzureAd {
    config: AzureAdConfig,
    client: Client,
    machine: Machine,
    /// Without a slash at the end.
    authority: String,
    scope: String,
    folder: PathBuf,
    variables: Variables,
    cache: TokenCache,
}

impl AzureAd {
    pub(crate) fn new(
        config: &AzureAdConfig,
        options: ClientOptions<'_>,
        variables: Variables,
    ) -> Result<Self, HttpClientError> {
        let client = Client::builder().user_agent(options.user_agent).timeout(TIMEOUT);
        let (host, default_scope) = match config.cloud {
            AzureCloud::AzurePublic => (
                "https://login.microsoftonline.com",
                "https://monitor.azure.com//.default",
            ),
            AzureCloud::AzureChina => ("https://login.chinacloudapi.cn", "https://monitor.azure.cn//.default"),
            AzureCloud::AzureGovernment => ("https://login.microsoftonline.us", "https://monitor.azure.us//.default"),
        };
        let authority = variables.get("AZURE_AUTHORITY_HOST").unwrap_or(host);
        check_authority(authority)?;
        let scope = if config.scope.is_empty() {
            default_scope
        } else {
            &config.scope
        };
        Ok(Self {
            config: config.clone(),
            client: client
                .build()
                .map_err(|error| HttpClientError::unusable(describe(&error)))?,
            machine: Machine::new(options, &variables)?,
            authority: authority.trim_end_matches('/').to_owned(),
            scope: scope.to_owned(),
            folder: options.folder.to_owned(),
            variables,
            cache: TokenCache::default(),
        })
    }

    /// The headers of a request.
    pub(crate) async fn headers(&self) -> Result<Vec<(&'static str, String)>, HttpClientError> {
        let headers = self.cache.headers("", half_life, self.fetch()).await;
        headers.map_err(|refusal| refusal.of("azuread"))
    }

    /// Forgets the token; whether there was one.
    pub(crate) async fn forget(&self) -> bool {
        self.cache.forget().await
    }

    async fn fetch(&self) -> Result<Granted, Refusal> {
        match &self.config.identity {
            AzureIdentity::ManagedIdentity(identity) => self.machine.token(self.resource(), &identity.client_id).await,
            AzureIdentity::OAuth(application) => {
                let secret = application.client_secret.expose();
                self.of_secret(&application.tenant_id, &application.client_id, secret)
                    .await
            }
            AzureIdentity::WorkloadIdentity(workload) => {
                let file = Path::new(&workload.token_file_path);
                self.of_workload(&workload.tenant_id, &workload.client_id, file).await
            }
            AzureIdentity::Sdk(sdk) => self.found(&sdk.tenant_id).await,
        }
    }

    /// What machines call a scope.
    fn resource(&self) -> &str {
        self.scope.strip_suffix("/.default").unwrap_or(&self.scope)
    }
}

fn half_life(life: Duration) -> Duration {
    life / 2
}

/// A secret goes to the authority, so it has TLS or is on this machine.
fn check_authority(authority: &str) -> Result<(), HttpClientError> {
    let unusable = |what: &str| HttpClientError::unusable(format!("AZURE_AUTHORITY_HOST is {authority:?}, {what}"));
    let url = Url::parse(authority).map_err(|error| unusable(&format!("which is not a URL: {error}")))?;
    let is_here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if url.scheme() == "https" || is_here {
        return Ok(());
    }
    Err(unusable("to which secrets would go in the clear: use https"))
}
