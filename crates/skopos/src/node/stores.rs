//! The three stores as the server sees them, with span metrics made on the way in.

mod limits;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use skopos_config::StorageConfig;
use skopos_core::limits::TenantLimits;
use skopos_core::metric::{AppendReport, MetricSink as _, MetricSource};
use skopos_core::span::{SpanBatch, TraceSink};
use skopos_core::{TenantId, WriteError};
use skopos_logs::{LogStore, LogStoreOptions};
use skopos_metrics::{Keep, MetricStore, MetricStoreOptions};
use skopos_server::views::{SignalStats, Stores};
use skopos_server::{StorageStats, TenantStores};
use skopos_storage::FsyncPolicy;
use skopos_traces::{SpanMetrics, SpanMetricsOptions, TraceStore, TraceStoreOptions};

use super::remote_read::{Fanout, RemoteReads};
use crate::cli::serve::{ServeArgs, WalFsync};

use limits::MetricLimits;

/// The stores of a node.
#[derive(Debug)]
pub(crate) struct NodeStores {
    path: PathBuf,
    metrics: MetricStore,
    metric_limits: MetricLimits,
    logs: LogStore,
    traces: TraceStore,
    span_metrics: Arc<SpanMetrics>,
    /// The default tenant's metrics with those of remotes.
    fanout: Arc<Fanout>,
    remote_reads: Arc<RemoteReads>,
}

impl NodeStores {
    /// Opens the stores and replays their logs. What `limits` says holds for what comes later. To be called where
    /// there is a runtime: remotes are read on it.
    pub(crate) fn open(args: &ServeArgs, configured: &StorageConfig, limits: TenantLimits) -> anyhow::Result<Self> {
        let root = &args.storage_path;
        let metric_limits = MetricLimits::new(args, configured);
        let fsync = match args.wal_fsync {
            WalFsync::Interval => FsyncPolicy::default(),
            WalFsync::Always => FsyncPolicy::Always,
        };
        let usual = if args.remote.agent {
            agent_options(root)
        } else {
            MetricStoreOptions::new(root)
        };
        let metrics = MetricStore::open(MetricStoreOptions {
            limits: metric_limits.in_force(),
            tenant_retention: args.retention_tenants.iter().cloned().collect(),
            downsample: args.downsample.options(),
            cache_bytes: usize::try_from(args.cache_bytes).unwrap_or(usize::MAX),
            flush_after: args.flush_after.unwrap_or(usual.flush_after),
            head_window: args.flush_after.unwrap_or(usual.head_window).min(usual.head_window),
            fsync,
            ..usual
        })?;
        let logs = LogStore::open(LogStoreOptions {
            retention: args.retention_logs,
            limits,
            fsync,
            ..LogStoreOptions::new(root)
        })?;
        let traces = TraceStore::open(TraceStoreOptions {
            retention: args.retention_traces,
            low_priority_retention: args.retention_traces_low,
            fsync,
            ..TraceStoreOptions::new(root)
        })?;
        tracing::info!(metrics = ?metrics.replay_report(), logs = ?logs.replay_report(), traces = ?traces.replay_report(), "stores are open");
        let remote_reads: Arc<RemoteReads> = Arc::default();
        let fanout = Fanout::new(
            metrics.tenant(&TenantId::default()) as _,
            metrics.clone(),
            Arc::clone(&remote_reads),
            tokio::runtime::Handle::current(),
        );
        Ok(Self {
            path: root.clone(),
            metrics,
            metric_limits,
            logs,
            traces,
            span_metrics: Arc::new(SpanMetrics::new(SpanMetricsOptions::default())),
            fanout: Arc::new(fanout),
            remote_reads,
        })
    }

    /// What a configuration says of the metrics' store holds from now on.
    pub(crate) fn configure(&self, configured: &StorageConfig) {
        self.metric_limits.configure(configured);
        self.metrics.set_limits(self.metric_limits.in_force());
    }

    /// The remotes that the default tenant's queries read too.
    pub(super) fn remote_reads(&self) -> &RemoteReads {
        &self.remote_reads
    }

    /// The metrics of all tenants.
    pub(crate) fn metrics(&self) -> &MetricStore {
        &self.metrics
    }

    /// Writes the metrics made of the spans of the default tenant.
    pub(crate) fn collect_span_metrics(&self, now_ms: i64) {
        let batch = self.span_metrics.collect(now_ms);
        if let Err(error) = self.metrics.tenant(&TenantId::default()).append(batch) {
            tracing::error!(%error, "failed to store span metrics");
        }
    }

    /// Flushes what is due and applies retention, in each store whatever happens to the others: on
    /// a full disk one may make the room that another needs.
    pub(crate) fn maintain(&self, now_ms: i64) -> anyhow::Result<()> {
        // A share of the disk follows its size.
        self.metrics.set_limits(self.metric_limits.in_force());
        let metrics = self.metrics.maintain(now_ms).map(drop);
        let logs = self.logs.maintain(now_ms).map(drop);
        let traces = self.traces.maintain(now_ms).map(drop);
        metrics?;
        logs?;
        traces?;
        Ok(())
    }

    /// Flushes everything.
    pub(crate) fn close(&self) -> anyhow::Result<()> {
        self.metrics.close()?;
        self.logs.close()?;
        self.traces.close()?;
        Ok(())
    }
}

/// An agent keeps the log, and of the head as much as tells which samples are new.
fn agent_options(root: &std::path::Path) -> MetricStoreOptions {
    const FORGET_AFTER: Duration = Duration::from_mins(5);
    MetricStoreOptions {
        keep: Keep::LogOnly,
        flush_after: FORGET_AFTER,
        head_window: FORGET_AFTER,
        ..MetricStoreOptions::new(root)
    }
}

impl Stores for NodeStores {
    fn tenant(&self, tenant: &TenantId) -> TenantStores {
        let metrics = self.metrics.tenant(tenant);
        let logs = self.logs.tenant(tenant);
        let traces = self.traces.tenant(tenant);
        let trace_sink: Arc<dyn TraceSink> = if tenant.as_str() == TenantId::DEFAULT {
            Arc::new(ObservedSink {
                sink: Arc::clone(&traces) as _,
                span_metrics: Arc::clone(&self.span_metrics),
            })
        } else {
            Arc::clone(&traces) as _
        };
        let metric_source: Arc<dyn MetricSource> = if tenant.as_str() == TenantId::DEFAULT {
            Arc::clone(&self.fanout) as _
        } else {
            Arc::clone(&metrics) as _
        };
        TenantStores {
            metric_source,
            own_metric_source: Arc::clone(&metrics) as _,
            metric_sink: Arc::clone(&metrics) as _,
            metric_admin: metrics,
            log_source: Arc::clone(&logs) as _,
            log_sink: logs,
            trace_source: traces,
            trace_sink,
        }
    }

    fn stats(&self) -> StorageStats {
        let (metrics, logs, traces) = (self.metrics.stats(), self.logs.stats(), self.traces.stats());
        let (disk_bytes, disk_free_bytes) = disk(&self.path);
        StorageStats {
            path: self.path.clone(),
            disk_bytes,
            disk_free_bytes,
            metrics: SignalStats {
                groups: metrics.series,
                items: metrics.samples,
                head_bytes: metrics.head_bytes,
                wal_bytes: metrics.wal_bytes,
                parts: metrics.parts,
                part_bytes: metrics.part_bytes,
                rows: metrics.rows,
                oldest_ms: metrics.oldest_ms,
                newest_ms: metrics.newest_ms,
            },
            logs: SignalStats {
                groups: logs.streams,
                items: logs.entries,
                head_bytes: logs.head_bytes,
                wal_bytes: logs.wal_bytes,
                parts: logs.parts,
                part_bytes: logs.part_bytes,
                rows: logs.rows,
                oldest_ms: logs.oldest_ms,
                newest_ms: logs.newest_ms,
            },
            traces: SignalStats {
                groups: traces.traces,
                items: traces.spans,
                head_bytes: traces.head_bytes,
                wal_bytes: traces.wal_bytes,
                parts: traces.parts,
                part_bytes: traces.part_bytes,
                rows: traces.rows,
                oldest_ms: traces.oldest_ms,
                newest_ms: traces.newest_ms,
            },
        }
    }
}

/// Counts the spans that a sink takes.
struct ObservedSink {
    sink: Arc<dyn TraceSink>,
    span_metrics: Arc<SpanMetrics>,
}

impl fmt::Debug for ObservedSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObservedSink")
            .field("sink", &self.sink)
            .finish_non_exhaustive()
    }
}

impl TraceSink for ObservedSink {
    fn append(&self, batch: SpanBatch) -> Result<AppendReport, WriteError> {
        for span in &batch.spans {
            self.span_metrics.observe(span);
        }
        self.sink.append(batch)
    }
}

/// Bytes below a folder, and bytes free on its file system.
fn disk(path: &std::path::Path) -> (u64, u64) {
    let free = rustix::fs::statvfs(path).map_or(0, |stat| stat.f_bavail * stat.f_frsize);
    (folder_bytes(path), free)
}

fn folder_bytes(path: &std::path::Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}
