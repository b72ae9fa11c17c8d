//! How a store is opened, and what it says of itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use skopos_core::{Clock, SystemClock, TenantId};
use skopos_storage::FsyncPolicy;

use crate::downsample::DownsampleOptions;
use crate::limits::StoreLimits;

/// What becomes of the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// It is written to parts.
    #[default]
    Parts,
    /// It is forgotten: the log alone is kept, for as long as a follower holds it.
    LogOnly,
}

/// Settings of the metrics store.
#[derive(Debug, Clone)]
pub struct MetricStoreOptions {
    /// The data directory.
    pub root: PathBuf,
    /// What may change while the store is open.
    pub limits: StoreLimits,
    /// How long tenants keep samples that have a time of their own; zero keeps them for ever.
    pub tenant_retention: BTreeMap<TenantId, Duration>,
    /// Windows of time that old days are summed up in.
    pub downsample: Vec<DownsampleOptions>,
    /// What becomes of the head.
    pub keep: Keep,
    /// The head is written to parts when its oldest sample is this old.
    pub flush_after: Duration,
    /// Samples stay in the head for at least this long, so that recent queries need no parts.
    pub head_window: Duration,
    /// Most series of a tenant in the head; 0 is no limit.
    pub max_series: usize,
    /// Most bytes of decoded samples of parts that are kept for later queries; 0 keeps none.
    pub cache_bytes: usize,
    /// When the log reaches the disk.
    pub fsync: FsyncPolicy,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

impl MetricStoreOptions {
    /// The usual settings for a data directory.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
            limits: StoreLimits::default(),
            tenant_retention: BTreeMap::new(),
            downsample: Vec::new(),
            keep: Keep::Parts,
            flush_after: Duration::from_hours(1),
            head_window: Duration::from_mins(30),
            max_series: 0,
            cache_bytes: 64 << 20,
            fsync: FsyncPolicy::default(),
            clock: Arc::new(SystemClock),
        }
    }
}

/// Size of the store over all tenants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MetricStoreStats {
    /// Series in the head.
    pub series: u64,
    /// Samples in the head.
    pub samples: u64,
    /// Bytes of series and samples in the head.
    pub head_bytes: u64,
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
    /// Live parts.
    pub parts: u64,
    /// Bytes of live parts.
    pub part_bytes: u64,
    /// Rows of live parts: runs of samples.
    pub rows: u64,
    /// Oldest sample, in milliseconds since the Unix epoch.
    pub oldest_ms: Option<i64>,
    /// Newest sample, in milliseconds since the Unix epoch.
    pub newest_ms: Option<i64>,
}
