//! What the server is told about itself: limits of queries and requests, and build facts.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::web_guard::WebGuard;

/// Bounds of queries, under the meaning of Prometheus' `--query.*` flags.
#[derive(Debug, Clone)]
pub struct QueryOptions {
    /// Longest time one query may take, waiting included (`--query.timeout`).
    pub timeout: Duration,
    /// Most queries evaluated at once (`--query.max-concurrency`).
    pub max_concurrency: usize,
    /// Most samples one query may hold in memory (`--query.max-samples`).
    pub max_samples: u64,
    /// A query that takes longer is written to the log.
    pub slow_after: Duration,
}

impl Default for QueryOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_mins(2),
            max_concurrency: 20,
            max_samples: skopos_core::QueryBudget::DEFAULT_MAX_SAMPLES,
            slow_after: Duration::from_secs(5),
        }
    }
}

/// Bounds of remote reads, under the meaning of Prometheus' `--storage.remote.read-*` flags.
#[derive(Debug, Clone, Copy)]
pub struct RemoteReadOptions {
    /// Most samples of one answer.
    pub max_samples: u64,
    /// Bytes of chunks after which a frame of a streamed answer ends.
    pub frame_bytes: usize,
}

impl Default for RemoteReadOptions {
    fn default() -> Self {
        Self {
            max_samples: skopos_core::QueryBudget::DEFAULT_MAX_SAMPLES,
            frame_bytes: 1 << 20,
        }
    }
}

/// A slow query leaves threads for the others.
const MIN_QUERY_THREADS: usize = 4;

/// Bounds of requests and connections.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Bounds of queries.
    pub query: QueryOptions,
    /// Bounds of remote reads.
    pub remote_read: RemoteReadOptions,
    /// Threads for query work.
    pub query_threads: usize,
    /// Threads for decoding and appending.
    pub ingest_threads: usize,
    /// Most pushes decoded at once; the others wait.
    pub ingest_max_concurrency: usize,
    /// Largest request body, before and after decompression, in bytes.
    pub max_body_bytes: usize,
    /// Most connections open at once on each listener.
    pub max_connections: usize,
    /// How long requests in flight may go on once shutdown began.
    pub drain_timeout: Duration,
    /// Whether `/-/reload` and `/-/quit` act (`--web.enable-lifecycle`).
    pub lifecycle: Lifecycle,
    /// Whether the admin API acts (`--web.enable-admin-api`).
    pub admin_api: AdminApi,
    /// Whether names can be searched (`--enable-feature=search-api`).
    pub search_api: SearchApi,
    /// Origins whose pages may read answers (`--web.cors.origin`); all where there is none.
    pub cors_origin: Option<regex::Regex>,
    /// Whether queries are answered (`--agent` turns that off).
    pub role: Role,
    /// Where groups that jobs push are kept; in memory alone without one.
    pub pushgateway_folder: Option<PathBuf>,
    /// Time between writes of what StatsD samples add up to.
    pub statsd_flush_interval: Duration,
    /// TLS, users and headers of all HTTP listeners (`--web.config.file`).
    pub web: Option<Arc<WebGuard>>,
    /// Where OTLP is taken besides the page's port, as the connect page tells.
    pub otlp_ports: OtlpPorts,
}

/// What the server is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Role {
    /// It stores and answers.
    #[default]
    Server,
    /// It takes in metrics and sends them on.
    Agent,
}

/// Ports of the OTLP listeners that are on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OtlpPorts {
    /// OTLP over gRPC.
    pub grpc: Option<u16>,
    /// OTLP over HTTP.
    pub http: Option<u16>,
}

/// Whether the lifecycle endpoints act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifecycle {
    /// They do.
    Enabled,
    /// They answer 403, as Prometheus does without `--web.enable-lifecycle`.
    Disabled,
}

/// Whether the endpoints that delete and copy data act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminApi {
    /// They do.
    Enabled,
    /// They answer that they are disabled, as Prometheus does without `--web.enable-admin-api`.
    Disabled,
}

/// Whether the endpoints that search names act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchApi {
    /// They do.
    Enabled,
    /// They answer that they are disabled, as Prometheus does without `--enable-feature=search-api`.
    Disabled,
}

impl ServerOptions {
    /// Largest body that OTLP recommends to take: 64 MiB.
    pub const DEFAULT_MAX_BODY_BYTES: usize = 64 * 1024 * 1024;
}

impl Default for ServerOptions {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            query: QueryOptions::default(),
            remote_read: RemoteReadOptions::default(),
            query_threads: threads.max(MIN_QUERY_THREADS),
            ingest_threads: threads,
            ingest_max_concurrency: 4 * threads,
            max_body_bytes: Self::DEFAULT_MAX_BODY_BYTES,
            max_connections: 4096,
            drain_timeout: Duration::from_secs(10),
            lifecycle: Lifecycle::Enabled,
            admin_api: AdminApi::Disabled,
            search_api: SearchApi::Disabled,
            cors_origin: None,
            role: Role::Server,
            pushgateway_folder: None,
            statsd_flush_interval: Duration::from_secs(10),
            web: None,
            otlp_ports: OtlpPorts::default(),
        }
    }
}

/// Facts about this build (`/api/v1/status/buildinfo`).
#[derive(Debug, Clone)]
pub struct BuildInfo {
    /// Version of Skopos.
    pub version: String,
    /// Commit.
    pub revision: String,
    /// Branch.
    pub branch: String,
    /// When it was built.
    pub build_date: String,
}

impl BuildInfo {
    /// As the APIs of Prometheus, the Pushgateway and Loki tell it.
    pub(crate) fn json(&self) -> Value {
        json!({
            "version": self.version,
            "revision": self.revision,
            "branch": self.branch,
            "buildUser": "",
            "buildDate": self.build_date,
            "goVersion": "",
        })
    }
}
