//! Parts: immutable Parquet objects under `<tenant>/<signal>/<yyyy-mm-dd>/`, each named by what it
//! covers, so that writing one twice is harmless.
//!
//! A part holds rows of one tenant and one UTC day. [`PartStore`] writes and opens them,
//! [`PartReader`] scans one with a projection, skipping row groups and pages by statistics and
//! bloom filters. What the columns mean belongs to the signal's crate. Format: `docs/formats/parts.md`.

mod block_on;
mod bytes;
mod name;
mod prune;
mod read;
mod staged;
mod store;
mod write;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow_schema::SchemaRef;
use serde::{Deserialize, Serialize};
use skopos_core::TenantId;
use skopos_core::TimeRange;
use skopos_core::time::TimeRangeNs;

pub use prune::ColumnPredicate;
pub use read::{PartBatches, PartReader, PartScan};
pub use store::PartStore;
pub use write::PartWriter;

use crate::Offset;

/// Key of the Parquet metadata entry that holds the part's [`PartSpec`] as JSON.
pub const SPEC_KEY: &str = "skopos.part";

/// What a part covers: everything its name and folder say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartSpec {
    /// Whose data.
    #[serde(with = "tenant_text")]
    pub tenant: TenantId,
    /// 0 as flushed from a head; compaction adds one.
    pub level: u8,
    /// Partition of the ingest log; 0 for the local log.
    pub partition: u32,
    /// First record of the log that may have rows here.
    pub first_offset: Offset,
    /// Last such record, included.
    pub last_offset: Offset,
    /// Time of the oldest row. All rows lie on this UTC day.
    pub min_time_ms: i64,
    /// Time of the newest row, rounded down to the millisecond.
    pub max_time_ms: i64,
    /// What it was made of, where it holds aggregates of other parts' rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregate: Option<Aggregate>,
}

/// How a part sums up the rows of others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aggregate {
    /// Length of the windows of time that a row sums up, in milliseconds.
    pub resolution_ms: i64,
    /// Deletions below this offset are applied.
    pub deletions_before: Offset,
    /// Paths of the parts it was made of; a merge of those replaces theirs by its own.
    pub inputs: Vec<String>,
}

/// A live part as the manifest lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartMeta {
    /// Path within the object store.
    pub path: String,
    /// What it covers.
    #[serde(flatten)]
    pub spec: PartSpec,
    /// Rows.
    pub rows: u64,
    /// Size of the object.
    pub bytes: u64,
    /// XXH3-128 of the object in hexadecimal.
    pub digest: String,
}

impl PartMeta {
    /// Whether rows may lie in the range.
    pub fn overlaps(&self, range: &TimeRange) -> bool {
        range.overlaps(&TimeRange::new(self.spec.min_time_ms, self.spec.max_time_ms))
    }

    /// Whether rows may lie in the range of nanoseconds.
    pub fn overlaps_ns(&self, range: &TimeRangeNs) -> bool {
        let first_ms = range.start_ns.div_euclid(1_000_000);
        let last_ms = range.end_ns.saturating_sub(1).div_euclid(1_000_000);
        first_ms <= self.spec.max_time_ms && self.spec.min_time_ms <= last_ms
    }
}

/// How parts of a signal are laid out.
#[derive(Debug, Clone)]
pub struct PartFormat {
    /// The columns.
    pub schema: SchemaRef,
    /// Columns with a bloom filter, by leaf path.
    pub bloom_columns: Vec<String>,
    /// Columns without a dictionary, by leaf path: those whose values hardly repeat.
    pub plain_columns: Vec<String>,
    /// Columns without statistics, by leaf path: opaque bytes.
    pub opaque_columns: Vec<String>,
    /// Rows of a row group.
    pub row_group_rows: usize,
    /// Bytes of a page before compression.
    pub page_bytes: usize,
    /// Bytes of a dictionary beyond which a column falls back to plain.
    pub dictionary_bytes: usize,
    /// Further entries of the Parquet metadata.
    pub key_values: Vec<(String, String)>,
}

impl PartFormat {
    /// The usual layout for a schema: 128 Ki rows a row group, pages of 256 KiB, no bloom filter.
    pub fn new(schema: SchemaRef) -> Self {
        Self {
            schema,
            bloom_columns: Vec::new(),
            plain_columns: Vec::new(),
            opaque_columns: Vec::new(),
            row_group_rows: 128 * 1024,
            page_bytes: 256 * 1024,
            dictionary_bytes: 1024 * 1024,
            key_values: Vec::new(),
        }
    }

    /// Adds columns with a bloom filter.
    pub fn with_bloom_columns(mut self, columns: &[&str]) -> Self {
        self.bloom_columns = columns.iter().map(|&column| column.to_owned()).collect();
        self
    }

    /// Adds columns without a dictionary.
    pub fn with_plain_columns(mut self, columns: &[&str]) -> Self {
        self.plain_columns = columns.iter().map(|&column| column.to_owned()).collect();
        self
    }
}

/// Shared handle of an open part.
pub type SharedPart = Arc<PartReader>;

mod tenant_text {
    //! A tenant as text; read back only if it is a tenant.

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use skopos_core::TenantId;

    pub(super) fn serialize<S: Serializer>(tenant: &TenantId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(tenant.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TenantId, D::Error> {
        let text = String::deserialize(deserializer)?;
        TenantId::new(&text).map_err(D::Error::custom)
    }
}
