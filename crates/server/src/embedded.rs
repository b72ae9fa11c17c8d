//! The embedded stores of one process as [`Stores`].

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use skopos_core::TenantId;
use skopos_core::span::TraceSink;
use skopos_logs::{LogStore, LogStoreStats};
use skopos_metrics::{MetricStore, MetricStoreStats};
use skopos_traces::{TraceStore, TraceStoreStats};

use crate::views::{SignalStats, StorageStats, Stores, TenantStores};

/// Puts something between the doors and a trace sink, such as the making of span metrics.
pub type WrapTraceSink = dyn Fn(&TenantId, Arc<dyn TraceSink>) -> Arc<dyn TraceSink> + Send + Sync;

/// Stores that this process owns.
pub struct EmbeddedStores {
    /// The data directory.
    pub path: PathBuf,
    /// Metrics.
    pub metrics: MetricStore,
    /// Logs.
    pub logs: LogStore,
    /// Traces.
    pub traces: TraceStore,
    /// Wraps the trace sink of each tenant.
    pub wrap_trace_sink: Option<Box<WrapTraceSink>>,
}

impl fmt::Debug for EmbeddedStores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedStores")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Stores for EmbeddedStores {
    fn tenant(&self, tenant: &TenantId) -> TenantStores {
        let metrics = self.metrics.tenant(tenant);
        let logs = self.logs.tenant(tenant);
        let traces = self.traces.tenant(tenant);
        let trace_sink: Arc<dyn TraceSink> = Arc::clone(&traces) as Arc<dyn TraceSink>;
        let trace_sink = match &self.wrap_trace_sink {
            Some(wrap) => wrap(tenant, trace_sink),
            None => trace_sink,
        };
        TenantStores {
            metric_source: Arc::clone(&metrics) as _,
            metric_sink: metrics,
            log_source: Arc::clone(&logs) as _,
            log_sink: logs,
            trace_source: traces,
            trace_sink,
        }
    }

    fn stats(&self) -> StorageStats {
        let disk = crate::disk::usage(&self.path);
        StorageStats {
            path: self.path.clone(),
            disk_bytes: disk.used_bytes,
            disk_free_bytes: disk.free_bytes,
            metrics: metric_stats(&self.metrics.stats()),
            logs: log_stats(&self.logs.stats()),
            traces: trace_stats(&self.traces.stats()),
        }
    }
}

fn metric_stats(stats: &MetricStoreStats) -> SignalStats {
    SignalStats {
        groups: stats.series,
        items: stats.samples,
        head_bytes: stats.head_bytes,
        wal_bytes: stats.wal_bytes,
        parts: stats.parts,
        part_bytes: stats.part_bytes,
        rows: stats.rows,
        oldest_ms: stats.oldest_ms,
        newest_ms: stats.newest_ms,
    }
}

fn log_stats(stats: &LogStoreStats) -> SignalStats {
    SignalStats {
        groups: stats.streams,
        items: stats.entries,
        head_bytes: stats.head_bytes,
        wal_bytes: stats.wal_bytes,
        parts: stats.parts,
        part_bytes: stats.part_bytes,
        rows: stats.rows,
        oldest_ms: stats.oldest_ms,
        newest_ms: stats.newest_ms,
    }
}

fn trace_stats(stats: &TraceStoreStats) -> SignalStats {
    SignalStats {
        groups: stats.traces,
        items: stats.spans,
        head_bytes: stats.head_bytes,
        wal_bytes: stats.wal_bytes,
        parts: stats.parts,
        part_bytes: stats.part_bytes,
        rows: stats.rows,
        oldest_ms: stats.oldest_ms,
        newest_ms: stats.newest_ms,
    }
}
