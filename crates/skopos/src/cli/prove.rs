//! Settings of `skopos prove`, `backtest`, `dead` and `coverage`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::query::ServerArgs;

/// Settings of `prove`.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("what").args(["packs", "rules"]).required(true).multiple(true),
    after_help = "Examples:
  skopos prove --pack packs/somaagent01
  skopos prove --rules alerts.yml --alertmanager alertmanager.yml --junit report.xml
  skopos prove --pack packs/somaagent01 --only 'High.*' --witness-dir witnesses

Exit code 0: every rule is proven or not provable; 1: something could not be read; 2: usage; 3: a rule is broken,
or no alert reaches a receiver that is meant for some."
)]
pub(crate) struct ProveArgs {
    /// Folder with prometheus.yml, the rule files it names and alertmanager.yml. May be given more than once.
    #[arg(long = "pack", value_name = "DIR")]
    pub(crate) packs: Vec<PathBuf>,
    /// Rule file. May be given more than once.
    #[arg(long = "rules", value_name = "FILE")]
    pub(crate) rules: Vec<PathBuf>,
    /// Alertmanager configuration that the alerts go through, beside those that packs bring.
    #[arg(long = "alertmanager", value_name = "FILE")]
    pub(crate) alertmanager: Option<PathBuf>,
    /// Silences that alerts meet: a file of `skopos silence export` or amtool, or the URL of an Alertmanager.
    #[arg(long = "silences", value_name = "FILE|URL")]
    pub(crate) silences: Option<String>,
    /// Credentials, authorities and headers for that URL, in the format of promtool's file of that flag.
    #[arg(long = "http.config.file", env = "SKOPOS_HTTP_CONFIG_FILE", value_name = "FILE")]
    pub(crate) http_config: Option<PathBuf>,
    /// Only alerts whose whole name matches.
    #[arg(long = "only", value_name = "REGEX")]
    pub(crate) only: Option<String>,
    /// Write the report as JUnit XML.
    #[arg(long = "junit", value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Write each witness as a unit test that promtool runs too.
    #[arg(long = "witness-dir", value_name = "DIR")]
    pub(crate) witness_dir: Option<PathBuf>,
    /// Optional features that the server will run with, as for `serve`.
    #[arg(long = "enable-feature", value_name = "NAME", value_delimiter = ',')]
    pub(crate) feature_names: Vec<String>,
    /// Print the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Settings of `backtest`.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("what").args(["rules", "rule"]).required(true).multiple(true),
    after_help = "Examples:
  skopos backtest --rule HighGatewayLatency --from 7d
  skopos backtest --rules alerts.yml --from 2026-03-01T00:00:00Z --to 2026-03-08T00:00:00Z
  skopos backtest --rule HighGatewayErrorRate --from 30d --sweep 0.005,0.01,0.05
  skopos backtest --rules alerts.yml --storage.path data --from 7d   read a store that no server holds"
)]
pub(crate) struct BacktestArgs {
    /// File with the rules to test.
    #[arg(long = "rules", value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,
    /// Only the alerting rules of this name; without --rules of those that the server has loaded.
    #[arg(long = "rule", value_name = "NAME")]
    pub(crate) rule: Option<String>,
    /// Start: a duration before now, a Unix time or RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub(crate) from: String,
    /// End; now where not given.
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// Time between evaluations; by default the interval of the rule's group.
    #[arg(long, value_name = "DURATION")]
    pub(crate) step: Option<String>,
    /// Other numbers to compare with, in place of the rule's.
    #[arg(long, value_name = "NUMBER", value_delimiter = ',', allow_negative_numbers = true)]
    pub(crate) sweep: Vec<f64>,
    /// Other durations in place of the rule's `for`.
    #[arg(long, value_name = "DURATION", value_delimiter = ',')]
    pub(crate) sweep_for: Vec<String>,
    /// Hours of the night, as 22-6.
    #[arg(long, value_name = "FROM-TO", default_value = "22-6")]
    pub(crate) night: String,
    /// Time zone of the night, by its name in the IANA database.
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub(crate) time_zone: String,
    /// File of known incidents to compare with besides those on record: a JSON list of {startMs, endMs, service,
    /// alertnames}.
    #[arg(long, value_name = "FILE")]
    pub(crate) incidents: Option<PathBuf>,
    /// Read this store in place of asking a server. No server may hold it.
    #[arg(
        long = "storage.path",
        value_name = "DIR",
        requires = "rules",
        conflicts_with = "server"
    )]
    pub(crate) storage_path: Option<PathBuf>,
    /// Where to ask and how to print.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Settings of `dead`.
#[derive(Debug, Args)]
#[command(after_help = "Exit code 0: nothing is dead; 1: no answer; 3: some selector matches no series.")]
pub(crate) struct DeadArgs {
    /// List the metrics that nobody reads, too.
    #[arg(long)]
    pub(crate) unread: bool,
    /// Where to ask and how to print.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Settings of `coverage`.
#[derive(Debug, Args)]
pub(crate) struct CoverageArgs {
    /// Tell for each rule why it stands where it does.
    #[arg(long)]
    pub(crate) why: bool,
    /// Where to ask and how to print.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}
