//! Settings of `skopos silence …`, with the words of amtool.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::query::ServerArgs;

/// What can be done with silences.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  skopos silence add HighLatency service=gateway --duration 2h --comment 'new index is built'
  skopos silence list                            those that hold or will hold
  skopos silence list --quiet severity=warning | xargs skopos silence expire
  skopos silence export > silences.json
  skopos silence import silences.json --server http://other:9090")]
pub(crate) enum SilenceCommand {
    /// Silences that are active or pending, or expired ones.
    #[command(alias = "query")]
    List(SilenceListArgs),
    /// Make a silence; prints its id.
    Add(SilenceAddArgs),
    /// End silences.
    Expire(SilenceExpireArgs),
    /// Make silences of a file that `export` or amtool's `silence query -o json` wrote; prints their ids.
    Import(SilenceImportArgs),
    /// Write silences as JSON, to be imported elsewhere.
    Export(SilenceExportArgs),
}

/// Which silences are meant.
#[derive(Debug, Clone, Args)]
pub(crate) struct SilenceFilter {
    /// Only silences that have all of these matchers, as written; a bare first word is the alert's name.
    #[arg(value_name = "MATCHER")]
    pub(crate) matchers: Vec<String>,
    /// Expired ones in place of those that hold.
    #[arg(long)]
    pub(crate) expired: bool,
    /// Only those that end within this time or, with --expired, ended within it.
    #[arg(long, value_name = "DURATION")]
    pub(crate) within: Option<String>,
    /// Only those that this person made.
    #[arg(long, value_name = "NAME")]
    pub(crate) created_by: Option<String>,
    /// Only this one. May be given more than once.
    #[arg(long = "id", value_name = "ID")]
    pub(crate) ids: Vec<String>,
}

/// Settings of `silence list`.
#[derive(Debug, Args)]
pub(crate) struct SilenceListArgs {
    /// Which ones.
    #[command(flatten)]
    pub(crate) filter: SilenceFilter,
    /// Print the ids alone.
    #[arg(long, short = 'q')]
    pub(crate) quiet: bool,
    /// Where to ask and how to print.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Settings of `silence add`.
#[derive(Debug, Args)]
pub(crate) struct SilenceAddArgs {
    /// What the alerts must match, all of it, such as service=gateway or 'team=~web|api'; a bare first word is the
    /// alert's name.
    #[arg(required = true, value_name = "MATCHER")]
    pub(crate) matchers: Vec<String>,
    /// How long it holds from its start.
    #[arg(long, short = 'd', value_name = "DURATION", default_value = "1h")]
    pub(crate) duration: String,
    /// Why.
    #[arg(long, short = 'c', value_name = "TEXT")]
    pub(crate) comment: String,
    /// Who.
    #[arg(long, short = 'a', env = "USER", value_name = "NAME")]
    pub(crate) author: String,
    /// When it starts, as RFC 3339 or Unix seconds; now where not given.
    #[arg(long, value_name = "TIME")]
    pub(crate) start: Option<String>,
    /// When it ends, in place of --duration.
    #[arg(long, value_name = "TIME", conflicts_with = "duration")]
    pub(crate) end: Option<String>,
    /// An annotation, such as ticket=OPS-12. May be given more than once.
    #[arg(long = "annotation", value_name = "NAME=VALUE", value_parser = super::pair)]
    pub(crate) annotations: Vec<(String, String)>,
    /// Where to ask and how to print.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Settings of `silence expire`.
#[derive(Debug, Args)]
pub(crate) struct SilenceExpireArgs {
    /// The silences.
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Where to ask and how to print.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Settings of `silence import`.
#[derive(Debug, Args)]
pub(crate) struct SilenceImportArgs {
    /// The file; - reads standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Make new silences also where the server knows those ids.
    #[arg(long, short = 'f')]
    pub(crate) force: bool,
    /// Where to ask and how to print.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Settings of `silence export`.
#[derive(Debug, Args)]
pub(crate) struct SilenceExportArgs {
    /// Which ones.
    #[command(flatten)]
    pub(crate) filter: SilenceFilter,
    /// Write to this file in place of standard output.
    #[arg(long, short = 'o', value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Where to ask.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}
