//! Settings of `skopos serve`. Flags beat environment beats file.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use skopos_core::TenantId;

use crate::features::Features;

/// Settings of the server.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct ServeArgs {
    /// Prometheus configuration file: scrape targets, rule files, external labels.
    #[arg(long = "config.file", env = "SKOPOS_CONFIG_FILE", value_name = "FILE")]
    pub(crate) config_file: Option<PathBuf>,
    /// Folder with any of prometheus.yml, rule files and dashboards/. May be given more than once.
    #[arg(long = "pack", env = "SKOPOS_PACK", value_name = "DIR", value_delimiter = ',')]
    pub(crate) packs: Vec<PathBuf>,
    /// Optional features to turn on, by their Prometheus names, such as promql-experimental-functions.
    #[arg(long = "enable-feature", value_name = "NAME", value_delimiter = ',')]
    pub(crate) feature_names: Vec<String>,
    /// How often Skopos looks at itself and its host; 0s turns it off.
    #[arg(long = "self.scrape-interval", value_name = "DURATION", default_value = "15s", value_parser = duration)]
    pub(crate) self_scrape_interval: Duration,

    /// Event bus whose dead letters are shown, counted, replayed and discarded; TLS and password as
    /// KAFKA_SECURITY_PROTOCOL says (docs/dead-letters.md).
    #[arg(
        long = "bus",
        env = "SKOPOS_BUS",
        value_name = "kafka://HOST:PORT",
        help_heading = "Event bus"
    )]
    pub(crate) bus: Option<String>,

    /// Folder of the embedded store; made if it is not there.
    #[arg(
        long = "storage.path",
        aliases = ["storage.tsdb.path", "storage.agent.path"],
        env = "SKOPOS_STORAGE_PATH",
        value_name = "DIR",
        default_value = "data",
        help_heading = "Storage"
    )]
    pub(crate) storage_path: PathBuf,
    /// How long metrics are kept; 0s keeps them for ever.
    #[arg(
        long = "storage.retention.time",
        alias = "storage.tsdb.retention.time",
        value_name = "DURATION",
        default_value = "30d",
        value_parser = duration,
        help_heading = "Storage"
    )]
    pub(crate) retention_metrics: Duration,
    /// Bytes of metrics beyond which the oldest go, such as 50GB; 0 is no limit. Logs and traces are not counted.
    #[arg(
        long = "storage.retention.size",
        alias = "storage.tsdb.retention.size",
        value_name = "BYTES",
        default_value = "0",
        value_parser = size,
        help_heading = "Storage"
    )]
    pub(crate) retention_metrics_bytes: u64,
    /// How long the metrics of one tenant are kept, in place of storage.retention.time; may be given for several.
    #[arg(long = "storage.retention.tenant", value_name = "TENANT=DURATION", value_parser = tenant_duration, help_heading = "Storage")]
    pub(crate) retention_tenants: Vec<(TenantId, Duration)>,
    /// Windows of time that old days are summed up in.
    #[command(flatten)]
    pub(crate) downsample: super::downsample::DownsampleArgs,
    /// A Loki configuration whose limits_config, and overrides of tenants, hold for logs, as those of loki.yaml in a pack do.
    #[arg(long = "loki.config-file", value_name = "FILE")]
    pub(crate) loki_file: Option<PathBuf>,
    /// How long logs are kept where a Loki configuration has no retention_period; 0s keeps them for ever.
    #[arg(long = "storage.retention.logs", value_name = "DURATION", default_value = "31d", value_parser = duration, help_heading = "Storage")]
    pub(crate) retention_logs: Duration,
    /// How long traces are kept; 0s keeps them for ever.
    #[arg(long = "storage.retention.traces", value_name = "DURATION", default_value = "7d", value_parser = duration, help_heading = "Storage")]
    pub(crate) retention_traces: Duration,
    /// How long traces are kept that say trace.priority=low and had no failure; 0s keeps them as the others.
    #[arg(long = "storage.retention.traces.low-priority", value_name = "DURATION", default_value = "0s", value_parser = duration, help_heading = "Storage")]
    pub(crate) retention_traces_low: Duration,
    /// When the write-ahead log reaches the disk. Both survive a killed process; `always` survives
    /// a power cut too, at the price of a disk write for each request.
    #[arg(long = "storage.wal-fsync", value_enum, default_value_t = WalFsync::Interval, help_heading = "Storage")]
    pub(crate) wal_fsync: WalFsync,
    /// Metrics are written to parts, and leave memory, when the oldest are this old; for tests.
    #[arg(long = "storage.flush-after", hide = true, value_name = "DURATION", value_parser = duration)]
    pub(crate) flush_after: Option<Duration>,
    /// Time between two looks at what is to be flushed, merged or retired; for tests.
    #[arg(long = "storage.maintenance-interval", hide = true, value_name = "DURATION", default_value = "1m", value_parser = duration)]
    pub(crate) maintenance_interval: Duration,
    /// Samples may be this much older than the newest of their series.
    #[arg(long = "storage.out-of-order-time-window", value_name = "DURATION", default_value = "0s", value_parser = duration, help_heading = "Storage")]
    pub(crate) out_of_order_window: Duration,
    /// Most memory for samples that queries have decoded from parts, for those who ask again; what nobody asks for in five minutes goes. 0 keeps none.
    #[arg(long = "storage.cache-size", value_name = "BYTES", default_value = "64MiB", value_parser = size, help_heading = "Storage")]
    pub(crate) cache_bytes: u64,

    /// Address of the page and of all HTTP APIs.
    #[arg(long = "web.listen-address", env = "SKOPOS_WEB_LISTEN_ADDRESS", value_name = "HOST:PORT", default_value = "127.0.0.1:9090", value_parser = listen_address, help_heading = "Network")]
    pub(crate) web_listen_address: SocketAddr,
    /// Address of OTLP over gRPC; `off` turns it off.
    #[arg(long = "otlp.grpc-listen-address", env = "SKOPOS_OTLP_GRPC_LISTEN_ADDRESS", value_name = "HOST:PORT", default_value = "127.0.0.1:4317", value_parser = optional_address, help_heading = "Network")]
    pub(crate) otlp_grpc_listen_address: OptionalAddress,
    /// Address of OTLP over HTTP; `off` turns it off.
    #[arg(long = "otlp.http-listen-address", env = "SKOPOS_OTLP_HTTP_LISTEN_ADDRESS", value_name = "HOST:PORT", default_value = "127.0.0.1:4318", value_parser = optional_address, help_heading = "Network")]
    pub(crate) otlp_http_listen_address: OptionalAddress,
    /// Address of StatsD over UDP and TCP, such as 127.0.0.1:8125; off unless given.
    #[arg(long = "statsd.listen-address", env = "SKOPOS_STATSD_LISTEN_ADDRESS", value_name = "HOST:PORT", default_value = "off", value_parser = optional_address, help_heading = "Network")]
    pub(crate) statsd_listen_address: OptionalAddress,
    /// Time between writes of what StatsD samples add up to.
    #[arg(long = "statsd.flush-interval", value_name = "DURATION", default_value = "10s", value_parser = duration, help_heading = "Network")]
    pub(crate) statsd_flush_interval: Duration,
    /// TLS, users and headers of all HTTP and gRPC listeners, in the format of Prometheus' exporter-toolkit.
    #[arg(long = "web.config.file", value_name = "FILE", help_heading = "Network")]
    pub(crate) web_config_file: Option<PathBuf>,
    /// URL under which others reach this server, for links in alerts.
    #[arg(long = "web.external-url", value_name = "URL", help_heading = "Network")]
    pub(crate) external_url: Option<String>,
    /// Accepted for Prometheus' sake: /-/reload always works on loopback.
    #[arg(long = "web.enable-lifecycle", hide = true)]
    pub(crate) enable_lifecycle: bool,
    /// Accepted for Prometheus' sake: remote write is always received.
    #[arg(long = "web.enable-remote-write-receiver", hide = true)]
    pub(crate) enable_remote_write_receiver: bool,
    /// Accepted for Prometheus' sake, whose images set it: the page needs no templates.
    #[arg(long = "web.console.templates", hide = true, value_name = "DIR")]
    pub(crate) console_templates: Option<PathBuf>,
    /// Accepted for Prometheus' sake, whose images set it: the page needs no libraries.
    #[arg(long = "web.console.libraries", hide = true, value_name = "DIR")]
    pub(crate) console_libraries: Option<PathBuf>,
    /// Listen beyond loopback although nothing checks who asks.
    #[arg(long = "insecure", help_heading = "Network")]
    pub(crate) insecure: bool,

    /// What is sent on to outside stores.
    #[command(flatten)]
    pub(crate) remote: super::remote::RemoteArgs,
    /// Flags of Prometheus.
    #[command(flatten)]
    pub(crate) prometheus: super::prometheus::PrometheusArgs,
    /// The ports of old.
    #[command(flatten)]
    pub(crate) compat: super::compat::CompatArgs,

    /// Longest time a query may take.
    #[arg(long = "query.timeout", value_name = "DURATION", default_value = "2m", value_parser = duration, help_heading = "Queries")]
    pub(crate) query_timeout: Duration,
    /// Most samples a query may hold in memory.
    #[arg(long = "query.max-samples", value_name = "N", default_value_t = skopos_core::QueryBudget::DEFAULT_MAX_SAMPLES, help_heading = "Queries")]
    pub(crate) query_max_samples: u64,
    /// Most queries at once; more wait.
    #[arg(
        long = "query.max-concurrency",
        value_name = "N",
        default_value_t = 20,
        help_heading = "Queries"
    )]
    pub(crate) query_max_concurrency: usize,
    /// How far back a sample may lie to count as current.
    #[arg(long = "query.lookback-delta", value_name = "DURATION", default_value = "5m", value_parser = duration, help_heading = "Queries")]
    pub(crate) query_lookback_delta: Duration,
    /// Queries that take longer are written to the log, with what they read; 0s writes all.
    #[arg(long = "query.log-slow", value_name = "DURATION", default_value = "5s", value_parser = duration, help_heading = "Queries")]
    pub(crate) query_log_slow: Duration,

    /// How rules are evaluated.
    #[command(flatten)]
    pub(crate) rules: super::rules::RuleArgs,
    /// Objects of the Prometheus operator.
    #[command(flatten)]
    pub(crate) kubernetes: super::kubernetes::KubernetesArgs,
    /// Who is told of alerts.
    #[command(flatten)]
    pub(crate) alerting: super::alerting::AlertingArgs,

    /// Least severe level that is printed: error, warn, info, debug or trace, also by module.
    #[arg(
        long = "log.level",
        env = "SKOPOS_LOG_LEVEL",
        value_name = "LEVEL",
        default_value = "info",
        help_heading = "Logging"
    )]
    pub(crate) log_level: String,
    /// Form of the lines on stderr.
    #[arg(long = "log.format", value_enum, default_value_t = LogFormat::Auto, help_heading = "Logging")]
    pub(crate) log_format: LogFormat,
}

impl ServeArgs {
    /// The features that the flags turn on.
    pub(crate) fn features(&self) -> Features {
        Features::parse(&self.feature_names).0
    }
}

/// When the write-ahead log is synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WalFsync {
    /// Once a second.
    Interval,
    /// Before each answer.
    Always,
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// Text.
    #[value(alias = "logfmt")]
    Text,
    /// One JSON object a line.
    Json,
}

/// An address, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OptionalAddress(pub(crate) Option<SocketAddr>);

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    skopos_config::parse_duration(text).map_err(|error| error.to_string())
}

pub(super) fn size(text: &str) -> Result<u64, String> {
    let bytes = skopos_config::parse_size(text).map_err(|error| error.to_string())?;
    u64::try_from(bytes).map_err(|_| "a size cannot be negative".to_owned())
}

pub(super) fn tenant_duration(text: &str) -> Result<(TenantId, Duration), String> {
    let (tenant, time) = text
        .split_once('=')
        .ok_or("expected TENANT=DURATION, such as staging=7d")?;
    let tenant = TenantId::new(tenant).map_err(|error| error.to_string())?;
    Ok((tenant, duration(time)?))
}

pub(super) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let full = match text.strip_prefix(':') {
        Some(port) => format!("0.0.0.0:{port}"),
        None => text.replacen("localhost:", "127.0.0.1:", 1),
    };
    full.parse().map_err(|_| {
        "expected HOST:PORT with a numeric host, such as 127.0.0.1:9090, or :9090 for all interfaces".to_owned()
    })
}

fn optional_address(text: &str) -> Result<OptionalAddress, String> {
    match text {
        "off" | "" => Ok(OptionalAddress(None)),
        address => listen_address(address).map(|address| OptionalAddress(Some(address))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(
            listen_address(":9090").map(|a| a.to_string()),
            Ok("0.0.0.0:9090".to_owned())
        );
        assert_eq!(
            listen_address("localhost:1").map(|a| a.to_string()),
            Ok("127.0.0.1:1".to_owned())
        );
        assert!(listen_address("nowhere").is_err());
        assert_eq!(optional_address("off"), Ok(OptionalAddress(None)));
    }
}
