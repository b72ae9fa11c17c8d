//! Scans one part: projection, row groups and pages that can match, batches of rows.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
    RowSelector,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};

use super::bytes::ObjectBytes;
use super::prune::{self, ColumnPredicate};
use super::{PartMeta, PartSpec, SPEC_KEY};
use crate::StorageError;

/// An open part with its footer. Reading needs no lock; clones of the `Arc` scan in parallel.
#[derive(Debug)]
pub struct PartReader {
    meta: PartMeta,
    bytes: ObjectBytes,
    metadata: ArrowReaderMetadata,
}

/// What to read of a part. The default is everything.
#[derive(Debug, Clone)]
pub struct PartScan {
    /// Columns by their top-level name, `None` for all. Batches have them in the schema's order.
    pub projection: Option<Vec<String>>,
    /// What rows must meet; used to skip row groups and pages only.
    pub predicates: Vec<ColumnPredicate>,
    /// Exact rows by their number in the part, ascending, `None` for all.
    pub rows: Option<Vec<u64>>,
    /// Most rows of a batch.
    pub batch_rows: usize,
}

impl Default for PartScan {
    fn default() -> Self {
        Self {
            projection: None,
            predicates: Vec::new(),
            rows: None,
            batch_rows: 8192,
        }
    }
}

impl PartScan {
    /// Everything of the named columns.
    pub fn columns(columns: &[&str]) -> Self {
        Self {
            projection: Some(columns.iter().map(|&column| column.to_owned()).collect()),
            ..Self::default()
        }
    }

    /// Adds a condition.
    pub fn with_predicate(mut self, predicate: ColumnPredicate) -> Self {
        self.predicates.push(predicate);
        self
    }
}

/// The batches of a scan.
#[derive(Debug)]
pub struct PartBatches {
    path: String,
    batches: Option<ParquetRecordBatchReader>,
}

impl Iterator for PartBatches {
    type Item = Result<RecordBatch, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batches = self.batches.as_mut()?;
        let next = contained(&self.path, || {
            let batch = batches.next().transpose();
            batch.map_err(|error| read_error(&self.path, ParquetError::from(error)))
        });
        if next.is_err() {
            self.batches = None;
        }
        next.transpose()
    }
}

impl PartReader {
    pub(super) fn open(meta: PartMeta, bytes: ObjectBytes) -> Result<Self, StorageError> {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let metadata = contained(&meta.path, || {
            ArrowReaderMetadata::load(&bytes, options).map_err(|source| read_error(&meta.path, source))
        })?;
        Ok(Self { meta, bytes, metadata })
    }

    /// The reader with what the part says of itself in place of a manifest's entry.
    pub(super) fn described(mut self) -> Result<Self, StorageError> {
        let spec = self.spec().ok_or_else(|| StorageError::Corrupt {
            what: self.meta.path.clone(),
            reason: format!("it has no metadata entry {SPEC_KEY}"),
        })?;
        self.meta.spec = spec;
        self.meta.rows = self.metadata().file_metadata().num_rows().max(0) as u64;
        Ok(self)
    }

    /// What the manifest says of the part.
    pub fn meta(&self) -> &PartMeta {
        &self.meta
    }

    /// The Parquet footer.
    pub fn metadata(&self) -> &Arc<ParquetMetaData> {
        self.metadata.metadata()
    }

    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    /// An entry of the Parquet metadata.
    pub fn key_value(&self, key: &str) -> Option<&str> {
        let entries = self.metadata.metadata().file_metadata().key_value_metadata()?;
        entries.iter().find(|entry| entry.key == key)?.value.as_deref()
    }

    /// What the part says it covers.
    pub fn spec(&self) -> Option<PartSpec> {
        serde_json::from_str(self.key_value(SPEC_KEY)?).ok()
    }

    /// Numbers of the row groups that can hold a match.
    pub fn matching_row_groups(&self, predicates: &[ColumnPredicate]) -> Result<Vec<usize>, StorageError> {
        contained(&self.meta.path, || self.match_row_groups(predicates))
    }

    fn match_row_groups(&self, predicates: &[ColumnPredicate]) -> Result<Vec<usize>, StorageError> {
        let metadata = self.metadata.metadata();
        let mut matching = Vec::new();
        for (number, group) in metadata.row_groups().iter().enumerate() {
            if !prune::group_may_match(metadata, group, predicates) {
                continue;
            }
            let may_match = prune::bloom_may_match(metadata, predicates, |leaf| {
                self.builder().get_row_group_column_bloom_filter(number, leaf)
            })
            .map_err(|source| read_error(&self.meta.path, source))?;
            if may_match {
                matching.push(number);
            }
        }
        Ok(matching)
    }

    /// Reads batches of the rows that can match.
    pub fn scan(&self, scan: &PartScan) -> Result<PartBatches, StorageError> {
        contained(&self.meta.path, || self.begin_scan(scan))
    }

    fn begin_scan(&self, scan: &PartScan) -> Result<PartBatches, StorageError> {
        let groups = self.matching_row_groups(&scan.predicates)?;
        let selection = self.selection(&groups, scan);
        if groups.is_empty() || selection.as_ref().is_some_and(|selection| !selection.selects_any()) {
            return Ok(PartBatches {
                path: self.meta.path.clone(),
                batches: None,
            });
        }
        let mut builder = self.builder().with_batch_size(scan.batch_rows).with_row_groups(groups);
        if let Some(columns) = &scan.projection {
            let schema = self.metadata.parquet_schema();
            builder = builder.with_projection(ProjectionMask::roots(schema, self.roots(columns)));
        }
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        let batches = builder.build().map_err(|source| read_error(&self.meta.path, source))?;
        Ok(PartBatches {
            path: self.meta.path.clone(),
            batches: Some(batches),
        })
    }

    fn builder(&self) -> ParquetRecordBatchReaderBuilder<ObjectBytes> {
        ParquetRecordBatchReaderBuilder::new_with_metadata(self.bytes.clone(), self.metadata.clone())
    }

    fn roots(&self, columns: &[String]) -> Vec<usize> {
        let fields = self.metadata.schema().fields();
        let wanted = fields
            .iter()
            .enumerate()
            .filter(|(_, field)| columns.contains(field.name()));
        wanted.map(|(root, _)| root).collect()
    }

    /// The rows to read of the chosen row groups laid end to end, or `None` for all of them.
    fn selection(&self, groups: &[usize], scan: &PartScan) -> Option<RowSelection> {
        if scan.predicates.is_empty() && scan.rows.is_none() {
            return None;
        }
        let metadata = self.metadata.metadata();
        let mut selectors: Vec<RowSelector> = Vec::new();
        let mut group_start = 0u64;
        for (number, group) in metadata.row_groups().iter().enumerate() {
            let group_rows = group.num_rows().max(0) as u64;
            if groups.contains(&number) {
                let all = || RowSelection::from(vec![RowSelector::select(group_rows as usize)]);
                let pages = prune::page_selection(metadata, number, &scan.predicates).unwrap_or_else(all);
                let rows = scan.rows.as_ref().map(|rows| exact_rows(rows, group_start, group_rows));
                let chosen = match rows {
                    Some(rows) => pages.intersection(&rows),
                    None => pages,
                };
                selectors.extend(chosen.iter().copied());
                let covered: usize = chosen.iter().map(|selector| selector.row_count).sum();
                selectors.push(RowSelector::skip((group_rows as usize).saturating_sub(covered)));
            }
            group_start += group_rows;
        }
        Some(RowSelection::from(selectors))
    }
}

/// The rows of one row group among `rows`, which count from the start of the part.
fn exact_rows(rows: &[u64], group_start: u64, group_rows: u64) -> RowSelection {
    let from = rows.partition_point(|&row| row < group_start);
    let to = rows.partition_point(|&row| row < group_start + group_rows);
    let wanted = rows.get(from..to).unwrap_or_default();
    let ranges = wanted.iter().map(|&row| {
        let row = (row - group_start) as usize;
        row..row + 1
    });
    RowSelection::from_consecutive_ranges(ranges, group_rows as usize)
}

/// Calls the Parquet library, which panics on some damaged files: such a part is corrupt, and nothing else ends.
fn contained<T>(path: &str, read: impl FnOnce() -> Result<T, StorageError>) -> Result<T, StorageError> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
        Err(StorageError::Corrupt {
            what: path.to_owned(),
            reason: "the Parquet library panicked over it".to_owned(),
        })
    })
}

pub(super) fn read_error(path: &str, source: ParquetError) -> StorageError {
    StorageError::Parquet {
        action: "read",
        path: path.to_owned(),
        source,
    }
}
