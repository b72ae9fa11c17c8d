//! Small windows through which the APIs look at the rest of Skopos.
//!
//! Each is a trait with plain data, so that the server knows neither the rule engine's nor the
//! scraper's types and tests can stand in for them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use skopos_core::log::{LogSink, LogSource};
use skopos_core::metric::{MetricSink, MetricSource};
use skopos_core::span::{TraceSink, TraceSource};
use skopos_core::{Labels, TenantId};

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
    /// Takes metrics.
    pub metric_sink: Arc<dyn MetricSink>,
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
    fn groups(&self) -> Vec<RuleGroupStatus>;
}

/// A rule group as `/api/v1/rules` shows it.
#[derive(Debug, Clone)]
pub struct RuleGroupStatus {
    /// Its name.
    pub name: String,
    /// The file it came from.
    pub file: String,
    /// Seconds between evaluations.
    pub interval_seconds: f64,
    /// Most results of one rule; 0 is no limit.
    pub limit: u64,
    /// Seconds that the last evaluation took.
    pub evaluation_seconds: f64,
    /// When it was last evaluated, in milliseconds; `None` if never.
    pub last_evaluation_ms: Option<i64>,
    /// Its rules.
    pub rules: Vec<RuleStatus>,
}

/// A rule as `/api/v1/rules` shows it.
#[derive(Debug, Clone)]
pub struct RuleStatus {
    /// Name of the alert or of the recorded series.
    pub name: String,
    /// Its expression.
    pub query: String,
    /// Labels added to its results.
    pub labels: Labels,
    /// How the last evaluation went.
    pub health: RuleHealth,
    /// Seconds that the last evaluation took.
    pub evaluation_seconds: f64,
    /// When it was last evaluated, in milliseconds; `None` if never.
    pub last_evaluation_ms: Option<i64>,
    /// What only alerting rules have.
    pub alerting: Option<AlertingStatus>,
}

/// How the last evaluation of a rule or scrape of a target went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleHealth {
    /// Not evaluated yet.
    Unknown,
    /// Well.
    Ok,
    /// It failed, with this text.
    Error(String),
}

/// What only alerting rules have.
#[derive(Debug, Clone)]
pub struct AlertingStatus {
    /// Seconds of `for`.
    pub duration_seconds: f64,
    /// Seconds of `keep_firing_for`.
    pub keep_firing_for_seconds: f64,
    /// Annotation templates.
    pub annotations: Vec<(String, String)>,
    /// Its active alerts.
    pub alerts: Vec<AlertStatus>,
}

/// State of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertState {
    /// Not active.
    Inactive,
    /// Active for less than `for`.
    Pending,
    /// Firing.
    Firing,
}

impl AlertState {
    /// The state's name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

/// An active alert.
#[derive(Debug, Clone)]
pub struct AlertStatus {
    /// Its labels, `alertname` included.
    pub labels: Labels,
    /// Its annotations with templates filled in.
    pub annotations: Vec<(String, String)>,
    /// Its state.
    pub state: AlertState,
    /// Since when it is active, in milliseconds.
    pub active_at_ms: i64,
    /// Since when only `keep_firing_for` keeps it, in milliseconds.
    pub keep_firing_since_ms: Option<i64>,
    /// Value of the expression.
    pub value: f64,
}

/// Shows the scrape targets.
pub trait TargetsView: Send + Sync + fmt::Debug {
    /// Targets that are scraped, sorted by pool and URL.
    fn active(&self) -> Vec<TargetStatus>;

    /// Targets that relabelling dropped.
    fn dropped(&self) -> Vec<DroppedTarget>;

    /// Names of the scrape pools, those without targets included, sorted.
    fn pools(&self) -> Vec<String>;
}

/// A target as `/api/v1/targets` shows it.
#[derive(Debug, Clone)]
pub struct TargetStatus {
    /// Its labels before relabelling.
    pub discovered_labels: Labels,
    /// Its labels.
    pub labels: Labels,
    /// The scrape configuration's `job_name`.
    pub scrape_pool: String,
    /// What is scraped.
    pub scrape_url: String,
    /// The same as seen from outside.
    pub global_url: String,
    /// How the last scrape went.
    pub health: RuleHealth,
    /// When it was last scraped, in milliseconds; `None` if never.
    pub last_scrape_ms: Option<i64>,
    /// Seconds that the last scrape took.
    pub last_scrape_seconds: f64,
    /// Interval as configured, such as `15s`.
    pub scrape_interval: String,
    /// Timeout as configured, such as `10s`.
    pub scrape_timeout: String,
}

/// A target that relabelling dropped.
#[derive(Debug, Clone)]
pub struct DroppedTarget {
    /// Its labels before relabelling.
    pub discovered_labels: Labels,
    /// The scrape configuration's `job_name`.
    pub scrape_pool: String,
}

/// Shows the configuration.
pub trait ConfigView: Send + Sync + fmt::Debug {
    /// The loaded `prometheus.yml`, secrets left out.
    fn yaml(&self) -> String;

    /// Flags and their values, Prometheus' names where it has one.
    fn flags(&self) -> BTreeMap<String, String>;

    /// How and when it was last loaded.
    fn last_reload(&self) -> ReloadStatus;

    /// Time for which data is kept, as text.
    fn retention(&self) -> String;
}

/// How and when the configuration was last loaded.
#[derive(Debug, Clone, Copy)]
pub struct ReloadStatus {
    /// Whether the last attempt succeeded.
    pub succeeded: bool,
    /// When the configuration in use was loaded, in milliseconds.
    pub loaded_at_ms: i64,
}

/// Reloads the configuration, all or nothing.
pub trait Reloader: Send + Sync + fmt::Debug {
    /// Reloads; on failure nothing changed and the text says what is wrong where.
    fn reload(&self) -> Result<(), String>;
}

/// Shows the provisioned dashboards.
pub trait DashboardsView: Send + Sync + fmt::Debug {
    /// All dashboards, sorted by folder and title.
    fn list(&self) -> Vec<DashboardSummary>;

    /// One dashboard.
    fn get(&self, uid: &str) -> Option<DashboardDocument>;
}

/// A dashboard in the list.
#[derive(Debug, Clone)]
pub struct DashboardSummary {
    /// Its unique id.
    pub uid: String,
    /// Its title.
    pub title: String,
    /// The folder it is shown in.
    pub folder: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// The file it came from.
    pub file: String,
    /// Number of panels.
    pub panels: usize,
    /// What of it is not understood.
    pub warnings: Vec<String>,
}

/// A dashboard in full.
#[derive(Debug, Clone)]
pub struct DashboardDocument {
    /// Grafana's JSON as it came.
    pub json: serde_json::Value,
    /// The folder it is shown in.
    pub folder: String,
    /// The file it came from.
    pub file: String,
    /// What of it is not understood.
    pub warnings: Vec<String>,
}
