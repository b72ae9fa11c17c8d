//! What the APIs answer from. The binary fills it; handlers only read it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use skopos_core::Clock;
use skopos_core::ledger::Ledger;
use skopos_core::limits::TenantLimits;

use crate::alertmanager::AlertmanagerHandle;
use crate::options::{BuildInfo, ServerOptions};
use crate::query_log::QueryLog;
use crate::skopos::alerting::AlertingView;
use crate::skopos::dlq::DeadLettersView;
use crate::views::{
    ConfigView, DashboardsView, FleetView, ProvingView, Reloader, RemoteWriteView, RulesView, Stores, TargetsView,
};

/// Stores, engines and views that the APIs need.
#[derive(Debug)]
pub struct State {
    /// The stores of all tenants.
    pub stores: Arc<dyn Stores>,
    /// The loaded rules and their alerts.
    pub rules: Arc<dyn RulesView>,
    /// The scrape targets.
    pub targets: Arc<dyn TargetsView>,
    /// The loaded configuration and flags.
    pub config: Arc<dyn ConfigView>,
    /// The provisioned dashboards.
    pub dashboards: Arc<dyn DashboardsView>,
    /// What rules are proven against.
    pub proving: Arc<dyn ProvingView>,
    /// The Alertmanager, if there is one.
    pub alertmanager: Option<Arc<AlertmanagerHandle>>,
    /// Notifications, incidents and what belongs to them, if there is an Alertmanager.
    pub alerting: Option<Arc<dyn AlertingView>>,
    /// The dead letters of an event bus, if this server looks at one.
    pub dead_letters: Option<Arc<dyn DeadLettersView>>,
    /// The outside stores that samples are sent to, if any can be.
    pub remote_write: Option<Arc<dyn RemoteWriteView>>,
    /// The fleet, if this server runs one.
    pub fleet: Option<Arc<dyn FleetView>>,
    /// Reloads the configuration.
    pub reloader: Arc<dyn Reloader>,
    /// Where PromQL queries are logged.
    pub query_log: Arc<QueryLog>,
    /// Evaluates PromQL.
    pub promql: skopos_promql::Engine,
    /// Evaluates LogQL.
    pub logql: skopos_logql::Engine,
    /// Counts of what came in.
    pub ledger: Arc<Ledger>,
    /// Limits of tenants.
    pub limits: TenantLimits,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Facts about the build.
    pub build: BuildInfo,
    /// Whether the stores are open.
    pub readiness: Arc<Readiness>,
    /// Bounds.
    pub options: ServerOptions,
}

/// Whether the server may answer: false while the stores replay and once shutdown began.
#[derive(Debug, Default)]
pub struct Readiness {
    ready: AtomicBool,
}

impl Readiness {
    /// Says whether requests may be answered.
    pub fn set(&self, ready: bool) {
        self.ready.store(ready, Ordering::Release);
    }

    /// Whether requests may be answered.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }
}
