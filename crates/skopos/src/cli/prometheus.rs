//! Prometheus' flags beyond those that Skopos has under the same name: what each means here, and what
//! a flag that means nothing here should be replaced by.

use clap::Args;
use regex::Regex;

/// Flags of Prometheus that are taken as they are.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct PrometheusArgs {
    /// Let HTTP requests delete series and make snapshots (/api/v1/admin/tsdb).
    #[arg(long = "web.enable-admin-api")]
    pub(crate) enable_admin_api: bool,
    /// Pattern of the origins whose pages may read answers, anchored at both ends.
    #[arg(long = "web.cors.origin", value_name = "REGEX", default_value = ".*", value_parser = origin)]
    pub(crate) cors_origin: Regex,
    /// Most connections open at once on each listener.
    #[arg(long = "web.max-connections", value_name = "N", default_value_t = 4096)]
    pub(crate) max_connections: usize,
    /// Most samples of one answer to a remote read.
    #[arg(
        long = "storage.remote.read-sample-limit",
        value_name = "N",
        default_value_t = skopos_core::QueryBudget::DEFAULT_MAX_SAMPLES
    )]
    pub(crate) remote_read_samples: u64,
    /// Most bytes of chunks in a frame of a streamed remote read.
    #[arg(
        long = "storage.remote.read-max-bytes-in-frame",
        value_name = "BYTES",
        default_value_t = 1 << 20
    )]
    pub(crate) remote_read_frame_bytes: usize,
    /// Accepted for Prometheus' sake, where nothing else stands before the paths.
    #[arg(long = "web.route-prefix", hide = true, value_name = "PATH", value_parser = root_alone)]
    pub(crate) route_prefix: Option<String>,
    /// Accepted for Prometheus' sake: the page has its own title.
    #[arg(long = "web.page-title", hide = true, value_name = "TEXT")]
    pub(crate) page_title: Option<String>,
    /// Accepted for Prometheus' sake: OTLP is always received.
    #[arg(long = "web.enable-otlp-receiver", hide = true)]
    pub(crate) enable_otlp_receiver: bool,
    /// Accepted for Prometheus' sake: the write-ahead log has its own format.
    #[arg(long = "storage.tsdb.wal-compression", hide = true, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub(crate) wal_compression: Option<bool>,
    /// Accepted for Prometheus' sake: there is no garbage collector to tell.
    #[arg(long = "auto-gomemlimit", hide = true, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub(crate) auto_gomemlimit: Option<bool>,
    /// Accepted for Prometheus' sake: as many threads run as there are processors.
    #[arg(long = "auto-gomaxprocs", hide = true, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub(crate) auto_gomaxprocs: Option<bool>,
}

impl PrometheusArgs {
    /// The pattern of origins, if it is not every one.
    pub(crate) fn some_origins(&self) -> Option<Regex> {
        let is_all = self.cors_origin.as_str() == every_origin();
        (!is_all).then(|| self.cors_origin.clone())
    }
}

fn every_origin() -> String {
    origin(".*").map_or_else(|_| String::new(), |pattern| pattern.as_str().to_owned())
}

fn origin(pattern: &str) -> Result<Regex, String> {
    skopos_core::re2::compile_anchored(pattern)
}

fn root_alone(prefix: &str) -> Result<String, String> {
    match prefix {
        "" | "/" => Ok(prefix.to_owned()),
        _ => Err("paths always begin at the root here: let a proxy take the prefix away".to_owned()),
    }
}

/// Flags that are refused, and what to do instead.
const REFUSED: &[(&str, &str)] = &[
    (
        "config.auto-reload",
        "files are not watched: send SIGHUP, or POST to /-/reload",
    ),
    (
        "config.auto-reload-interval",
        "files are not watched: send SIGHUP, or POST to /-/reload",
    ),
    (
        "storage.tsdb.retention",
        "it is gone from Prometheus 3: say --storage.tsdb.retention.time",
    ),
    (
        "storage.tsdb.min-block-duration",
        "the store itself decides when the head is written to parts: leave the flag out",
    ),
    (
        "storage.tsdb.max-block-duration",
        "parts hold a day at most: leave the flag out",
    ),
    (
        "storage.tsdb.head-chunks-write-queue-size",
        "there are no head chunks on disk: leave the flag out",
    ),
    (
        "storage.tsdb.wal-segment-size",
        "the write-ahead log cuts its own segments: leave the flag out",
    ),
    (
        "storage.tsdb.no-lockfile",
        "the data directory is always locked, for two writers would damage it: leave the flag out",
    ),
    (
        "storage.remote.read-concurrent-limit",
        "remote reads are queries: say --query.max-concurrency",
    ),
    ("web.user-assets", "the page is part of the program: leave the flag out"),
    (
        "web.read-timeout",
        "how long a query may take is --query.timeout: leave the flag out",
    ),
    (
        "web.max-notifications-subscribers",
        "there are always 16 listeners at most: leave the flag out",
    ),
];

/// What to say of the first refused flag among the arguments.
pub(crate) fn refusal(arguments: impl IntoIterator<Item = String>) -> Option<String> {
    let before_values = arguments.into_iter().take_while(|argument| argument != "--");
    let mut flags = before_values.filter_map(|argument| argument.strip_prefix("--").map(str::to_owned));
    flags.find_map(|flag| {
        let name = flag.split('=').next().unwrap_or_default();
        let (name, instead) = REFUSED.iter().find(|(refused, _)| *refused == name)?;
        Some(format!("--{name} of Prometheus is not taken: {instead}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_flags_say_what_to_do() {
        let refused = |arguments: &[&str]| refusal(arguments.iter().map(ToString::to_string));
        let text = refused(&["skopos", "--storage.tsdb.retention=15d"]).expect("refused");
        assert!(text.contains("--storage.tsdb.retention.time"), "{text}");
        assert_eq!(refused(&["skopos", "--storage.tsdb.retention.time=15d"]), None);
        assert_eq!(
            refused(&["skopos", "query", "metrics", "--", "--web.user-assets"]),
            None
        );
        assert!(refused(&["skopos", "serve", "--web.user-assets"]).is_some());
    }

    #[test]
    fn origins_are_anchored() {
        let pattern = origin("https?://(a|b)\\.example").expect("compiles");
        assert!(pattern.is_match("http://a.example") && !pattern.is_match("http://a.example.org"));
        assert_eq!(every_origin(), "^(?:.*)$");
        assert!(root_alone("/prometheus").is_err() && root_alone("/").is_ok());
    }
}
