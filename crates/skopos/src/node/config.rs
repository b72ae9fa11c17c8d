//! The configuration in force: applied as a whole, reloaded all or nothing, shown by the API.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use skopos_core::limits::TenantLimits;
use skopos_core::{Clock as _, Labels, SystemClock};
use skopos_dashboards::DashboardStore;
use skopos_promql::Feature;
use skopos_scrape::ScrapeManager;
use skopos_server::QueryLog;
use skopos_server::views::{ConfigView, DashboardsView, LoadedRules, ReloadStatus, Reloader};
use skopos_wire::otlp::MetricOptions;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::alerting::Alerting;
use super::otlp;
use super::remote_write::RemoteWrites;
use super::rules::RuleDriver;
use super::sources::{Loaded, Sources};
use super::stores::NodeStores;
use crate::banner::Addresses;
use crate::cli::serve::ServeArgs;
use crate::telemetry::Telemetry;

/// The configuration in force.
#[derive(Debug)]
pub(crate) struct Configuration {
    sources: Sources,
    flags: BTreeMap<String, String>,
    type_and_unit_labels: bool,
    loaded: ArcSwap<Loaded>,
    status: Mutex<ReloadStatus>,
    /// Held by who reloads.
    reloading: Mutex<()>,
    parts: ConfiguredParts,
    /// Set once the state is open; until then a reload only prepares what needs none.
    alerting: OnceLock<Arc<Alerting>>,
    external_url: String,
}

/// What follows the configuration from the start on.
#[derive(Debug)]
pub(super) struct ConfiguredParts {
    pub(super) stores: Arc<NodeStores>,
    pub(super) scraper: Arc<ScrapeManager>,
    pub(super) driver: RuleDriver,
    pub(super) remote_writes: Arc<RemoteWrites>,
    /// Limits that the log store and the server hold to.
    pub(super) limits: TenantLimits,
    /// Where queries are logged.
    pub(super) query_log: Arc<QueryLog>,
    /// Own spans go where the configuration says.
    pub(super) telemetry: Arc<Telemetry>,
    /// Where tasks run that the configuration asks for.
    pub(super) runtime: Handle,
}

impl Configuration {
    /// Applies what was loaded at the start.
    pub(super) fn new(
        args: &ServeArgs,
        loaded: Loaded,
        parts: ConfiguredParts,
        addresses: &Addresses,
    ) -> anyhow::Result<Self> {
        let configuration = Self {
            sources: Sources::of(args),
            flags: flags(args),
            type_and_unit_labels: args.features().type_and_unit_labels == Feature::Enabled,
            loaded: ArcSwap::from_pointee(loaded),
            status: Mutex::new(ReloadStatus {
                succeeded: true,
                loaded_at_ms: SystemClock.now_ms(),
                attempted_at_ms: SystemClock.now_ms(),
            }),
            reloading: Mutex::new(()),
            parts,
            alerting: OnceLock::new(),
            external_url: args
                .external_url
                .clone()
                .unwrap_or_else(|| format!("{}://{}", addresses.scheme, addresses.http)),
        };
        configuration.apply(&configuration.loaded.load())?;
        Ok(configuration)
    }

    /// From now on a reload reaches alerting too.
    pub(super) fn set_alerting(&self, alerting: Arc<Alerting>) {
        if self.alerting.set(alerting).is_err() {
            tracing::error!("alerting was wired twice");
        }
    }

    fn apply(&self, loaded: &Loaded) -> anyhow::Result<()> {
        // Scrapes, discovery and senders start tasks, and a reload may come from a thread outside of the runtime.
        let _runtime = self.parts.runtime.enter();
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        let alerting = self.alerting.get();
        let prepared = alerting.map(|alerting| alerting.prepare(loaded)).transpose()?;
        let remotes = self.parts.remote_writes.prepare(loaded)?;
        let reads = self.parts.stores.remote_reads().prepare(loaded)?;
        let tracing = self.parts.telemetry.prepare(&loaded.config)?;
        let query_log = loaded.config.query_log_path();
        self.parts
            .query_log
            .set_file(query_log.as_deref())
            .with_context(|| format!("failed to open the query log {query_log:?}, which query_log_file names"))?;
        self.parts.driver.load(loaded, &self.external_url)?;
        self.parts.scraper.apply(&loaded.config)?;
        self.parts.remote_writes.apply(remotes);
        self.parts.stores.remote_reads().apply(reads);
        self.parts.stores.configure(&loaded.config.storage);
        self.parts.telemetry.apply(tracing);
        self.parts.limits.replace(loaded.limits.clone());
        if let Some((alerting, prepared)) = alerting.zip(prepared) {
            alerting.apply(loaded, prepared);
        }
        Ok(())
    }

    /// Follows the objects of a cluster, where that is asked for; each change loads the configuration anew.
    pub(super) fn follow_cluster(self: &Arc<Self>, shutdown: CancellationToken) {
        let Some(access) = self.sources.kubernetes.followed_cluster() else {
            return;
        };
        let mut objects = skopos_discovery::follow_operator(access.clone(), PathBuf::from("."));
        let configuration = Arc::clone(self);
        tokio::spawn(async move {
            loop {
                let found = tokio::select! {
                    () = shutdown.cancelled() => return,
                    found = objects.changed() => found,
                };
                let Some(found) = found else { return };
                tracing::info!(objects = found.len(), "the monitors and rules of the cluster changed");
                configuration.sources.kubernetes.set_followed(found);
                let configuration = Arc::clone(&configuration);
                // The outcome is logged by the reloader itself.
                drop(tokio::task::spawn_blocking(move || configuration.reload()).await);
            }
        });
    }

    /// Where queries are logged.
    pub(super) fn query_log(&self) -> Arc<QueryLog> {
        Arc::clone(&self.parts.query_log)
    }

    /// The limits in force, whatever is loaded later.
    pub(super) fn limits(&self) -> TenantLimits {
        self.parts.limits.clone()
    }

    /// What is in force.
    pub(super) fn loaded(&self) -> Arc<Loaded> {
        self.loaded.load_full()
    }

    /// Where Skopos is reached from outside.
    pub(super) fn external_url(&self) -> &str {
        &self.external_url
    }
}

impl Configuration {
    /// The rules in force with what they are evaluated with.
    pub(crate) fn loaded_rules(&self) -> LoadedRules {
        let loaded = self.loaded.load();
        let global = &loaded.config.global;
        LoadedRules {
            files: loaded.rules.clone(),
            interval_ms: global.evaluation_interval.as_millis() as i64,
            query_offset_ms: global.rule_query_offset.as_millis() as i64,
            external_labels: Labels::from_pairs(&global.external_labels),
            external_url: self.external_url.clone(),
        }
    }
}

impl Reloader for Configuration {
    fn reload(&self) -> Result<(), String> {
        let _one_at_a_time = self.reloading.lock();
        let outcome = self
            .sources
            .load()
            .and_then(|loaded| self.apply(&loaded).map(|()| loaded));
        let mut status = self.status.lock();
        status.succeeded = outcome.is_ok();
        status.attempted_at_ms = SystemClock.now_ms();
        match outcome {
            Ok(loaded) => {
                self.loaded.store(Arc::new(loaded));
                status.loaded_at_ms = SystemClock.now_ms();
                tracing::info!("the configuration was reloaded");
                Ok(())
            }
            Err(error) => {
                tracing::error!("the configuration was not reloaded, the one before stays in force: {error:#}");
                Err(format!("{error:#}"))
            }
        }
    }

    fn last_reload(&self) -> ReloadStatus {
        *self.status.lock()
    }
}

impl ConfigView for Configuration {
    fn yaml(&self) -> String {
        self.loaded.load().config.to_yaml()
    }

    fn flags(&self) -> BTreeMap<String, String> {
        self.flags.clone()
    }

    fn retention(&self) -> String {
        skopos_config::format_duration(self.parts.stores.metrics().limits().retention)
    }

    fn otlp_metrics(&self) -> MetricOptions {
        MetricOptions {
            type_and_unit_labels: self.type_and_unit_labels,
            ..otlp::options(self.loaded.load().config.otlp.as_ref())
        }
    }
}

impl DashboardsView for Configuration {
    fn dashboards(&self) -> Arc<DashboardStore> {
        Arc::clone(&self.loaded.load().dashboards)
    }
}

/// The flags as `/api/v1/status/flags` shows them.
fn flags(args: &ServeArgs) -> BTreeMap<String, String> {
    let duration = skopos_config::format_duration;
    let pairs = [
        (
            "config.file",
            args.config_file
                .as_ref()
                .map(|file| file.display().to_string())
                .unwrap_or_default(),
        ),
        (
            "loki.config-file",
            args.loki_file
                .as_ref()
                .map(|file| file.display().to_string())
                .unwrap_or_default(),
        ),
        (
            "pack",
            args.packs
                .iter()
                .map(|pack| pack.display().to_string())
                .collect::<Vec<_>>()
                .join(","),
        ),
        ("enable-feature", args.feature_names.join(",")),
        ("log.level", args.log_level.clone()),
        ("storage.path", args.storage_path.display().to_string()),
        ("storage.retention.time", duration(args.retention_metrics)),
        ("storage.retention.size", args.retention_metrics_bytes.to_string()),
        ("storage.cache-size", args.cache_bytes.to_string()),
        ("storage.downsample.5m", duration(args.downsample.after_5m)),
        ("storage.downsample.1h", duration(args.downsample.after_1h)),
        (
            "storage.retention.5m",
            duration(args.downsample.retention_5m.unwrap_or(args.retention_metrics)),
        ),
        (
            "storage.retention.1h",
            duration(args.downsample.retention_1h.unwrap_or(args.retention_metrics)),
        ),
        ("storage.retention.logs", duration(args.retention_logs)),
        ("storage.retention.traces", duration(args.retention_traces)),
        (
            "storage.retention.traces.low-priority",
            duration(args.retention_traces_low),
        ),
        ("web.listen-address", args.web_listen_address.to_string()),
        ("query.timeout", duration(args.query_timeout)),
        ("query.max-samples", args.query_max_samples.to_string()),
        ("query.max-concurrency", args.query_max_concurrency.to_string()),
        ("query.lookback-delta", duration(args.query_lookback_delta)),
        ("query.log-slow", duration(args.query_log_slow)),
        (
            "web.config.file",
            args.web_config_file
                .as_ref()
                .map_or_else(String::new, |path| path.display().to_string()),
        ),
        ("web.enable-admin-api", args.prometheus.enable_admin_api.to_string()),
        ("agent", args.remote.agent.to_string()),
        ("storage.remote.backlog-size", args.remote.backlog_bytes.to_string()),
        ("storage.remote.backlog-time", duration(args.remote.backlog_time)),
        ("storage.remote.flush-deadline", duration(args.remote.flush_deadline)),
        ("web.max-connections", args.prometheus.max_connections.to_string()),
    ];
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
