//! The identity of the machine we run on, by one of three doors: IMDS of a virtual machine, App Service, Azure Arc
//! (<https://learn.microsoft.com/en-us/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>).

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::WWW_AUTHENTICATE;
use reqwest::{Client, RequestBuilder, StatusCode};
use skopos_config::Secret;
use url::Url;

use crate::token::{Granted, Refusal, ask};
use crate::{ClientOptions, HttpClientError, Variables, describe};

/// Where a virtual machine of Azure asks about itself.
const IMDS: &str = "http://169.254.169.254";
/// Where Arc's agent puts the proof that we may read its files.
const ARC_FOLDER: &str = "/var/opt/azcmagent/tokens";
const MAX_ARC_PROOF_BYTES: usize = 4096;
const TIMEOUT: Duration = Duration::from_secs(5);

/// Who gives tokens on this machine.
#[derive(Debug)]
pub(super) struct Machine {
    client: Client,
    door: Door,
}

#[derive(Debug)]
enum Door {
    Imds { url: String },
    AppService { url: String, header: Secret },
    Arc { url: String, folder: PathBuf },
}

impl Machine {
    /// The environment tells which door there is.
    pub(super) fn new(options: ClientOptions<'_>, variables: &Variables) -> Result<Self, HttpClientError> {
        let endpoint = variables.get("IDENTITY_ENDPOINT");
        let door = if let (Some(url), Some(header)) = (endpoint, variables.get("IDENTITY_HEADER")) {
            Door::AppService {
                url: url.to_owned(),
                header: Secret::new(header),
            }
        } else if let (Some(url), Some(_)) = (endpoint, variables.get("IMDS_ENDPOINT")) {
            Door::Arc {
                url: url.to_owned(),
                folder: ARC_FOLDER.into(),
            }
        } else {
            let host = variables.get("AZURE_POD_IDENTITY_AUTHORITY_HOST").unwrap_or(IMDS);
            Door::Imds {
                url: format!("{}/metadata/identity/oauth2/token", host.trim_end_matches('/')),
            }
        };
        // What is on the machine is not to be asked through a proxy.
        let client = Client::builder().user_agent(options.user_agent).timeout(TIMEOUT);
        let client = client.no_proxy().build();
        Ok(Self {
            client: client.map_err(|error| HttpClientError::unusable(describe(&error)))?,
            door,
        })
    }

    /// A token for `resource`, of one of the machine's identities or, where `client_id` is empty, its own.
    pub(super) async fn token(&self, resource: &str, client_id: &str) -> Result<Granted, Refusal> {
        match &self.door {
            Door::Imds { url } => {
                let request = self.request(url, "2018-02-01", resource, client_id)?;
                ask(request.header("Metadata", "true"))
                    .await
                    .map_err(|refusal| Refusal {
                        reason: format!("{url}: {}", refusal.reason),
                        ..refusal
                    })
            }
            Door::AppService { url, header } => {
                let request = self.request(url, "2019-08-01", resource, client_id)?;
                ask(request.header("X-IDENTITY-HEADER", header.expose())).await
            }
            Door::Arc { .. } if !client_id.is_empty() => Err(Refusal::lasting(
                "Azure Arc gives a machine one identity alone: remove client_id or AZURE_CLIENT_ID",
            )),
            Door::Arc { url, folder } => {
                let asked = || self.request(url, "2020-06-01", resource, "");
                let proof = challenged(asked()?.header("Metadata", "true"), folder).await?;
                let request = asked()?.header("Metadata", "true");
                ask(request.header("Authorization", format!("Basic {proof}"))).await
            }
        }
    }

    fn request(&self, url: &str, version: &str, resource: &str, client_id: &str) -> Result<RequestBuilder, Refusal> {
        let url = Url::parse(url);
        let mut url = url.map_err(|error| Refusal::lasting(format!("the machine's endpoint is not a URL: {error}")))?;
        url.query_pairs_mut()
            .append_pair("api-version", version)
            .append_pair("resource", resource);
        if !client_id.is_empty() {
            url.query_pairs_mut().append_pair("client_id", client_id);
        }
        Ok(self.client.get(url))
    }
}

/// Arc's agent answers the first request with the name of a file that only its group may read; what stands in it
/// goes with the second.
async fn challenged(request: RequestBuilder, folder: &Path) -> Result<String, Refusal> {
    let answer = request.send().await;
    let answer = answer.map_err(|error| Refusal::passing(describe(&error)))?;
    let named = answer.headers().get(WWW_AUTHENTICATE);
    let named = named.and_then(|value| value.to_str().ok()?.strip_prefix("Basic realm="));
    let (StatusCode::UNAUTHORIZED, Some(named)) = (answer.status(), named) else {
        let status = answer.status();
        return Err(Refusal::lasting(format!(
            "Azure Arc answers {status} and names no file to prove ourselves by"
        )));
    };
    let path = Path::new(named.trim_matches('"'));
    let is_expected = path.parent() == Some(folder) && path.extension().is_some_and(|extension| extension == "key");
    if !is_expected {
        let folder = folder.display();
        return Err(Refusal::lasting(format!(
            "Azure Arc names {named:?}, which is no .key file in {folder}"
        )));
    }
    let proof = tokio::fs::read_to_string(path).await.map_err(|error| {
        let path = path.display();
        Refusal::passing(format!(
            "unable to read {path}: {error}; is the user of this process in the group himds?"
        ))
    })?;
    if proof.len() > MAX_ARC_PROOF_BYTES {
        let path = path.display();
        return Err(Refusal::lasting(format!(
            "{path} has more than {MAX_ARC_PROOF_BYTES} bytes"
        )));
    }
    Ok(proof.trim().to_owned())
}

#[cfg(test)]
mod tests;
