//! Settings of what is sent on to outside stores.

use std::time::Duration;

use anyhow::bail;
use clap::Args;
use skopos_config::Mode;

use super::serve::{ServeArgs, duration, size};

/// What is sent on, and how long the log is kept for it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Remote write")]
pub(crate) struct RemoteArgs {
    /// Only take in metrics and send them on to the stores that `remote_write` of --config.file names: nothing is stored
    /// beyond the write-ahead log, queries are refused, and so are rules, `alerting` and `remote_read`.
    #[arg(long)]
    pub(crate) agent: bool,
    /// Bytes of the write-ahead log that are kept for remotes that are away; older samples are then not sent.
    #[arg(long = "storage.remote.backlog-size", value_name = "BYTES", default_value = "4GB", value_parser = size)]
    pub(crate) backlog_bytes: u64,
    /// How long the write-ahead log is kept for remotes that are away.
    #[arg(
        long = "storage.remote.backlog-time",
        alias = "storage.agent.retention.max-time",
        value_name = "DURATION",
        default_value = "1d",
        value_parser = duration
    )]
    pub(crate) backlog_time: Duration,
    /// How long the end of the process waits for samples to be sent; what is left is sent after the next start.
    #[arg(long = "storage.remote.flush-deadline", value_name = "DURATION", default_value = "1m", value_parser = duration)]
    pub(crate) flush_deadline: Duration,
    /// Accepted for Prometheus' sake: what was sent is forgotten at once.
    #[arg(long = "storage.agent.retention.min-time", hide = true, value_name = "DURATION", value_parser = duration)]
    pub(crate) agent_min_time: Option<Duration>,
}

impl RemoteArgs {
    /// For what the configuration is meant.
    pub(crate) fn mode(&self) -> Mode {
        if self.agent { Mode::Agent } else { Mode::Server }
    }
}

/// Refuses what an agent does not carry out.
pub(crate) fn refuse_in_agent_mode(args: &ServeArgs) -> anyhow::Result<()> {
    if !args.remote.agent {
        return Ok(());
    }
    let named = [
        ("--rules.logql", !args.rules.logql_files.is_empty()),
        ("--alertmanager.config.file", args.alerting.config_file.is_some()),
        ("--incidents.file", args.alerting.incidents_file.is_some()),
        ("--bus", args.bus.is_some()),
        ("--web.enable-admin-api", args.prometheus.enable_admin_api),
    ];
    match named.iter().find(|(_, is_named)| *is_named) {
        Some((flag, _)) => bail!("{flag} cannot be used together with --agent: an agent stores and evaluates nothing"),
        None => Ok(()),
    }
}
