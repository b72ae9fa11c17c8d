//! Settings of `skopos alerts …`.

use clap::{Args, Subcommand};

use super::query::ServerArgs;

/// Settings of `alerts`.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_precedence_over_arg = true,
    after_help = "Examples:
  skopos alerts                                  everything that fires, silenced and inhibited alerts too
  skopos alerts list HighLatency                 a bare first word is the alert's name
  skopos alerts list severity=critical 'team=~web|api' --active
  skopos alerts show HighLatency                 labels, receivers, what decided it and where to look
  skopos alerts show 7f2bfbd3a1c04e9d --json"
)]
pub(crate) struct AlertsArgs {
    /// What to do; `list` where nothing is said.
    #[command(subcommand)]
    pub(crate) command: Option<AlertsCommand>,
    /// Settings of `list`.
    #[command(flatten)]
    pub(crate) list: AlertListArgs,
}

/// What can be asked of alerts.
#[derive(Debug, Subcommand)]
pub(crate) enum AlertsCommand {
    /// The alerts that fire (the default).
    List(AlertListArgs),
    /// An alert with what decided it.
    Show(AlertShowArgs),
}

/// Settings of `alerts list`.
#[derive(Debug, Clone, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four flags of the command line, as amtool has them"
)]
pub(crate) struct AlertListArgs {
    /// Only alerts that match all of these, such as severity=critical; a bare first word is the alert's name.
    #[arg(value_name = "MATCHER")]
    pub(crate) matchers: Vec<String>,
    /// Only alerts that notify. Several of these four flags add up.
    #[arg(long, short = 'a')]
    pub(crate) active: bool,
    /// Only silenced alerts.
    #[arg(long, short = 's')]
    pub(crate) silenced: bool,
    /// Only inhibited alerts.
    #[arg(long, short = 'i')]
    pub(crate) inhibited: bool,
    /// Only alerts that no group has taken up yet.
    #[arg(long, short = 'u')]
    pub(crate) unprocessed: bool,
    /// Only alerts of receivers whose whole name matches.
    #[arg(long, value_name = "REGEX")]
    pub(crate) receiver: Option<String>,
    /// Where to ask and how to print.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Settings of `alerts show`.
#[derive(Debug, Args)]
pub(crate) struct AlertShowArgs {
    /// The alert's fingerprint, 16 hex digits, or its name.
    #[arg(value_name = "FINGERPRINT|NAME")]
    pub(crate) alert: String,
    /// Where to ask and how to print.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}
