//! Settings of `skopos query …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What can be asked.
#[derive(Debug, Subcommand)]
pub(crate) enum QueryCommand {
    /// PromQL, at an instant or over a range.
    #[command(
        after_help = "Examples:\n  skopos query metrics 'sum by (job) (up)'\n  skopos query metrics --start 1h 'rate(http_requests_total[5m])'\n  skopos query metrics --explain 'sum by (job) (rate(http_requests_total[5m]))'"
    )]
    Metrics(MetricsArgs),
    /// LogQL: lines, newest last, or values.
    #[command(
        after_help = "Examples:\n  skopos query logs '{job=\"gateway\"} |= \"error\"'\n  skopos query logs --start 15m 'sum by (job) (count_over_time({job=~\".+\"}[1m]))'"
    )]
    Logs(QueryArgs),
    /// Traces of a service, or one trace by its id.
    #[command(
        after_help = "Examples:\n  skopos query traces gateway\n  skopos query traces gateway --tag error=true --min-duration 100ms\n  skopos query traces 4bf92f3577b34da6a3ce929d0e0e4736"
    )]
    Traces(TraceArgs),
}

/// Where to ask and how to print.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerArgs {
    /// URL of the server.
    #[arg(
        long,
        env = "SKOPOS_SERVER",
        value_name = "URL",
        default_value = "http://localhost:9090"
    )]
    pub(crate) server: String,
    /// Credentials, authorities and headers for the server, in the format of promtool's file of that flag.
    #[arg(long = "http.config.file", env = "SKOPOS_HTTP_CONFIG_FILE", value_name = "FILE")]
    pub(crate) http_config: Option<PathBuf>,
    /// Tenant to ask for.
    #[arg(long, value_name = "NAME")]
    pub(crate) tenant: Option<String>,
    /// Print the server's JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A metrics or logs query.
#[derive(Debug, Clone, Args)]
pub(crate) struct QueryArgs {
    /// The query.
    pub(crate) query: String,
    /// Start of the range: a duration before now, a Unix time or RFC 3339. Without it metrics are
    /// asked at one instant, logs over the last hour.
    #[arg(long, value_name = "TIME")]
    pub(crate) start: Option<String>,
    /// End of the range, or the instant; now where not given.
    #[arg(long, value_name = "TIME")]
    pub(crate) end: Option<String>,
    /// Step of a range; by default a hundredth of it.
    #[arg(long, value_name = "DURATION")]
    pub(crate) step: Option<String>,
    /// Most log lines.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: usize,
    /// Where to ask and how to print.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// A metrics query.
#[derive(Debug, Clone, Args)]
pub(crate) struct MetricsArgs {
    /// Show the plan, what would be read, and what was read, instead of the result.
    #[arg(long)]
    pub(crate) explain: bool,
    /// With --explain: do not evaluate the query.
    #[arg(long, requires = "explain")]
    pub(crate) dry_run: bool,
    /// The query and when it is evaluated.
    #[command(flatten)]
    pub(crate) query: QueryArgs,
}

/// A trace search.
#[derive(Debug, Clone, Args)]
pub(crate) struct TraceArgs {
    /// A service, or a trace id of 32 hex digits.
    #[arg(value_name = "SERVICE|TRACE")]
    pub(crate) subject: String,
    /// Operation of the span.
    #[arg(long, value_name = "NAME")]
    pub(crate) operation: Option<String>,
    /// An attribute of the span, as key=value. May be given more than once.
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    pub(crate) tags: Vec<String>,
    /// Shortest duration of the span, such as 100ms.
    #[arg(long, value_name = "DURATION")]
    pub(crate) min_duration: Option<String>,
    /// Longest duration of the span.
    #[arg(long, value_name = "DURATION")]
    pub(crate) max_duration: Option<String>,
    /// How far back to look.
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    pub(crate) start: String,
    /// Most traces.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,
    /// Where to ask and how to print.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}
