//! Settings of `skopos check rules` and `skopos check alertmanager`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use skopos_rules::lint::Lint;

use super::serve::duration;

/// Settings of `check rules`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  skopos check rules alerts.yml\n  skopos check rules --server http://localhost:9090 packs/somaagent01\n  skopos check rules --lint=never-joins,short-range rules/\n\nA folder stands for the .yml, .yaml and .rules files in it and below that hold rules."
)]
pub(crate) struct CheckRulesArgs {
    /// Rule files, PrometheusRule objects, or folders with such.
    #[arg(required = true, value_name = "FILE|DIR")]
    pub(crate) paths: Vec<PathBuf>,
    /// Compare metrics and labels with those of this server.
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Credentials, authorities and headers for the server, in the format of promtool's file of that flag.
    #[arg(long = "http.config.file", env = "SKOPOS_HTTP_CONFIG_FILE", value_name = "FILE")]
    pub(crate) http_config: Option<PathBuf>,
    /// Tenant to ask for.
    #[arg(long, value_name = "NAME")]
    pub(crate) tenant: Option<String>,
    /// Checks to make: all, none, or some of duplicate-rules, unknown-metric, unknown-label, never-joins, short-for,
    /// missing-summary, missing-runbook, short-range, no-threshold, absent-aggregated.
    #[arg(long = "lint", value_name = "NAME", value_delimiter = ',', default_value = "all", value_parser = lint)]
    pub(crate) lints: Vec<Lints>,
    /// How often targets are scraped: ranges of rate() should span four of these.
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = duration)]
    pub(crate) scrape_interval: Duration,
    /// How often groups are evaluated that do not say so themselves.
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = duration)]
    pub(crate) evaluation_interval: Duration,
    /// The files are rule files of Loki: their expressions are LogQL.
    #[arg(long)]
    pub(crate) logql: bool,
    /// Pass over fields that rule files do not have.
    #[arg(long)]
    pub(crate) ignore_unknown_fields: bool,
    /// Optional features that the server will run with, as for `serve`.
    #[arg(long = "enable-feature", value_name = "NAME", value_delimiter = ',')]
    pub(crate) feature_names: Vec<String>,
    /// Print the findings as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What `--lint` can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lints {
    /// All checks.
    All,
    /// No check.
    None,
    /// One check.
    One(Lint),
}

fn lint(text: &str) -> Result<Lints, String> {
    match text {
        "all" => Ok(Lints::All),
        "none" => Ok(Lints::None),
        name => {
            let lint = Lint::ALL.into_iter().find(|lint| lint.name() == name);
            lint.map(Lints::One).ok_or_else(|| {
                let names: Vec<&str> = Lint::ALL.iter().map(|lint| lint.name()).collect();
                format!("there is no such lint; there are all, none, {}", names.join(", "))
            })
        }
    }
}

/// Settings of `check alertmanager`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  skopos check alertmanager alertmanager.yml
  skopos check alertmanager packs/*/alertmanager.yml --json
  skopos check alertmanager alertmanager.yml --route severity=critical team=web
  skopos check alertmanager alertmanager.yml --verify.receivers pager,chat --route severity=critical

Exit code 0: fine; 1: broken, or other receivers than --verify.receivers says; 2: usage; 3: findings.")]
pub(crate) struct CheckAlertmanagerArgs {
    /// Alertmanager configuration files.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Tell who is told of an alert with these labels. Takes all words that follow.
    #[arg(long = "route", value_name = "LABEL=VALUE", num_args = 1.., value_parser = super::pair)]
    pub(crate) route: Vec<(String, String)>,
    /// With --route: fail unless exactly these receivers are told, in this order.
    #[arg(
        long = "verify.receivers",
        value_name = "NAME",
        value_delimiter = ',',
        requires = "route"
    )]
    pub(crate) verify_receivers: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
