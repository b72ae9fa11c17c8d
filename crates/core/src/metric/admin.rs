//! What an operator may do to stored metrics: delete, clean, copy, and see what is many.

use std::fmt;
use std::path::PathBuf;

use crate::{Matcher, ReadError, TimeRange, WriteError};

/// What deleting did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeleteReport {
    /// Series of the head that lost samples.
    pub series: u64,
    /// Samples of the head that went. Samples in parts are hidden at once and counted when they
    /// are rewritten.
    pub samples: u64,
}

/// What cleaning tombstones did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CleanReport {
    /// Tombstones that are gone, since nothing is left that they hide.
    pub tombstones: u64,
    /// Parts that were written anew.
    pub parts: u64,
    /// Samples that went.
    pub samples: u64,
}

/// Whether a snapshot holds what lies in the head.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SnapshotHead {
    /// The head is written to parts first.
    #[default]
    Include,
    /// Only what lies in parts already.
    Skip,
}

/// A name and how many series or values it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameCount {
    /// A metric, a label, or `label=value`.
    pub name: String,
    /// How many.
    pub count: u64,
}

/// What makes many series: of the head, as `/api/v1/status/tsdb` shows it, and how it grew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cardinality {
    /// Series in the head.
    pub series: u64,
    /// Distinct pairs of label name and value.
    pub label_pairs: u64,
    /// Chunks in the head.
    pub chunks: u64,
    /// Times of the oldest and newest sample of the head.
    pub bounds: Option<TimeRange>,
    /// Series made since the store was opened.
    pub created: u64,
    /// Series that left the head since the store was opened.
    pub removed: u64,
    /// Metrics with most series.
    pub series_by_metric: Vec<NameCount>,
    /// Labels with most values.
    pub values_by_label: Vec<NameCount>,
    /// Labels whose values take most bytes over all series.
    pub bytes_by_label: Vec<NameCount>,
    /// Pairs of label and value with most series.
    pub series_by_pair: Vec<NameCount>,
    /// Metrics with most series made since the store was opened: what grows.
    pub created_by_metric: Vec<NameCount>,
}

/// A stored part as `/api/v1/status/tsdb/blocks` shows it: what a block is to Prometheus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBlock {
    /// Tells it from every other part: a digest of its content.
    pub digest: u128,
    /// Times of its oldest and newest sample, both included.
    pub range: TimeRange,
    /// 1 as flushed; merging adds one.
    pub level: u32,
    /// Length of the windows that its samples sum up, in milliseconds; 0 where they are as they came.
    pub resolution_ms: i64,
    /// Series with samples in it.
    pub series: u64,
    /// Samples.
    pub samples: u64,
    /// Runs of samples that are encoded together.
    pub chunks: u64,
    /// Size in bytes.
    pub bytes: u64,
}

/// Changes and describes what a store holds of one tenant.
pub trait MetricAdmin: Send + Sync + fmt::Debug {
    /// Deletes the samples of series that meet all matchers, from the first to the last
    /// millisecond of the range. They are gone from reads when it returns, and stay so over a
    /// restart; samples that come later are not touched, whatever their time.
    fn delete_series(&self, matchers: &[Matcher], range: TimeRange) -> Result<DeleteReport, WriteError>;

    /// Writes the parts anew in which deleted samples still lie.
    fn clean_tombstones(&self) -> Result<CleanReport, WriteError>;

    /// Copies the store of all tenants to `snapshots/<name>` below the data directory, as a data
    /// directory that can be opened, and gives its path.
    fn snapshot(&self, name: &str, head: SnapshotHead) -> Result<PathBuf, WriteError>;

    /// What makes many series, at most `limit` entries a list, the most first.
    fn cardinality(&self, limit: usize) -> Result<Cardinality, ReadError>;

    /// The tenant's parts, the oldest first.
    fn blocks(&self) -> Result<Vec<StoredBlock>, ReadError>;
}
