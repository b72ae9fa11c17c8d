//! One kind of objects in one namespace or in all: listed once, then watched.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use skopos_config::SdValues;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::error::DiscoveryError;
use crate::request;
use crate::source::count;

use super::MECHANISM;
use super::cluster::Cluster;
use super::custom::{self, CustomObject};
use super::view::{Change, Event, Kind, Object};

/// Objects in one answer of a list.
const PAGE: usize = 500;
/// How long the server may take to list.
const LIST_WITHIN: Duration = Duration::from_mins(1);
/// How long the server keeps a watch open.
const WATCH_SECONDS: u64 = 300;
/// When a watch counts as dead.
const WATCH_WITHIN: Duration = Duration::from_secs(WATCH_SECONDS + 30);
/// The pause after the first failure in a row; doubled each time.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const MAX_RETRY: Duration = Duration::from_secs(30);
/// Longest line of a watch: the largest object that a cluster stores, many times over.
const MAX_LINE_BYTES: usize = 64 << 20;
/// The status that says that a version is forgotten.
const GONE: u16 = 410;

/// Starts the watches; they end with what is returned.
pub(super) fn start_all(
    cluster: &Cluster,
    kinds: &[Kind],
    values: Option<SdValues<'_>>,
    events: &mpsc::Sender<Event>,
) -> JoinSet<()> {
    let mut watches = JoinSet::new();
    for kind in kinds {
        let namespaces = match kind {
            // They lie in no namespace.
            Kind::Node | Kind::Namespace => vec![None],
            _ if cluster.namespaces.is_empty() => vec![None],
            _ => cluster.namespaces.iter().cloned().map(Some).collect(),
        };
        for namespace in namespaces {
            let watch = Watch {
                cluster: cluster.clone(),
                kind: *kind,
                namespace,
                selectors: values.map(|values| selectors(values, *kind)).unwrap_or_default(),
                events: events.clone(),
                index: watches.len(),
                has_answered: false,
            };
            watches.spawn(watch.run());
        }
    }
    watches
}

/// `labelSelector` and `fieldSelector` of a kind.
fn selectors(values: SdValues<'_>, kind: Kind) -> Vec<(&'static str, String)> {
    let (_, _, role) = place(kind);
    let mut parameters = Vec::new();
    for selector in values
        .list("selectors")
        .filter(|selector| selector.text("role") == role)
    {
        for (parameter, key) in [("labelSelector", "label"), ("fieldSelector", "field")] {
            if !selector.text(key).is_empty() {
                parameters.push((parameter, selector.text(key).to_owned()));
            }
        }
    }
    parameters
}

/// Where a kind is: API, resource, and the role whose selectors hold for it.
const fn place(kind: Kind) -> (&'static str, &'static str, &'static str) {
    match kind {
        Kind::Namespace => ("/api/v1", "namespaces", "namespace"),
        Kind::Node => ("/api/v1", "nodes", "node"),
        Kind::Service => ("/api/v1", "services", "service"),
        Kind::Pod => ("/api/v1", "pods", "pod"),
        Kind::Endpoints => ("/api/v1", "endpoints", "endpoints"),
        Kind::EndpointSlice => ("/apis/discovery.k8s.io/v1", "endpointslices", "endpointslice"),
        Kind::Ingress => ("/apis/networking.k8s.io/v1", "ingresses", "ingress"),
        // No role reads them, so no selector holds for them.
        Kind::Custom(custom) => (custom::API, custom.names().1, ""),
    }
}

pub(super) fn failed(error: &DiscoveryError) {
    count(MECHANISM, "failed");
    tracing::error!(mechanism = MECHANISM, %error, "discovery failed; its last targets stay");
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ListMeta {
    resource_version: String,
    #[serde(rename = "continue")]
    next: String,
}

#[derive(Debug, Deserialize)]
struct List {
    #[serde(default)]
    metadata: ListMeta,
    #[serde(default)]
    items: Option<Vec<Box<RawValue>>>,
}

#[derive(Debug, Deserialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OnlyMeta {
    metadata: ListMeta,
    /// Of an error.
    code: u16,
    message: String,
}

/// Why a watch ended.
enum Ended {
    /// The server closed it: go on from here.
    At(String),
    /// The version is forgotten: list again.
    Forgotten,
    /// Nobody listens any more.
    Unwanted,
}

struct Watch {
    cluster: Cluster,
    kind: Kind,
    namespace: Option<String>,
    selectors: Vec<(&'static str, String)>,
    events: mpsc::Sender<Event>,
    index: usize,
    has_answered: bool,
}

impl Watch {
    async fn run(mut self) {
        let mut retry = FIRST_RETRY;
        loop {
            match self.list_and_watch(&mut retry).await {
                Ok(()) => return,
                Err(error) => {
                    failed(&error);
                    if !self.has_answered && !self.tell(Change::Failed).await {
                        return;
                    }
                    tokio::time::sleep(retry).await;
                    retry = retry.saturating_mul(2).min(MAX_RETRY);
                }
            }
        }
    }

    /// Ends well when nobody listens any more.
    async fn list_and_watch(&mut self, retry: &mut Duration) -> Result<(), DiscoveryError> {
        let Some(mut version) = self.list().await? else {
            return Ok(());
        };
        loop {
            match self.watch(version).await? {
                Ended::At(next) => version = next,
                Ended::Forgotten => {
                    let Some(next) = self.list().await? else {
                        return Ok(());
                    };
                    version = next;
                }
                Ended::Unwanted => return Ok(()),
            }
            *retry = FIRST_RETRY;
        }
    }

    async fn tell(&mut self, change: Change) -> bool {
        self.has_answered = true;
        let event = Event {
            watch: self.index,
            change,
        };
        self.events.send(event).await.is_ok()
    }

    fn path(&self) -> String {
        let (api, resource, _) = place(self.kind);
        match &self.namespace {
            Some(namespace) => format!("{api}/namespaces/{namespace}/{resource}"),
            None => format!("{api}/{resource}"),
        }
    }

    /// Lists page by page; gives the version from which to watch.
    async fn list(&mut self) -> Result<Option<String>, DiscoveryError> {
        let path = self.path();
        let url = self.cluster.url(&path);
        let mut objects = Vec::new();
        let mut next = String::new();
        let version = loop {
            let mut parameters = self.selectors.clone();
            parameters.push(("limit", PAGE.to_string()));
            if !next.is_empty() {
                parameters.push(("continue", next));
            }
            let response = self.cluster.get(&path, &parameters, LIST_WITHIN).await?;
            let list: List = request::json(response, &url).await?;
            for item in list.items.unwrap_or_default() {
                objects.push(self.object(&item, &url)?);
            }
            next = list.metadata.next;
            if next.is_empty() {
                break list.metadata.resource_version;
            }
        };
        count(MECHANISM, "ok");
        let change = Change::All {
            kind: self.kind,
            namespace: self.namespace.clone(),
            objects,
        };
        Ok(self.tell(change).await.then_some(version))
    }

    async fn watch(&mut self, mut version: String) -> Result<Ended, DiscoveryError> {
        let path = self.path();
        let url = self.cluster.url(&path);
        let mut parameters = self.selectors.clone();
        parameters.push(("watch", "true".to_owned()));
        parameters.push(("allowWatchBookmarks", "true".to_owned()));
        parameters.push(("resourceVersion", version.clone()));
        parameters.push(("timeoutSeconds", WATCH_SECONDS.to_string()));
        let mut response = match self.cluster.get(&path, &parameters, WATCH_WITHIN).await {
            Ok(response) => response,
            Err(DiscoveryError::Refused { status, .. }) if status.as_u16() == GONE => return Ok(Ended::Forgotten),
            Err(error) => return Err(error),
        };
        let mut pending: Vec<u8> = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| request::unreachable(&url, &error))?
        {
            pending.extend_from_slice(&chunk);
            if pending.len() > MAX_LINE_BYTES {
                let reason = format!("a line of the watch is longer than {MAX_LINE_BYTES} bytes");
                return Err(DiscoveryError::unreadable(&url, reason));
            }
            let Some(end) = pending.iter().rposition(|byte| *byte == b'\n') else {
                continue;
            };
            let rest = pending.split_off(end + 1);
            for line in pending.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                if let Some(ended) = self.take(line, &url, &mut version).await? {
                    return Ok(ended);
                }
            }
            pending = rest;
        }
        Ok(Ended::At(version))
    }

    /// Takes one line of a watch.
    async fn take(&mut self, line: &[u8], url: &str, version: &mut String) -> Result<Option<Ended>, DiscoveryError> {
        let line: Line<'_> = parsed(line, url)?;
        let about: OnlyMeta = parsed(line.object.get().as_bytes(), url)?;
        if line.kind == "ERROR" {
            if about.code == GONE {
                return Ok(Some(Ended::Forgotten));
            }
            let reason = format!("the watch ended with {}: {}", about.code, about.message);
            return Err(DiscoveryError::unreadable(url, reason));
        }
        if !about.metadata.resource_version.is_empty() {
            *version = about.metadata.resource_version;
        }
        let change = match line.kind {
            "ADDED" | "MODIFIED" => Change::Set(self.object(line.object, url)?),
            "DELETED" => Change::Gone(self.object(line.object, url)?),
            // A bookmark tells the version alone.
            _ => return Ok(None),
        };
        Ok((!self.tell(change).await).then_some(Ended::Unwanted))
    }

    fn object(&self, json: &RawValue, url: &str) -> Result<Object, DiscoveryError> {
        let text = json.get().as_bytes();
        Ok(match self.kind {
            Kind::Namespace => Object::Namespace(parsed(text, url)?),
            Kind::Node => Object::Node(parsed(text, url)?),
            Kind::Service => Object::Service(parsed(text, url)?),
            Kind::Pod => Object::Pod(parsed(text, url)?),
            Kind::Endpoints => Object::Endpoints(parsed(text, url)?),
            Kind::EndpointSlice => Object::EndpointSlice(parsed(text, url)?),
            Kind::Ingress => Object::Ingress(parsed(text, url)?),
            Kind::Custom(kind) => Object::Custom(CustomObject::read(kind, json.get(), url)?),
        })
    }
}

fn parsed<'a, T: Deserialize<'a>>(text: &'a [u8], url: &str) -> Result<T, DiscoveryError> {
    serde_json::from_slice(text).map_err(|error| DiscoveryError::unreadable(url, error))
}
