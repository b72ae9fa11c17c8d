//! Settings of `skopos notifications …`, `skopos receiver …` and `skopos drill`.

use clap::{Args, Subcommand, ValueEnum};

use super::query::ServerArgs;

/// What can be asked of notifications.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  skopos notifications list                      what was sent to whom of late
  skopos notifications list --outcome failed
  skopos notifications show 17                   with its attempts and what was sent")]
pub(crate) enum NotificationsCommand {
    /// Recorded notifications, the newest first.
    List(NotificationListArgs),
    /// One with its attempts and payload.
    Show(NotificationShowArgs),
}

/// How a notification went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NotificationOutcome {
    /// The receiver took it.
    Delivered,
    /// The receiver did not take it.
    Failed,
}

/// Settings of `notifications list`.
#[derive(Debug, Args)]
pub(crate) struct NotificationListArgs {
    /// Only of this receiver.
    #[arg(long, value_name = "NAME")]
    pub(crate) receiver: Option<String>,
    /// Only those that went so.
    #[arg(long, value_enum)]
    pub(crate) outcome: Option<NotificationOutcome>,
    /// Only those with an alert of this name.
    #[arg(long, value_name = "NAME")]
    pub(crate) alertname: Option<String>,
    /// Only those of this incident.
    #[arg(long, value_name = "ID")]
    pub(crate) incident: Option<String>,
    /// Only those with a lower id: the page before.
    #[arg(long, value_name = "ID")]
    pub(crate) before: Option<i64>,
    /// Most rows.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: u32,
    /// Where to ask and how to print.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Settings of `notifications show`.
#[derive(Debug, Args)]
pub(crate) struct NotificationShowArgs {
    /// The notification's id.
    #[arg(value_name = "ID")]
    pub(crate) id: i64,
    /// Where to ask and how to print.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// What can be done with receivers.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  skopos receiver list
  skopos receiver test team-pager
  skopos receiver test team-pager --label severity=critical --annotation summary='only a test'

A test goes through the real integrations and says [TEST]. Exit code 1: some integration did not take it.")]
pub(crate) enum ReceiverCommand {
    /// The receivers, their integrations and how they fare.
    List(ReceiverListArgs),
    /// Send a made-up alert by every integration of a receiver.
    Test(ReceiverTestArgs),
}

/// Settings of `receiver list`.
#[derive(Debug, Args)]
pub(crate) struct ReceiverListArgs {
    /// Where to ask and how to print.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Settings of `receiver test`.
#[derive(Debug, Args)]
pub(crate) struct ReceiverTestArgs {
    /// The receiver.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// A label of the alert. May be given more than once.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = super::pair)]
    pub(crate) labels: Vec<(String, String)>,
    /// An annotation of the alert. May be given more than once.
    #[arg(long = "annotation", value_name = "NAME=VALUE", value_parser = super::pair)]
    pub(crate) annotations: Vec<(String, String)>,
    /// Where to ask and how to print.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Settings of `drill`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  skopos drill HighGatewayLatency
  skopos drill DiskFull --label instance=db-1 --label severity=critical

The alert goes where its labels route it, with the label drill=true and [DRILL] before its texts. Labels that the
rule's expression would give are given with --label. Exit code 1: somebody was not told, or nobody is to be told.")]
pub(crate) struct DrillArgs {
    /// The alerting rule.
    #[arg(value_name = "ALERT")]
    pub(crate) alert: String,
    /// A label that the rule's expression would give. May be given more than once.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = super::pair)]
    pub(crate) labels: Vec<(String, String)>,
    /// Where to ask and how to print.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}
