//! How a store is opened, and what it says of itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use skopos_core::limits::TenantLimits;
use skopos_core::{Clock, SystemClock};
use skopos_storage::FsyncPolicy;

/// Settings of the log store.
#[derive(Debug, Clone)]
pub struct LogStoreOptions {
    /// The data directory.
    pub root: PathBuf,
    /// How long entries are kept where a tenant's limits do not say; zero keeps them for ever.
    pub retention: Duration,
    /// The head is written to parts when its oldest entry is this old.
    pub flush_after: Duration,
    /// The head is written to parts when it holds this many bytes of lines and metadata.
    pub flush_bytes: u64,
    /// Limits of the tenants.
    pub limits: TenantLimits,
    /// When the log reaches the disk.
    pub fsync: FsyncPolicy,
    /// The clock, by which scans leave out what retention no longer keeps.
    pub clock: Arc<dyn Clock>,
}

impl LogStoreOptions {
    /// The usual settings for a data directory.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
            retention: Duration::ZERO,
            flush_after: Duration::from_mins(30),
            flush_bytes: 16 * 1024 * 1024,
            limits: TenantLimits::default(),
            fsync: FsyncPolicy::default(),
            clock: Arc::new(SystemClock),
        }
    }
}

/// Size of the store over all tenants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogStoreStats {
    /// Streams in the head.
    pub streams: u64,
    /// Entries in the head.
    pub entries: u64,
    /// Bytes of the head in memory, most of them compressed.
    pub head_bytes: u64,
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
    /// Live parts.
    pub parts: u64,
    /// Bytes of live parts.
    pub part_bytes: u64,
    /// Rows of live parts: entries.
    pub rows: u64,
    /// Oldest entry, in milliseconds since the Unix epoch.
    pub oldest_ms: Option<i64>,
    /// Newest entry, in milliseconds since the Unix epoch.
    pub newest_ms: Option<i64>,
}
