//! Settings of alerting, under Alertmanager's names with `alertmanager.` before them.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::serve::duration;

/// Settings of alerting.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Alerting")]
pub(crate) struct AlertingArgs {
    /// Alertmanager configuration file: routes, receivers, inhibition. Packs bring their own.
    #[arg(
        id = "alertmanager_config_file",
        long = "alertmanager.config.file",
        env = "SKOPOS_ALERTMANAGER_CONFIG_FILE",
        value_name = "FILE"
    )]
    pub(crate) config_file: Option<PathBuf>,
    /// Incidents file: the time to recover that is aimed at, escalations, heartbeats. Packs bring
    /// their own as incidents.yml.
    #[arg(long = "incidents.file", value_name = "FILE")]
    pub(crate) incidents_file: Option<PathBuf>,
    /// How long expired silences and what receivers were told are kept.
    #[arg(long = "alertmanager.data.retention", value_name = "DURATION", default_value = "120h", value_parser = duration)]
    pub(crate) retention: Duration,
    /// Notify nobody for this long after the start, so that alerts gather first.
    #[arg(long = "alertmanager.dispatch.start-delay", value_name = "DURATION", default_value = "0s", value_parser = duration)]
    pub(crate) start_delay: Duration,
    /// Most alerts of one name; 0 is no limit.
    #[arg(
        long = "alertmanager.alerts.per-alertname-limit",
        value_name = "N",
        default_value_t = 0
    )]
    pub(crate) per_alertname_limit: usize,
    /// How long sent notifications and resolved incidents are kept.
    #[arg(long = "alerting.history.retention", value_name = "DURATION", default_value = "90d", value_parser = duration)]
    pub(crate) history_retention: Duration,
}
