//! `consul_sd_configs`: the catalog of Consul, followed by blocking queries
//! (<https://developer.hashicorp.com/consul/api-docs/features/blocking>).

mod service;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use skopos_config::TargetGroup;
use skopos_http_client::HttpClient;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use url::Url;

use crate::discoveries::Setup;
use crate::error::DiscoveryError;
use crate::request;
use crate::source::{Output, count};

const MECHANISM: &str = "consul";
const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);
/// How long Consul may hold back an answer until something changes.
const WAIT: Duration = Duration::from_mins(2);
/// Consul adds up to a sixteenth to the wait.
const ANSWER_WITHIN: Duration = Duration::from_secs(150);
/// The pause after a failure.
const RETRY: Duration = Duration::from_secs(15);
/// Changes of services that may wait.
const MAX_WAITING: usize = 64;
/// Changes that come together are told together.
const SETTLE: Duration = Duration::from_millis(100);

/// Begins to follow the catalog.
pub(crate) fn start(setup: Setup, output: Output) {
    output.run(|output| follow(setup, output));
}

async fn follow(setup: Setup, output: Output) {
    let agent = loop {
        match Agent::new(&setup).await {
            Ok(agent) => break Arc::new(agent),
            Err(error) => {
                failed(&error);
                if !output.send(Vec::new()).await || !output.pause(RETRY).await {
                    return;
                }
            }
        }
    };
    let (changes, mut changed) = mpsc::channel(MAX_WAITING);
    let (names, mut named) = mpsc::channel(1);
    let catalog = tokio::spawn(follow_catalog(Arc::clone(&agent), names));
    let _ends_with_this = EndWith(catalog.abort_handle());
    let mut services = Services {
        agent,
        changes,
        known: BTreeMap::new(),
    };
    loop {
        tokio::select! {
            names = named.recv() => match names {
                Some(names) => services.keep(names),
                None => return,
            },
            change = changed.recv() => match change {
                Some((name, groups)) => services.set(&name, groups),
                None => return,
            },
        }
        tokio::time::sleep(SETTLE).await;
        while let Ok((name, groups)) = changed.try_recv() {
            services.set(&name, groups);
        }
        if let Some(groups) = services.groups()
            && !output.send(groups).await
        {
            return;
        }
    }
}

fn failed(error: &DiscoveryError) {
    count(MECHANISM, "failed");
    tracing::error!(mechanism = MECHANISM, %error, "discovery failed; its last targets stay");
}

/// Ends a task with its holder.
#[derive(Debug)]
struct EndWith(AbortHandle);

impl Drop for EndWith {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The services that are followed.
struct Services {
    agent: Arc<Agent>,
    changes: mpsc::Sender<(String, Vec<TargetGroup>)>,
    /// By name; `None` until Consul has answered once.
    known: BTreeMap<String, (EndWith, Option<Vec<TargetGroup>>)>,
}

impl Services {
    /// Follows these services and no others.
    fn keep(&mut self, names: BTreeSet<String>) {
        self.known.retain(|name, _| names.contains(name));
        for name in names {
            if !self.known.contains_key(&name) {
                let task = service::follow(Arc::clone(&self.agent), name.clone(), self.changes.clone());
                let end = EndWith(tokio::spawn(task).abort_handle());
                self.known.insert(name, (end, None));
            }
        }
    }

    fn set(&mut self, name: &str, groups: Vec<TargetGroup>) {
        if let Some((_, known)) = self.known.get_mut(name) {
            *known = Some(groups);
        }
    }

    /// All targets, once each service has been asked.
    fn groups(&self) -> Option<Vec<TargetGroup>> {
        let mut all = Vec::new();
        for (_, groups) in self.known.values() {
            all.extend_from_slice(groups.as_deref()?);
        }
        Some(all)
    }
}

/// Names the services that are wanted, again whenever they change.
async fn follow_catalog(agent: Arc<Agent>, names: mpsc::Sender<BTreeSet<String>>) {
    let mut index = 0;
    let mut last = None;
    loop {
        let asked = Instant::now();
        match agent.services(index).await {
            Ok((new_index, found)) => {
                count(MECHANISM, "ok");
                index = new_index;
                if last.as_ref() != Some(&found) {
                    last = Some(found.clone());
                    if names.send(found).await.is_err() {
                        return;
                    }
                }
                tokio::time::sleep_until(asked + agent.interval).await;
            }
            Err(error) => {
                failed(&error);
                index = 0;
                if last.is_none() {
                    last = Some(BTreeSet::new());
                    if names.send(BTreeSet::new()).await.is_err() {
                        return;
                    }
                }
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// Consul, and what is asked of it.
#[derive(Debug)]
struct Agent {
    client: HttpClient,
    base: Url,
    token: String,
    /// Name and password of `username` and `password`.
    basic: Option<(String, String)>,
    datacenter: String,
    /// Parameters of every question.
    parameters: Vec<(&'static str, String)>,
    services: Vec<String>,
    tags: Vec<String>,
    filter: String,
    health_filter: String,
    separator: String,
    interval: Duration,
}

#[derive(Debug, Deserialize)]
struct About {
    #[serde(rename = "Config")]
    config: AboutConfig,
}

#[derive(Debug, Deserialize)]
struct AboutConfig {
    #[serde(rename = "Datacenter")]
    datacenter: String,
}

impl Agent {
    /// Reads the settings; asks for the datacenter where they do not name it.
    async fn new(setup: &Setup) -> Result<Self, DiscoveryError> {
        let values = setup.config.values();
        let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect();
        let scheme = values.text_or("scheme", "http");
        let server = values.text_or("server", "localhost:8500");
        let prefix = values.text("path_prefix").trim_matches('/');
        let base = format!("{scheme}://{server}/{prefix}");
        let mut base = Url::parse(&base)
            .map_err(|error| DiscoveryError::unusable(format!("consul server {server:?} is no address: {error}")))?;
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let user = values.text("username");
        let mut agent = Self {
            client: setup.client()?,
            base,
            token: values.text("token").to_owned(),
            basic: (!user.is_empty()).then(|| (user.to_owned(), values.text("password").to_owned())),
            datacenter: values.text("datacenter").to_owned(),
            parameters: Vec::new(),
            services: owned(values.texts("services")),
            tags: owned(values.texts("tags")),
            filter: values.text("filter").to_owned(),
            health_filter: values.text("health_filter").to_owned(),
            separator: values.text_or("tag_separator", ",").to_owned(),
            interval: values.duration_or("refresh_interval", DEFAULT_INTERVAL),
        };
        if agent.datacenter.is_empty() {
            let (_, about): (_, About) = agent.get("v1/agent/self", &[]).await?;
            agent.datacenter = about.config.datacenter;
        }
        let mut parameters = vec![("dc", agent.datacenter.clone())];
        for (name, key) in [("ns", "namespace"), ("partition", "partition")] {
            if !values.text(key).is_empty() {
                parameters.push((name, values.text(key).to_owned()));
            }
        }
        if values.flag_or("allow_stale", true) {
            parameters.push(("stale", String::new()));
        }
        for (key, value) in values.text_map("node_meta") {
            parameters.push(("node-meta", format!("{key}:{value}")));
        }
        agent.parameters = parameters;
        Ok(agent)
    }

    /// The names of wanted services, once the catalog is past `index`.
    async fn services(&self, index: u64) -> Result<(u64, BTreeSet<String>), DiscoveryError> {
        let mut parameters = blocking(index);
        if !self.filter.is_empty() {
            parameters.push(("filter", self.filter.clone()));
        }
        let (index, found): (u64, BTreeMap<String, Vec<String>>) = self.get("v1/catalog/services", &parameters).await?;
        let wanted = found.into_iter().filter(|(name, tags)| {
            let is_named = self.services.is_empty() || self.services.contains(name);
            is_named && self.tags.iter().all(|tag| tags.contains(tag))
        });
        Ok((index, wanted.map(|(name, _)| name).collect()))
    }

    /// Asks; gives the answer and the index after which it changes.
    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        parameters: &[(&'static str, String)],
    ) -> Result<(u64, T), DiscoveryError> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path()));
        url.query_pairs_mut()
            .extend_pairs(self.parameters.iter().chain(parameters))
            .finish();
        let url = url.as_str();
        let mut request = self.client.request(Method::GET, url);
        if !self.token.is_empty() {
            request = request.header("X-Consul-Token", &self.token);
        }
        if let Some((user, password)) = &self.basic {
            request = request.basic_auth(user, Some(password));
        }
        let response = request::send_within(&self.client, request, url, ANSWER_WITHIN).await?;
        let header = response.headers().get("X-Consul-Index");
        let index = header.and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0);
        Ok((index, request::json(response, url).await?))
    }
}

/// The parameters of a question that waits for a change.
fn blocking(index: u64) -> Vec<(&'static str, String)> {
    vec![("index", index.to_string()), ("wait", format!("{}s", WAIT.as_secs()))]
}
