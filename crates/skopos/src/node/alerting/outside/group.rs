//! One item of `alertmanagers`: follows its discovery, and hands alerts to each Alertmanager found.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use anyhow::Context as _;
use parking_lot::Mutex;
use skopos_alertmanager::alert::PostableAlert;
use skopos_config::TargetGroup;
use skopos_core::{Labels, LabelsBuilder};
use skopos_discovery::Discoveries;
use skopos_http_client::aws::{AMAZON_PROMETHEUS, RequestSigner};
use skopos_http_client::{ClientOptions, HttpClient};
use skopos_relabel::{Relabeler, Verdict};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::peer::{CAPACITY, Peer, Sending, body};
use crate::node::sources::alerting::OutsideSection;

/// What requests call us.
const USER_AGENT: &str = concat!("Skopos/", env!("CARGO_PKG_VERSION"));
const ADDRESS: &str = "__address__";
const SCHEME: &str = "__scheme__";
const PATH: &str = "__alerts_path__";
/// Where Alertmanager takes alerts; `api_version` can only be `v2`.
const API_PATH: &str = "api/v2/alerts";

/// The Alertmanagers of one item; dropped, it looks for no more of them.
#[derive(Debug)]
pub(super) struct Group {
    section: OutsideSection,
    sending: Sending,
    /// `alert_relabel_configs` of the file, then of the item.
    alert_rules: [Relabeler; 2],
    /// `relabel_configs`, for Alertmanagers.
    rules: Relabeler,
    found: Mutex<Found>,
    _end: DropGuard,
}

/// What discovery gave.
#[derive(Debug)]
enum Found {
    /// Nothing yet: alerts wait for it.
    NotYet(VecDeque<PostableAlert>),
    /// Alertmanagers.
    These {
        /// Those that get alerts, by address.
        peers: BTreeMap<String, Arc<Peer>>,
        /// Addresses that relabelling dropped.
        dropped: Vec<String>,
    },
}

/// What became of a discovered address.
#[derive(Debug, PartialEq, Eq)]
enum Judged {
    Active(String),
    Dropped(String),
}

impl Group {
    /// Begins to look for Alertmanagers.
    pub(super) fn start(section: OutsideSection) -> anyhow::Result<Arc<Self>> {
        let options = ClientOptions {
            folder: &section.folder,
            user_agent: USER_AGENT,
            compression: true,
        };
        let client = HttpClient::new(&section.config.http_client, options)
            .context("alerting: the client of an Alertmanager cannot be built")?;
        let end = CancellationToken::new();
        let group = Arc::new(Self {
            sending: Sending {
                client: Arc::new(client),
                timeout: section.config.timeout,
                signer: section
                    .config
                    .sigv4
                    .clone()
                    .map(|sigv4| Arc::new(RequestSigner::new(sigv4, AMAZON_PROMETHEUS))),
            },
            alert_rules: [
                Relabeler::new(&section.alert_relabel_configs)?,
                Relabeler::new(&section.config.alert_relabel_configs)?,
            ],
            rules: Relabeler::new(&section.config.relabel_configs)?,
            found: Mutex::new(Found::NotYet(VecDeque::new())),
            section,
            _end: end.clone().drop_guard(),
        });
        let discoveries = Discoveries::start(&group.section.config.discovery, &group.section.folder);
        tokio::spawn(follow(discoveries, Arc::downgrade(&group), end));
        Ok(group)
    }

    /// What it was made of.
    pub(super) fn section(&self) -> &OutsideSection {
        &self.section
    }

    /// Hands alerts to all; before discovery has answered they wait for it.
    pub(super) fn send(&self, alerts: &[PostableAlert]) {
        match &mut *self.found.lock() {
            Found::NotYet(waiting) => {
                waiting.extend(alerts.iter().cloned());
                let surplus = waiting.len().saturating_sub(CAPACITY);
                waiting.drain(..surplus);
            }
            Found::These { peers, .. } => {
                for peer in peers.values() {
                    self.send_to(peer, alerts.iter());
                }
            }
        }
    }

    fn send_to<'a>(&self, peer: &Peer, alerts: impl Iterator<Item = &'a PostableAlert>) {
        let mut bodies = Vec::new();
        for alert in alerts {
            match self.relabel(alert) {
                Some(labels) => bodies.push(body(alert, &labels)),
                None => peer.count_relabelled(),
            }
        }
        peer.push(bodies);
    }

    /// The labels with which an alert is sent; `None` where a rule drops it.
    fn relabel(&self, alert: &PostableAlert) -> Option<Labels> {
        let labels = Labels::from_pairs(alert.labels.iter().map(|(name, value)| (name, value)));
        let mut builder = LabelsBuilder::from_labels(&labels);
        let is_kept = self
            .alert_rules
            .iter()
            .all(|rules| rules.apply(&mut builder) == Verdict::Keep);
        is_kept.then(|| builder.build())
    }

    /// Takes over what discovery found.
    fn sync(&self, groups: &[TargetGroup]) {
        let (mut active, mut dropped) = (Vec::new(), Vec::new());
        for judged in groups.iter().flat_map(|group| self.judge(group)) {
            match judged {
                Judged::Active(url) => active.push(url),
                Judged::Dropped(url) => dropped.push(url),
            }
        }
        let mut found = self.found.lock();
        let (mut before, waiting) = match &mut *found {
            Found::NotYet(waiting) => (BTreeMap::new(), std::mem::take(waiting)),
            Found::These { peers, .. } => (std::mem::take(peers), VecDeque::new()),
        };
        let mut peers = BTreeMap::new();
        for url in active {
            let known = before.remove(&url).or_else(|| peers.remove(&url));
            let peer = known.unwrap_or_else(|| Arc::new(Peer::start(url.clone(), self.sending.clone())));
            peers.insert(url, peer);
        }
        for peer in peers.values() {
            self.send_to(peer, waiting.iter());
        }
        *found = Found::These { peers, dropped };
    }

    /// The addresses of a target group, relabelled.
    fn judge(&self, group: &TargetGroup) -> Vec<Judged> {
        let config = &self.section.config;
        let prefix = config.path_prefix.trim_matches('/');
        let path = if prefix.is_empty() {
            format!("/{API_PATH}")
        } else {
            format!("/{prefix}/{API_PATH}")
        };
        let mut judged = Vec::new();
        for address in &group.targets {
            let mut labels = LabelsBuilder::new();
            labels.set(SCHEME, &config.scheme).set(PATH, &path);
            for (name, value) in &group.labels {
                labels.set(name, value);
            }
            labels.set(ADDRESS, address);
            let before = url_of(&labels);
            if self.rules.apply(&mut labels) == Verdict::Drop {
                judged.push(Judged::Dropped(before));
            } else if labels.get(ADDRESS).is_empty() || labels.get(ADDRESS).contains('/') {
                let address = labels.get(ADDRESS);
                tracing::error!("alerting: {address:?} is not the HOST:PORT of an Alertmanager; it gets no alerts");
            } else {
                judged.push(Judged::Active(url_of(&labels)));
            }
        }
        judged
    }

    fn peers(&self) -> Vec<Arc<Peer>> {
        match &*self.found.lock() {
            Found::NotYet(_) => Vec::new(),
            Found::These { peers, .. } => peers.values().cloned().collect(),
        }
    }

    /// Addresses that alerts are sent to.
    pub(super) fn active(&self) -> Vec<String> {
        self.peers().iter().map(|peer| peer.url.clone()).collect()
    }

    /// Addresses that relabelling dropped.
    pub(super) fn dropped(&self) -> Vec<String> {
        match &*self.found.lock() {
            Found::NotYet(_) => Vec::new(),
            Found::These { dropped, .. } => dropped.clone(),
        }
    }

    /// Returns when nothing waits.
    pub(super) async fn drained(&self) {
        for peer in self.peers() {
            peer.drained().await;
        }
    }

    /// Counts what waits as dropped by the end of the process.
    pub(super) fn count_leftovers(&self) {
        for peer in self.peers() {
            peer.count_leftovers();
        }
    }
}

fn url_of(labels: &LabelsBuilder) -> String {
    let path = labels.get(PATH).trim_start_matches('/');
    format!("{}://{}/{path}", labels.get(SCHEME), labels.get(ADDRESS))
}

/// Takes over what discovery finds until the group ends.
async fn follow(mut discoveries: Discoveries, group: std::sync::Weak<Group>, end: CancellationToken) {
    loop {
        let found = tokio::select! {
            () = end.cancelled() => return,
            found = discoveries.changed() => found,
        };
        let (Some(found), Some(group)) = (found, group.upgrade()) else {
            return;
        };
        group.sync(&found);
    }
}

#[cfg(test)]
mod tests;
