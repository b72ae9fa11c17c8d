//! The store's own metrics, in the default registry, over all tenants and under Prometheus' names: dashboards
//! and rules about a Prometheus server find them.

use std::sync::LazyLock;

use prometheus::{IntCounter, IntGauge, register};

/// Series in the heads.
pub(crate) static SERIES: LazyLock<IntGauge> = LazyLock::new(|| {
    let gauge = IntGauge::new("prometheus_tsdb_head_series", "Series in the head.").expect("a valid name");
    exported(gauge)
});

/// Series that came since the start.
pub(crate) static SERIES_CREATED: LazyLock<IntCounter> = LazyLock::new(|| {
    counter(
        "prometheus_tsdb_head_series_created_total",
        "Series made in the head since the start.",
    )
});

/// Series that left since the start.
pub(crate) static SERIES_REMOVED: LazyLock<IntCounter> = LazyLock::new(|| {
    counter(
        "prometheus_tsdb_head_series_removed_total",
        "Series that left the head since the start.",
    )
});

/// Runs of samples that queries wanted of parts and found decoded.
pub(crate) static CACHE_HITS: LazyLock<IntCounter> = LazyLock::new(|| {
    counter(
        "skopos_metrics_cache_hits_total",
        "Runs of samples of parts that a query found decoded.",
    )
});

/// Those that had to be decoded.
pub(crate) static CACHE_MISSES: LazyLock<IntCounter> = LazyLock::new(|| {
    counter(
        "skopos_metrics_cache_misses_total",
        "Runs of samples of parts that a query had to decode.",
    )
});

/// What decoded runs take.
pub(crate) static CACHE_BYTES: LazyLock<IntGauge> = LazyLock::new(|| {
    let name = "skopos_metrics_cache_bytes";
    exported(IntGauge::new(name, "Bytes of decoded samples of parts that are kept for queries.").expect("a valid name"))
});

fn counter(name: &str, help: &str) -> IntCounter {
    exported(IntCounter::new(name, help).expect("a valid name"))
}

/// Registers a metric. One whose name is taken keeps counting unregistered.
fn exported<M: prometheus::core::Collector + Clone + 'static>(metric: M) -> M {
    if let Err(error) = register(Box::new(metric.clone())) {
        tracing::warn!(%error, "metric is not exported");
    }
    metric
}
