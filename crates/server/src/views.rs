//! Small windows through which the APIs look at the rest of Skopos.
//!
//! Each is a trait, so that the binary may put a reload between the server and what it shows, and
//! tests can stand in for the rest.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use skopos_core::log::{LogSink, LogSource};
use skopos_core::metric::{MetricAdmin, MetricSink, MetricSource};
use skopos_core::span::{TraceSink, TraceSource};
use skopos_core::{Labels, TenantId, TimeRange};
use skopos_dashboards::DashboardStore;
use skopos_prove::backtest::KnownIncident;
use skopos_rules::{GroupView, RuleFile, RuleGroups};
use skopos_scrape::{ScrapeManager, TargetMetadata, Targets};
use skopos_wire::otlp::MetricOptions;

/// Opens the stores of a tenant.
pub trait Stores: Send + Sync + fmt::Debug {
    /// The stores of `tenant`, made where they do not exist yet.
    fn tenant(&self, tenant: &TenantId) -> TenantStores;

    /// Sizes over all tenants.
    fn stats(&self) -> StorageStats;
}

/// The stores of one tenant. A sink may be wrapped, for instance to observe spans.
#[derive(Debug, Clone)]
pub struct TenantStores {
    /// Reads metrics.
    pub metric_source: Arc<dyn MetricSource>,
    /// Reads the metrics that are stored here, without those that other stores are asked for.
    pub own_metric_source: Arc<dyn MetricSource>,
    /// Takes metrics.
    pub metric_sink: Arc<dyn MetricSink>,
    /// Deletes, copies and counts metrics.
    pub metric_admin: Arc<dyn MetricAdmin>,
    /// Reads logs.
    pub log_source: Arc<dyn LogSource>,
    /// Takes logs.
    pub log_sink: Arc<dyn LogSink>,
    /// Reads traces.
    pub trace_source: Arc<dyn TraceSource>,
    /// Takes traces.
    pub trace_sink: Arc<dyn TraceSink>,
}

/// Where the data lies and how much there is.
#[derive(Debug, Clone, Default)]
pub struct StorageStats {
    /// The data directory.
    pub path: PathBuf,
    /// Bytes under it.
    pub disk_bytes: u64,
    /// Bytes free on its file system.
    pub disk_free_bytes: u64,
    /// Metrics: groups are series, items samples.
    pub metrics: SignalStats,
    /// Logs: groups are streams, items entries.
    pub logs: SignalStats,
    /// Traces: groups are traces, items spans.
    pub traces: SignalStats,
}

/// Size of one signal's store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SignalStats {
    /// Series, streams or traces in the head.
    pub groups: u64,
    /// Samples, entries or spans in the head.
    pub items: u64,
    /// Bytes of the head in memory.
    pub head_bytes: u64,
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
    /// Parts.
    pub parts: u64,
    /// Bytes of the parts.
    pub part_bytes: u64,
    /// Rows in the parts.
    pub rows: u64,
    /// Oldest item, in milliseconds since the Unix epoch.
    pub oldest_ms: Option<i64>,
    /// Newest item, in milliseconds since the Unix epoch.
    pub newest_ms: Option<i64>,
}

/// Shows the loaded rule groups.
pub trait RulesView: Send + Sync + fmt::Debug {
    /// All groups, in the order of their files.
    fn groups(&self) -> Vec<Arc<GroupView>>;
}

impl RulesView for RuleGroups {
    fn groups(&self) -> Vec<Arc<GroupView>> {
        self.views()
    }
}

/// Shows the scrape targets.
pub trait TargetsView: Send + Sync + fmt::Debug {
    /// All targets at this moment.
    fn targets(&self) -> Targets;

    /// What each target told of its metrics.
    fn metadata(&self) -> Vec<TargetMetadata>;
}

impl TargetsView for ScrapeManager {
    fn targets(&self) -> Targets {
        self.targets()
    }

    fn metadata(&self) -> Vec<TargetMetadata> {
        self.metadata()
    }
}

/// Shows the configuration.
pub trait ConfigView: Send + Sync + fmt::Debug {
    /// The loaded `prometheus.yml`, secrets left out.
    fn yaml(&self) -> String;

    /// Flags and their values, Prometheus' names where it has one.
    fn flags(&self) -> BTreeMap<String, String>;

    /// Time for which data is kept, as text.
    fn retention(&self) -> String;

    /// How OTLP metrics become series; Prometheus' defaults where nothing is configured.
    fn otlp_metrics(&self) -> MetricOptions {
        MetricOptions::default()
    }
}

/// How and when the configuration was last loaded.
#[derive(Debug, Clone, Copy)]
pub struct ReloadStatus {
    /// Whether the last attempt succeeded.
    pub succeeded: bool,
    /// When the configuration in use was loaded, in milliseconds.
    pub loaded_at_ms: i64,
    /// When the last attempt was made, in milliseconds.
    pub attempted_at_ms: i64,
}

/// Reloads the configuration, all or nothing.
pub trait Reloader: Send + Sync + fmt::Debug {
    /// Reloads; on failure nothing changed and the text says what is wrong where.
    fn reload(&self) -> Result<(), String>;

    /// How and when the configuration was last loaded. Does not wait for a reload in progress.
    fn last_reload(&self) -> ReloadStatus;
}

/// Shows the provisioned dashboards.
pub trait DashboardsView: Send + Sync + fmt::Debug {
    /// The dashboards as last loaded.
    fn dashboards(&self) -> Arc<DashboardStore>;
}

/// Shows what rules can be proven against: the rules as read, where their alerts go, what became of them.
pub trait ProvingView: Send + Sync + fmt::Debug {
    /// The loaded rule files.
    fn rules(&self) -> Arc<LoadedRules>;

    /// The receivers that an alert with these labels is sent to.
    fn receivers(&self, labels: &Labels) -> Vec<String>;

    /// The incidents on record that touch a range of time.
    fn incidents(&self, range: TimeRange) -> Vec<KnownIncident>;

    /// The last proof, if there was one since the start.
    fn last_proof(&self) -> Option<Arc<Proof>>;

    /// Proves all loaded rules. Takes its time: seconds for hundreds of rules.
    fn prove(&self) -> Arc<Proof>;
}

/// The loaded rule files and what they are evaluated with.
#[derive(Debug, Clone, Default)]
pub struct LoadedRules {
    /// The files.
    pub files: Vec<RuleFile>,
    /// Interval of groups that name none, in milliseconds.
    pub interval_ms: i64,
    /// Offset of queries of groups that name none, in milliseconds.
    pub query_offset_ms: i64,
    /// Labels of this server, for templates.
    pub external_labels: Labels,
    /// Where this server is reached, for templates.
    pub external_url: String,
}

/// A proof of all loaded rules.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// When it was made, Unix milliseconds.
    pub at_ms: i64,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// The verdicts.
    #[serde(flatten)]
    pub report: skopos_prove::Report,
}

/// Shows the fleet of a demo and switches its faults.
pub trait FleetView: Send + Sync + fmt::Debug {
    /// The processes as they are now.
    fn processes(&self) -> Vec<FleetProcess>;

    /// The faults that can be switched.
    fn faults(&self) -> Vec<FleetFault>;

    /// Switches a fault; false if there is none of that name.
    fn switch(&self, fault: &str, is_active: bool) -> bool;
}

/// One process of the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetProcess {
    /// System that it belongs to.
    pub system: String,
    /// Its name, which is its `service.name`.
    pub name: String,
    /// Port of its `/metrics` on this machine.
    pub port: Option<u16>,
    /// What it does.
    pub about: String,
    /// Its process id while it runs.
    pub pid: Option<u32>,
    /// How often it ended unasked and was started again.
    pub restarts: u64,
}

/// A fault that can be switched while the fleet runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetFault {
    /// Its name.
    pub name: String,
    /// System that has it.
    pub system: String,
    /// The process that has it.
    pub service: String,
    /// What goes wrong.
    pub about: String,
    /// The alerts that fire because of it.
    pub alerts: Vec<String>,
    /// Whether it is on.
    pub is_active: bool,
}

/// The outside stores that samples are sent to.
pub trait RemoteWriteView: Send + Sync + fmt::Debug {
    /// How each of them fares now.
    fn remotes(&self) -> Vec<RemoteWriteStatus>;
}

/// How sending to an outside store fares. Counts are since its queue began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteWriteStatus {
    /// Its name.
    pub name: String,
    /// Its URL, without a password.
    pub url: String,
    /// The message that is sent.
    pub message: String,
    /// Requests that are made side by side.
    pub shards: usize,
    /// Those that the load asks for.
    pub desired_shards: usize,
    /// Items that were read from the log and are not sent yet.
    pub pending: usize,
    /// Time from the newest sample sent to the newest of the log.
    pub behind: Duration,
    /// Bytes of the log that are kept for it.
    pub backlog_bytes: u64,
    /// Items that it took.
    pub sent: u64,
    /// Items that it refused for good.
    pub failed: u64,
    /// Items that were not sent to it.
    pub dropped: u64,
    /// Whether the last request failed and is made again.
    pub is_failing: bool,
    /// When it last took a request, in milliseconds since the Unix epoch.
    pub last_success_ms: Option<i64>,
    /// When a request last failed, in milliseconds since the Unix epoch, and how.
    pub last_error: Option<(i64, String)>,
}
