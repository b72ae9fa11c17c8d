//! Settings of `skopos test …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What can be tested.
#[derive(Debug, Subcommand)]
pub(crate) enum TestCommand {
    /// Rules, by unit-test files in promtool's format. Exit code 0: all hold; 1: some do not.
    #[command(
        after_help = "Examples:\n  skopos test rules tests.yml\n  skopos test rules --run 'disk' --diff tests/*.yml\n  skopos test rules --junit report.xml tests/*.yml"
    )]
    Rules(TestRulesArgs),
}

/// Settings of `test rules`.
#[derive(Debug, Args)]
pub(crate) struct TestRulesArgs {
    /// Unit-test files.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Run only tests whose names match. May be given more than once.
    #[arg(long, value_name = "REGEX")]
    pub(crate) run: Vec<String>,
    /// Show what was expected and what came as whole lines with - and +.
    #[arg(long)]
    pub(crate) diff: bool,
    /// Pass over fields that rule files and test files do not have.
    #[arg(long)]
    pub(crate) ignore_unknown_fields: bool,
    /// Optional features of the query language, as for `serve`.
    #[arg(long = "enable-feature", value_name = "NAME", value_delimiter = ',')]
    pub(crate) feature_names: Vec<String>,
    /// Write a report in JUnit's format too.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Print the outcome as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
