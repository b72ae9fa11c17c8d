//! Alerting at run time: the alertmanager's state machine driven by the real clock, its state in
//! SQLite, sending, incidents, heartbeats, and the answers to the page.
//!
//! ```text
//!   rules ─▶ feed ─▶ machine ─▶ driver ─▶ senders ─▶ receivers
//!              │        │ changes   │ events
//!              │        ▼           ▼
//!              │      keep ─▶ state.db ◀─ history, incidents
//!              └▶ outside (other Alertmanagers)
//! ```

mod answer;
mod catch_up;
mod driver;
mod evidence;
mod feed;
mod heartbeats;
mod history;
mod incidents;
mod keep;
mod links;
mod outside;
mod senders;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use skopos_alertmanager::Alertmanager;
use skopos_alertmanager::machine::Options;
use skopos_core::{Clock as _, SystemClock};
use skopos_incidents::IncidentTracker;
use skopos_promql::Engine;
use skopos_server::alertmanager::HandleParts;
use skopos_server::views::Reloader;
use skopos_server::{AlertmanagerHandle, BuildInfo, TenantStores};
use skopos_state::StateStore;

use super::sources::Loaded;
use crate::cli::alerting::AlertingArgs;
use evidence::StoredEvidence;
use heartbeats::Heartbeats;
use history::History;
use outside::Outside;
use senders::Senders;

pub(super) use answer::Page;
pub(super) use feed::Feed;

/// File of the state below the data directory.
const STATE_FILE: &str = "state.db";

/// What alerting is made of.
#[derive(Debug)]
pub(super) struct Alerting {
    /// The alertmanager.
    pub(super) handle: Arc<AlertmanagerHandle>,
    state: StateStore,
    tracker: Mutex<IncidentTracker>,
    history: History,
    senders: ArcSwap<Senders>,
    outside: Outside,
    heartbeats: Heartbeats,
    /// What decided alerts that fire or ended lately, by fingerprint.
    evidence: Mutex<HashMap<String, StoredEvidence>>,
    loaded: ArcSwap<InForce>,
    stores: TenantStores,
    engine: Arc<Engine>,
    /// For those who ask from threads of their own.
    runtime: tokio::runtime::Handle,
    history_retention: Duration,
    external_url: String,
}

/// What of the configuration alerting needs while it runs.
#[derive(Debug)]
struct InForce {
    /// All rule files, for drills.
    rules: Vec<skopos_rules::RuleFile>,
    /// Folders of packs by name, for runbooks.
    packs: Vec<(String, PathBuf)>,
    external_labels: Vec<(String, String)>,
}

/// What alerting is opened with.
pub(super) struct Parts<'a> {
    pub(super) args: &'a AlertingArgs,
    pub(super) storage_path: &'a std::path::Path,
    pub(super) loaded: &'a Loaded,
    pub(super) external_url: String,
    pub(super) reloader: Arc<dyn Reloader>,
    pub(super) build: BuildInfo,
    pub(super) stores: TenantStores,
    pub(super) engine: Arc<Engine>,
}

impl Alerting {
    /// Opens the state and takes back what was there.
    pub(super) async fn open(parts: Parts<'_>) -> anyhow::Result<Self> {
        let loaded = parts.loaded;
        let state = StateStore::open(&parts.storage_path.join(STATE_FILE)).await?;
        let now_ms = SystemClock.now_ms();
        let mut machine = Alertmanager::new(&loaded.alerting.config, options(parts.args), now_ms);
        let (snapshot, problems) = keep::snapshot(&state).await?;
        for problem in problems {
            tracing::error!("{problem}");
        }
        for error in machine.restore(now_ms, snapshot) {
            tracing::error!("{error}");
        }
        let mut tracker = IncidentTracker::new(loaded.alerting.policy.clone());
        tracker.restore(incidents::open_incidents(&state).await?);
        catch_up::catch_up(&mut tracker, &machine, now_ms);
        let evidence = evidence::restore(&state).await?;
        let handle = AlertmanagerHandle::new(HandleParts {
            machine,
            config_text: loaded.alerting.config.to_yaml(),
            clock: Arc::new(SystemClock),
            sink: Arc::new(keep::Keeper::new(state.clone())),
            reloader: parts.reloader,
            build: parts.build,
        });
        let senders = Senders::new(&loaded.alerting, &parts.external_url)?;
        Ok(Self {
            handle: Arc::new(handle),
            history: History::new(state.clone()),
            state,
            tracker: Mutex::new(tracker),
            senders: ArcSwap::from_pointee(senders),
            outside: Outside::new(&loaded.alertmanagers)?,
            heartbeats: Heartbeats::new()?,
            evidence: Mutex::new(evidence),
            loaded: ArcSwap::from_pointee(InForce::of(loaded)),
            stores: parts.stores,
            engine: parts.engine,
            runtime: tokio::runtime::Handle::current(),
            history_retention: parts.args.history_retention,
            external_url: parts.external_url,
        })
    }

    /// What a new configuration needs, built before anything is switched.
    pub(super) fn prepare(&self, loaded: &Loaded) -> anyhow::Result<Prepared> {
        Ok(Prepared {
            senders: Senders::new(&loaded.alerting, &self.external_url)
                .context("the receivers of the new configuration cannot be built")?,
            outside: self.outside.prepare(&loaded.alertmanagers)?,
        })
    }

    /// Takes over a new configuration.
    pub(super) fn apply(&self, loaded: &Loaded, prepared: Prepared) {
        self.senders.store(Arc::new(prepared.senders));
        self.outside.replace(prepared.outside);
        self.loaded.store(Arc::new(InForce::of(loaded)));
        self.tracker.lock().set_policy(loaded.alerting.policy.clone());
        self.handle.reconfigure(&loaded.alerting.config);
        self.handle.read(|machine, now_ms| {
            catch_up::catch_up(&mut self.tracker.lock(), machine, now_ms);
        });
    }

    /// Closes the state; everything that was acknowledged is in it.
    pub(super) async fn close(&self) {
        self.outside.drain().await;
        if let Err(error) = self.handle.store().await {
            tracing::error!("{error}");
        }
        self.state.close().await;
    }
}

/// A configuration that is ready to be taken over.
pub(super) struct Prepared {
    senders: Senders,
    outside: outside::Prepared,
}

impl InForce {
    fn of(loaded: &Loaded) -> Self {
        let labels = loaded.config.global.external_labels.iter();
        Self {
            rules: loaded.rules.clone(),
            packs: loaded.packs.clone(),
            external_labels: labels.map(|(name, value)| (name.clone(), value.clone())).collect(),
        }
    }
}

fn options(args: &AlertingArgs) -> Options {
    Options {
        retention_ms: args.retention.as_millis() as i64,
        start_delay_ms: args.start_delay.as_millis() as i64,
        per_alertname_limit: (args.per_alertname_limit > 0).then_some(args.per_alertname_limit),
        seed: SystemClock.now_ns().unsigned_abs(),
        ..Options::default()
    }
}
