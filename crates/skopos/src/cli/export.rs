//! Settings of `skopos export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::import::SelectionArgs;

/// How samples are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// OpenMetrics text with timestamps, as promtool and `skopos import openmetrics` read it.
    Openmetrics,
    /// A JSON object for each series, as VictoriaMetrics' /api/v1/export writes it.
    Jsonl,
    /// Parquet with the columns metric, labels, timestamp, value, histogram.
    Parquet,
}

/// Settings of `export`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  skopos export --format openmetrics -o all.om
  skopos export --format jsonl --match '{job=\"api\"}' --from 7d | gzip > api.jsonl.gz
  skopos export --format parquet --from 2026-03-01T00:00:00Z --to 2026-03-31T23:59:59Z -o march.parquet

No server may run on the data directory meanwhile; export a snapshot of it (POST /api/v1/admin/tsdb/snapshot) while one
does. Native histograms are kept by jsonl and parquet, staleness markers by parquet, exemplars by openmetrics; what is
left out is counted and told on stderr. docs/import-export.md describes the columns.")]
pub(crate) struct ExportArgs {
    /// The form of the output.
    #[arg(long, value_enum)]
    pub(crate) format: ExportFormat,
    /// Which ones.
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    /// The data directory to read.
    #[arg(
        long = "storage.path",
        alias = "storage.tsdb.path",
        env = "SKOPOS_STORAGE_PATH",
        value_name = "DIR",
        default_value = "data"
    )]
    pub(crate) storage_path: PathBuf,
    /// Tenant to read.
    #[arg(long, value_name = "NAME")]
    pub(crate) tenant: Option<String>,
    /// The file to write; standard output where not given.
    #[arg(long, short = 'o', value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}
