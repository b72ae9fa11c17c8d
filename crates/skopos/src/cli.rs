//! The command line: what can be said, with help that teaches. Names follow Prometheus where it
//! has one.

pub(crate) mod alerting;
pub(crate) mod alerts;
pub(crate) mod check;
pub(crate) mod compat;
pub(crate) mod demo;
pub(crate) mod dlq;
pub(crate) mod downsample;
pub(crate) mod export;
pub(crate) mod fault;
pub(crate) mod import;
pub(crate) mod incidents;
pub(crate) mod kubernetes;
pub(crate) mod notifications;
pub(crate) mod prometheus;
pub(crate) mod prove;
pub(crate) mod query;
pub(crate) mod remote;
pub(crate) mod rules;
pub(crate) mod serve;
pub(crate) mod silence;
pub(crate) mod test;

use std::path::PathBuf;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

/// One process for metrics, logs, traces, alerts and dashboards.
///
/// Without a command Skopos serves, with an embedded store in ./data, on loopback only:
/// open http://localhost:9090.
#[derive(Debug, Parser)]
#[command(name = "skopos", version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// What to do; `serve` where nothing is said.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Settings of `serve`.
    #[command(flatten)]
    pub(crate) serve: serve::ServeArgs,
}

impl Cli {
    /// Reads the command line of the process; ends it on `--help` and on what cannot be understood.
    pub(crate) fn read() -> Self {
        if let Some(refusal) = prometheus::refusal(std::env::args()) {
            Self::shaped()
                .error(clap::error::ErrorKind::UnknownArgument, refusal)
                .exit();
        }
        let matches = Self::shaped().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// The command line with the demo's own default where it shares a setting with `serve`.
    pub(crate) fn shaped() -> clap::Command {
        Self::command().mut_subcommand("demo", |demo| {
            demo.mut_arg("storage_path", |argument| argument.default_value(demo::STORAGE_PATH))
                .mut_arg("bus", |argument| argument.help(demo::BUS_HELP).help_heading("Demo"))
        })
    }
}

const EXAMPLES: &str = "Examples:
  skopos demo                                   see it at work with a fleet of services
  skopos                                        serve with an empty configuration
  skopos --config.file prometheus.yml           take over from a Prometheus
  skopos --pack packs/somaagent01               load a folder of scrape config, rules and dashboards
  skopos check config prometheus.yml            check a configuration before using it
  skopos check rules alerts.yml                 find rules that are broken or hardly meant
  skopos test rules tests.yml                   run rule unit tests in promtool's format
  skopos prove --pack packs/somaagent01         prove that each alert can fire and resolve
  skopos import prometheus /var/lib/prometheus  take over what a Prometheus has stored
  skopos query metrics 'sum by (job) (up)'      ask a running Skopos
  skopos alerts                                 what fires there
  skopos silence add HighLatency -c deploying   keep an alert quiet for an hour
  skopos dlq list                               events that services gave up
  skopos drill HighLatency                      see whether an alert would reach somebody";

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Receive, scrape, store, evaluate and show (the default).
    Serve(Box<serve::ServeArgs>),
    /// Serve, and run a fleet of real services with traffic to look at.
    Demo(Box<demo::DemoArgs>),
    /// Run one service of the fleet; the demo starts them all.
    Fleet(skopos_fleet::FleetCommand),
    /// Switch a fault of a running demo, and see which alert finds it.
    Fault(fault::FaultArgs),
    /// Check files before they are used. Exit code 0: fine; 1: broken; 3: findings.
    #[command(subcommand)]
    Check(CheckCommand),
    /// Run tests that people wrote.
    #[command(subcommand)]
    Test(test::TestCommand),
    /// Ask a running Skopos.
    #[command(subcommand)]
    Query(query::QueryCommand),
    /// Show the alerts that fire.
    Alerts(alerts::AlertsArgs),
    /// Keep alerts quiet for a while.
    #[command(subcommand)]
    Silence(silence::SilenceCommand),
    /// Show what was sent to whom, and how it went.
    #[command(subcommand)]
    Notifications(notifications::NotificationsCommand),
    /// Show incidents, take them on, write notes.
    #[command(subcommand)]
    Incidents(incidents::IncidentsCommand),
    /// List, show, replay and discard events that were given up. Exit code 1: some could not be.
    #[command(subcommand)]
    Dlq(dlq::DlqCommand),
    /// Show and test those who are told.
    #[command(subcommand)]
    Receiver(notifications::ReceiverCommand),
    /// Send an alert through the real receivers, marked as a drill. Exit code 1: somebody was not told.
    Drill(notifications::DrillArgs),
    /// Prove that each alert fires, reaches somebody and resolves. Exit code 3: a rule is broken.
    Prove(prove::ProveArgs),
    /// Tell when rules would have fired on stored history, also with other thresholds.
    Backtest(Box<prove::BacktestArgs>),
    /// List the selectors of rules and dashboards that match no series. Exit code 3: there are some.
    Dead(prove::DeadArgs),
    /// Show which services are watched for what, and by whom.
    Coverage(prove::CoverageArgs),
    /// Take samples in from a Prometheus or from OpenMetrics text.
    #[command(subcommand)]
    Import(import::ImportCommand),
    /// Write samples out as OpenMetrics, JSON lines or Parquet.
    Export(export::ExportArgs),
    /// Say which version this is.
    Version(VersionArgs),
    /// Print a completion script for a shell, to be sourced.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// What can be checked.
#[derive(Debug, Subcommand)]
pub(crate) enum CheckCommand {
    /// A prometheus.yml, the rule files it names, and everything in packs.
    Config(CheckConfigArgs),
    /// Rule files: what is broken, and what is allowed but hardly meant.
    Rules(check::CheckRulesArgs),
    /// Web configurations, as `--web.config.file` takes them, with the certificates and keys that they name.
    #[command(name = "web-config")]
    WebConfig(CheckWebConfigArgs),
    /// An alertmanager.yml: what is broken, who would be told, and what is allowed but hardly meant.
    Alertmanager(check::CheckAlertmanagerArgs),
}

/// Settings of `check config`.
#[derive(Debug, Args)]
pub(crate) struct CheckConfigArgs {
    /// Configuration files, or folders of packs.
    #[arg(required = true, value_name = "FILE|PACK")]
    pub(crate) paths: Vec<PathBuf>,
    /// Optional features that the server will run with, as for `serve`.
    #[arg(long = "enable-feature", value_name = "NAME", value_delimiter = ',')]
    pub(crate) feature_names: Vec<String>,
    /// The files are meant for `serve --agent`, which refuses some sections.
    #[arg(long)]
    pub(crate) agent: bool,
    /// Print the findings as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Settings of `check web-config`.
#[derive(Debug, Args)]
pub(crate) struct CheckWebConfigArgs {
    /// Web configuration files.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// `name=value` in its two parts.
fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// Settings of `version`.
#[derive(Debug, Args)]
pub(crate) struct VersionArgs {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
