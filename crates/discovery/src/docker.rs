//! `docker_sd_configs`: the containers of a Docker engine, by its API
//! (<https://docs.docker.com/reference/api/engine/>).

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use skopos_config::{SdValues, TargetGroup};
use skopos_http_client::HttpClient;

use crate::discoveries::Setup;
use crate::error::DiscoveryError;
use crate::labels::{TargetLabels, host_port};
use crate::request;
use crate::source::{Output, Refresh, Rhythm, refresh};

const DEFAULT_INTERVAL: Duration = Duration::from_mins(1);
const DEFAULT_PORT: u64 = 80;

/// Begins to ask.
pub(crate) fn start(setup: Setup, output: Output) {
    let rhythm = Rhythm {
        mechanism: "docker",
        interval: setup.config.values().duration_or("refresh_interval", DEFAULT_INTERVAL),
    };
    tokio::spawn(refresh(move || DockerSource::new(&setup), rhythm, output));
}

struct DockerSource {
    client: HttpClient,
    base: String,
    /// The `filters` parameter, JSON.
    filters: String,
    port: u64,
    host_networking_host: String,
    first_network_only: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Network {
    id: String,
    name: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    internal: bool,
    #[serde(default)]
    ingress: bool,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    id: String,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    ports: Vec<Port>,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    host_config: HostConfig,
    #[serde(default)]
    network_settings: NetworkSettings,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HostConfig {
    #[serde(default)]
    network_mode: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NetworkSettings {
    #[serde(default)]
    networks: BTreeMap<String, Option<Endpoint>>,
}

#[derive(Debug, Deserialize)]
struct Endpoint {
    #[serde(rename = "NetworkID", default)]
    network_id: String,
    #[serde(rename = "IPAddress", default)]
    ip_address: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Port {
    #[serde(rename = "IP", default)]
    ip: String,
    #[serde(rename = "PrivatePort")]
    private: u16,
    #[serde(rename = "PublicPort", default)]
    public: u16,
    #[serde(rename = "Type")]
    kind: String,
}

impl DockerSource {
    fn new(setup: &Setup) -> Result<Self, DiscoveryError> {
        let values = setup.config.values();
        let host = values.text("host");
        let (client, base) = match host.split_once("://") {
            Some(("unix", path)) => {
                let client = HttpClient::over_unix_socket(setup.config.http_client(), setup.options(), path.as_ref())?;
                (client, "http://docker".to_owned())
            }
            Some(("tcp", address)) => {
                let tls = &setup.config.http_client().tls_config;
                let scheme = if tls.is_default() { "http" } else { "https" };
                (setup.client()?, format!("{scheme}://{address}"))
            }
            Some(("http" | "https", _)) => (setup.client()?, host.trim_end_matches('/').to_owned()),
            _ => {
                return Err(DiscoveryError::unusable(format!(
                    "docker host {host:?} is no address: write unix:///var/run/docker.sock, tcp://host:2375 or http://host:2375"
                )));
            }
        };
        Ok(Self {
            client,
            base,
            filters: filters(values),
            port: values.count_or("port", DEFAULT_PORT),
            host_networking_host: values.text_or("host_networking_host", "localhost").to_owned(),
            first_network_only: values.flag_or("match_first_network", true),
        })
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, filters: &str) -> Result<T, DiscoveryError> {
        let url = format!("{}{path}", self.base);
        let mut request = self.client.request(Method::GET, &url);
        if !filters.is_empty() {
            request = request.query(&[("filters", filters)]);
        }
        let response = request::send(&self.client, request, &url).await?;
        request::json(response, &url).await
    }

    /// The targets of a container: one for each network and TCP port.
    fn targets(
        &self,
        container: &Container,
        all: &BTreeMap<&str, &Container>,
        networks: &BTreeMap<&str, &Network>,
    ) -> Vec<TargetGroup> {
        let Some(name) = container.names.first() else {
            return Vec::new();
        };
        let mode = container.host_config.network_mode.as_str();
        let mut common = TargetLabels::default();
        common
            .set("__meta_docker_container_id", container.id.as_str())
            .set("__meta_docker_container_name", name.as_str())
            .set("__meta_docker_container_network_mode", mode)
            .set_each("__meta_docker_container_label_", container.labels.iter().flatten());
        let mut endpoints: Vec<&Endpoint> = endpoints(container, all).values().flatten().collect();
        if self.first_network_only {
            endpoints.truncate(1);
        }
        let of_endpoint = |endpoint: &Endpoint| {
            let mut labels = common.clone();
            labels.set("__meta_docker_network_ip", endpoint.ip_address.as_str());
            if let Some(network) = networks.get(endpoint.network_id.as_str()) {
                set_network(&mut labels, network);
            }
            self.targets_in(container, endpoint, &labels)
        };
        endpoints.into_iter().flat_map(of_endpoint).collect()
    }

    fn targets_in(&self, container: &Container, endpoint: &Endpoint, labels: &TargetLabels) -> Vec<TargetGroup> {
        let of_port = |port: &Port| {
            let mut labels = labels.clone();
            labels.set("__meta_docker_port_private", port.private.to_string());
            if port.public > 0 {
                labels.set("__meta_docker_port_public", port.public.to_string());
                labels.set("__meta_docker_port_public_ip", port.ip.as_str());
            }
            labels.at(host_port(&endpoint.ip_address, port.private))
        };
        let found: Vec<_> = container
            .ports
            .iter()
            .filter(|port| port.kind == "tcp")
            .map(of_port)
            .collect();
        if !found.is_empty() {
            return found;
        }
        let address = if container.host_config.network_mode == "host" {
            self.host_networking_host.clone()
        } else {
            host_port(&endpoint.ip_address, self.port)
        };
        vec![labels.clone().at(address)]
    }
}

/// The networks of a container, or of the one whose network it shares.
fn endpoints<'a>(
    container: &'a Container,
    all: &BTreeMap<&str, &'a Container>,
) -> &'a BTreeMap<String, Option<Endpoint>> {
    let mut holder = container;
    // A chain longer than all containers is a ring.
    for _ in 0..all.len() {
        if !holder.network_settings.networks.is_empty() {
            break;
        }
        let other = holder.host_config.network_mode.strip_prefix("container:");
        let Some(next) = other.and_then(|id| all.get(id)) else {
            break;
        };
        holder = next;
    }
    &holder.network_settings.networks
}

fn set_network(labels: &mut TargetLabels, network: &Network) {
    labels
        .set("__meta_docker_network_id", network.id.as_str())
        .set("__meta_docker_network_name", network.name.as_str())
        .set("__meta_docker_network_scope", network.scope.as_str())
        .set("__meta_docker_network_internal", network.internal.to_string())
        .set("__meta_docker_network_ingress", network.ingress.to_string())
        .set_each("__meta_docker_network_label_", network.labels.iter().flatten());
}

/// Docker's filter parameter: names with lists of values.
fn filters(values: SdValues<'_>) -> String {
    let filters: BTreeMap<&str, Vec<&str>> = values
        .list("filters")
        .map(|filter| (filter.text("name"), filter.texts("values")))
        .collect();
    if filters.is_empty() {
        return String::new();
    }
    serde_json::to_string(&filters).expect("texts are JSON")
}

impl Refresh for DockerSource {
    async fn refresh(&mut self) -> Result<Vec<TargetGroup>, DiscoveryError> {
        let networks: Vec<Network> = self.get("/networks", "").await?;
        let containers: Vec<Container> = self.get("/containers/json", &self.filters).await?;
        let networks = networks.iter().map(|network| (network.id.as_str(), network)).collect();
        let by_id = containers
            .iter()
            .map(|container| (container.id.as_str(), container))
            .collect();
        let targets = containers
            .iter()
            .flat_map(|container| self.targets(container, &by_id, &networks));
        Ok(targets.collect())
    }
}
