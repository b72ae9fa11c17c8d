//! Settings of `skopos import …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What can be taken in.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  skopos import prometheus /var/lib/prometheus --dry-run           say what it would take
  skopos import prometheus /var/lib/prometheus --storage.path data
  skopos import prometheus snapshots/20260301T000000Z-1a2b --match '{job=\"api\"}' --from 30d
  skopos import openmetrics backfill.om                            as promtool tsdb create-blocks-from openmetrics
  zcat backfill.om.gz | skopos import openmetrics -

No server may run on the data directory meanwhile. The source is read and never changed; stop its Prometheus first, or
import a snapshot (POST /api/v1/admin/tsdb/snapshot). An import that was ended, by Ctrl-C or kill -9, is
started again: what was taken is not taken twice. docs/import-export.md says what is kept.")]
pub(crate) enum ImportCommand {
    /// The data directory of a Prometheus: its blocks and its write-ahead log. Exit code 3: some of it was damaged.
    Prometheus(ImportPrometheusArgs),
    /// OpenMetrics text with a timestamp on each sample.
    Openmetrics(ImportOpenmetricsArgs),
}

/// Where to, and how to say it.
#[derive(Debug, Clone, Args)]
pub(crate) struct ImportTarget {
    /// The data directory of Skopos to write to.
    #[arg(
        long = "storage.path",
        alias = "storage.tsdb.path",
        env = "SKOPOS_STORAGE_PATH",
        value_name = "DIR",
        default_value = "data"
    )]
    pub(crate) storage_path: PathBuf,
    /// Tenant to write to.
    #[arg(long, value_name = "NAME")]
    pub(crate) tenant: Option<String>,
    /// Say what would be taken and what not, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which samples.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Which samples")]
pub(crate) struct SelectionArgs {
    /// Series selector; a series that matches any of several is taken.
    #[arg(long = "match", value_name = "SELECTOR")]
    pub(crate) matches: Vec<String>,
    /// From this time on: a duration before now, a Unix time or RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Up to this time, itself included: a duration before now, a Unix time or RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
}

/// Settings of `import prometheus`.
#[derive(Debug, Args)]
pub(crate) struct ImportPrometheusArgs {
    /// The folder that --storage.tsdb.path of Prometheus names, or a snapshot of it.
    #[arg(value_name = "DIR")]
    pub(crate) source: PathBuf,
    /// Which ones.
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    /// Where to.
    #[command(flatten)]
    pub(crate) target: ImportTarget,
}

/// Settings of `import openmetrics`.
#[derive(Debug, Args)]
pub(crate) struct ImportOpenmetricsArgs {
    /// The file; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Which ones.
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    /// Where to.
    #[command(flatten)]
    pub(crate) target: ImportTarget,
}
