//! The storage layer's own metrics, in the default registry.

use std::sync::LazyLock;

use prometheus::{IntCounterVec, IntGaugeVec, Opts, register};

/// What every metric here is split by.
const SIGNAL: &str = "signal";

/// Makes and registers a counter per signal. A name that is taken keeps counting unregistered.
fn counter(name: &str, help: &str, extra: &[&str]) -> IntCounterVec {
    let labels: Vec<&str> = std::iter::once(SIGNAL).chain(extra.iter().copied()).collect();
    let counter = IntCounterVec::new(Opts::new(name, help), &labels).expect("the names here are valid");
    if let Err(error) = register(Box::new(counter.clone())) {
        tracing::warn!(name, %error, "metric is not exported");
    }
    counter
}

fn gauge(name: &str, help: &str) -> IntGaugeVec {
    let gauge = IntGaugeVec::new(Opts::new(name, help), &[SIGNAL]).expect("the names here are valid");
    if let Err(error) = register(Box::new(gauge.clone())) {
        tracing::warn!(name, %error, "metric is not exported");
    }
    gauge
}

/// Records appended to the write-ahead log.
pub static WAL_RECORDS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counter(
        "skopos_storage_wal_records_total",
        "Records appended to the write-ahead log.",
        &[],
    )
});

/// Bytes appended to the write-ahead log.
pub static WAL_BYTES: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counter(
        "skopos_storage_wal_written_bytes_total",
        "Bytes appended to the write-ahead log.",
        &[],
    )
});

/// Appends that the log refused.
pub static WAL_FAILURES: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counter(
        "skopos_storage_wal_failures_total",
        "Failed operations of the write-ahead log.",
        &["operation"],
    )
});

/// Calls of fsync on the log.
pub static WAL_FSYNCS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counter(
        "skopos_storage_wal_fsyncs_total",
        "Group commits of the write-ahead log to the disk.",
        &[],
    )
});

/// Bytes of the log that were cut at the end or skipped in the middle.
pub static WAL_DAMAGED_BYTES: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counter(
        "skopos_storage_wal_damaged_bytes_total",
        "Bytes of the write-ahead log that could not be read: torn at the end or corrupt in the middle.",
        &["damage"],
    )
});

/// Parts written.
pub static PARTS_WRITTEN: LazyLock<IntCounterVec> =
    LazyLock::new(|| counter("skopos_storage_parts_written_total", "Parts written.", &[]));

/// Parts removed, by cause.
pub static PARTS_REMOVED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counter(
        "skopos_storage_parts_removed_total",
        "Parts removed, by cause: retention, compaction, orphan.",
        &["cause"],
    )
});

/// Parts set aside because their bytes are damaged.
pub static PARTS_CORRUPT: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counter(
        "skopos_storage_parts_corrupt_total",
        "Parts set aside because their bytes are damaged.",
        &[],
    )
});

/// Live parts.
pub static PARTS: LazyLock<IntGaugeVec> = LazyLock::new(|| gauge("skopos_storage_parts", "Live parts."));

/// Bytes of the live parts.
pub static PART_BYTES: LazyLock<IntGaugeVec> =
    LazyLock::new(|| gauge("skopos_storage_part_bytes", "Bytes of the live parts."));
