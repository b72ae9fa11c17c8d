//! Settings of rule evaluation, under Prometheus' names where it has one.

use std::time::Duration;

use clap::Args;

use super::serve::duration;

/// Settings of rule evaluation.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Rules")]
pub(crate) struct RuleArgs {
    /// Rule file of Loki: alerts and recording rules in LogQL. Patterns are expanded. May be given
    /// more than once. In packs these are loki_rules*.yml and everything in logql_rules/.
    #[arg(long = "rules.logql", value_name = "FILE", value_delimiter = ',')]
    pub(crate) logql_files: Vec<String>,
    /// Least time between two notices of one alert.
    #[arg(long = "rules.alert.resend-delay", value_name = "DURATION", default_value = "1m", value_parser = duration)]
    pub(crate) resend_delay: Duration,
    /// Longest outage after which since when alerts are pending is still restored.
    #[arg(long = "rules.alert.for-outage-tolerance", value_name = "DURATION", default_value = "1h", value_parser = duration)]
    pub(crate) for_outage_tolerance: Duration,
    /// Least time between a restart and the firing of an alert whose state was restored. Alerts
    /// with a shorter `for` start anew.
    #[arg(long = "rules.alert.for-grace-period", value_name = "DURATION", default_value = "10m", value_parser = duration)]
    pub(crate) for_grace_period: Duration,
    /// Most rules that are evaluated at once: groups side by side, and in a group the rules that do
    /// not depend on each other.
    #[arg(long = "rules.max-concurrent-evals", value_name = "N", default_value_t = 4)]
    pub(crate) max_concurrent_evals: usize,
}
