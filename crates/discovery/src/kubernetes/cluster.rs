//! Where the cluster is, which of its namespaces are wanted, and questions to it.

use std::path::Path;
use std::sync::Arc;

use reqwest::{Method, Response};
use skopos_config::{Authorization, HttpClientConfig, TlsConfig};
use skopos_http_client::HttpClient;

use crate::discoveries::{Setup, client_options};
use crate::error::DiscoveryError;
use crate::monitors::ClusterAccess;
use crate::request;

use super::kubeconfig;

/// What each pod is given to ask the cluster that it runs in.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The API of a cluster.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    client: Arc<HttpClient>,
    server: String,
    /// The wanted namespaces; none for all.
    pub(super) namespaces: Vec<String>,
}

impl Cluster {
    /// The cluster of a discovery's settings, or the one that we run in.
    pub(super) fn new(setup: &Setup) -> Result<Self, DiscoveryError> {
        let values = setup.config.values();
        let access = ClusterAccess {
            api_server: values.text("api_server").to_owned(),
            kubeconfig_file: values.text("kubeconfig_file").to_owned(),
        };
        let mut cluster = Self::asked_with(&access, setup.config.http_client(), &setup.folder)?;
        let wanted = values.section("namespaces");
        let mut namespaces: Vec<String> = wanted.texts("names").into_iter().map(str::to_owned).collect();
        if wanted.flag_or("own_namespace", false) {
            let file = Path::new(SERVICE_ACCOUNT).join("namespace");
            let own = std::fs::read_to_string(&file)
                .map_err(|error| DiscoveryError::unusable(format!("own_namespace: {}: {error}", file.display())))?;
            namespaces.push(own.trim().to_owned());
        }
        namespaces.sort();
        namespaces.dedup();
        cluster.namespaces = namespaces;
        Ok(cluster)
    }

    /// All namespaces of a cluster. Relative file names start at `folder`.
    pub(super) fn at(access: &ClusterAccess, folder: &Path) -> Result<Self, DiscoveryError> {
        Self::asked_with(access, &HttpClientConfig::default(), folder)
    }

    /// `written` are the settings beside `api_server`; elsewhere they come from the cluster.
    fn asked_with(access: &ClusterAccess, written: &HttpClientConfig, folder: &Path) -> Result<Self, DiscoveryError> {
        let (server, config) = if !access.kubeconfig_file.is_empty() {
            let access = kubeconfig::read(&folder.join(&access.kubeconfig_file))?;
            (access.server, access.client)
        } else if !access.api_server.is_empty() {
            (access.api_server.trim_end_matches('/').to_owned(), written.clone())
        } else {
            around_us()?
        };
        Ok(Self {
            client: Arc::new(HttpClient::new(&config, client_options(folder))?),
            server,
            namespaces: Vec::new(),
        })
    }

    /// Asks for a path with parameters; `within` bounds the whole answer.
    pub(super) async fn get(
        &self,
        path: &str,
        parameters: &[(&str, String)],
        within: std::time::Duration,
    ) -> Result<Response, DiscoveryError> {
        let url = self.url(path);
        let request = self.client.request(Method::GET, &url).query(parameters);
        request::send_within(&self.client, request, &url, within).await
    }

    /// The URL of a path, as errors name it.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server)
    }
}

/// The cluster that this process runs in.
fn around_us() -> Result<(String, HttpClientConfig), DiscoveryError> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let host = variable("KUBERNETES_SERVICE_HOST");
    let port = variable("KUBERNETES_SERVICE_PORT");
    let (Some(host), Some(port)) = (host, port) else {
        return Err(DiscoveryError::unusable(
            "this process runs in no Kubernetes cluster (KUBERNETES_SERVICE_HOST is not set): set api_server or kubeconfig_file",
        ));
    };
    let config = HttpClientConfig {
        authorization: Some(Authorization {
            scheme: "Bearer".to_owned(),
            credentials_file: format!("{SERVICE_ACCOUNT}/token"),
            ..Authorization::default()
        }),
        tls_config: TlsConfig {
            ca_file: format!("{SERVICE_ACCOUNT}/ca.crt"),
            ..TlsConfig::default()
        },
        ..HttpClientConfig::default()
    };
    Ok((format!("https://{}", crate::labels::host_port(&host, port)), config))
}
