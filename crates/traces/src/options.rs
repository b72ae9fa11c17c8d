//! How a trace store is opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use skopos_core::{Clock, SystemClock};
use skopos_storage::FsyncPolicy;

/// How a trace store is opened.
#[derive(Debug, Clone)]
pub struct TraceStoreOptions {
    /// The data directory.
    pub root: PathBuf,
    /// Age at which spans go; zero keeps them.
    pub retention: Duration,
    /// Age at which traces go that say that they are of low priority and had no failure; zero keeps them as the others.
    pub low_priority_retention: Duration,
    /// The head is flushed when it has this many bytes.
    pub flush_bytes: usize,
    /// The head is flushed at this age, if it is not empty.
    pub flush_interval: Duration,
    /// When the log reaches the disk.
    pub fsync: FsyncPolicy,
    /// A segment of the log is closed at this size.
    pub wal_segment_bytes: u64,
    /// Parts of one day and level are merged when there are this many.
    pub compact_parts: usize,
    /// The largest encoded span.
    pub max_span_bytes: usize,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

impl TraceStoreOptions {
    /// The usual options for a data directory.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
            retention: Duration::ZERO,
            low_priority_retention: Duration::ZERO,
            flush_bytes: 16 * 1024 * 1024,
            flush_interval: Duration::from_mins(15),
            fsync: FsyncPolicy::default(),
            wal_segment_bytes: 16 * 1024 * 1024,
            compact_parts: 8,
            max_span_bytes: 1024 * 1024,
            clock: Arc::new(SystemClock),
        }
    }
}
