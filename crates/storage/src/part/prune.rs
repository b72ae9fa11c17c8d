//! Decides by statistics and bloom filters which row groups and pages of a part can hold a match.
//! It errs only towards reading too much.

use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use parquet::bloom_filter::Sbbf;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;

/// A condition on a column, by leaf path. Rows that fail it may be left out of a scan; rows that
/// are returned still have to be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnPredicate {
    /// An INT64 column lies within both ends, included.
    Between {
        /// Leaf path.
        column: String,
        /// Least value.
        min: i64,
        /// Greatest value.
        max: i64,
    },
    /// A text or byte column equals one of the values.
    AnyOf {
        /// Leaf path.
        column: String,
        /// The values.
        values: Vec<Vec<u8>>,
    },
}

impl ColumnPredicate {
    /// The column's leaf path.
    pub fn column(&self) -> &str {
        match self {
            Self::Between { column, .. } | Self::AnyOf { column, .. } => column,
        }
    }

    fn allows_ints(&self, least: i64, greatest: i64) -> bool {
        match self {
            Self::Between { min, max, .. } => *min <= greatest && least <= *max,
            Self::AnyOf { .. } => true,
        }
    }

    fn allows_bytes(&self, least: &[u8], greatest: &[u8]) -> bool {
        match self {
            Self::Between { .. } => true,
            Self::AnyOf { values, .. } => values
                .iter()
                .any(|value| least <= value.as_slice() && value.as_slice() <= greatest),
        }
    }

    fn allows_statistics(&self, statistics: &Statistics) -> bool {
        match statistics {
            Statistics::Int64(values) => match (values.min_opt(), values.max_opt()) {
                (Some(least), Some(greatest)) => self.allows_ints(*least, *greatest),
                _ => true,
            },
            Statistics::ByteArray(_) | Statistics::FixedLenByteArray(_) => {
                match (statistics.min_bytes_opt(), statistics.max_bytes_opt()) {
                    (Some(least), Some(greatest)) => self.allows_bytes(least, greatest),
                    _ => true,
                }
            }
            _ => true,
        }
    }

    fn allows_bloom(&self, filter: &Sbbf) -> bool {
        match self {
            Self::Between { .. } => true,
            Self::AnyOf { values, .. } => values.iter().any(|value| filter.check(value.as_slice())),
        }
    }
}

/// Finds the column of a leaf path.
pub(super) fn leaf_index(metadata: &ParquetMetaData, column: &str) -> Option<usize> {
    let schema = metadata.file_metadata().schema_descr();
    schema.columns().iter().position(|leaf| leaf.path().string() == column)
}

/// Whether a row group can hold a match, by its statistics.
pub(super) fn group_may_match(
    metadata: &ParquetMetaData,
    group: &RowGroupMetaData,
    predicates: &[ColumnPredicate],
) -> bool {
    predicates.iter().all(|predicate| {
        leaf_index(metadata, predicate.column())
            .and_then(|leaf| group.columns().get(leaf)?.statistics())
            .is_none_or(|statistics| predicate.allows_statistics(statistics))
    })
}

/// Whether a row group can hold a match, by its bloom filters, which `load` reads by leaf.
pub(super) fn bloom_may_match(
    metadata: &ParquetMetaData,
    predicates: &[ColumnPredicate],
    mut load: impl FnMut(usize) -> Result<Option<Sbbf>, ParquetError>,
) -> Result<bool, ParquetError> {
    for predicate in predicates {
        if !matches!(predicate, ColumnPredicate::AnyOf { .. }) {
            continue;
        }
        let Some(leaf) = leaf_index(metadata, predicate.column()) else {
            continue;
        };
        if let Some(filter) = load(leaf)?
            && !predicate.allows_bloom(&filter)
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The rows of a row group that can match by the page index, or `None` where it says nothing.
pub(super) fn page_selection(
    metadata: &ParquetMetaData,
    group: usize,
    predicates: &[ColumnPredicate],
) -> Option<RowSelection> {
    let mut selection: Option<RowSelection> = None;
    for predicate in predicates {
        let Some(pages) = predicate_pages(metadata, group, predicate) else {
            continue;
        };
        selection = Some(match selection {
            Some(selection) => selection.intersection(&pages),
            None => pages,
        });
    }
    selection
}

fn predicate_pages(metadata: &ParquetMetaData, group: usize, predicate: &ColumnPredicate) -> Option<RowSelection> {
    let leaf = leaf_index(metadata, predicate.column())?;
    let index = metadata.column_index()?.get(group)?.get(leaf)?;
    let pages = metadata.offset_index()?.get(group)?.get(leaf)?.page_locations();
    let rows = usize::try_from(metadata.row_groups().get(group)?.num_rows()).ok()?;
    let mut selectors = Vec::with_capacity(pages.len());
    for (position, page) in pages.iter().enumerate() {
        let first = usize::try_from(page.first_row_index).ok()?;
        let end = match pages.get(position + 1) {
            Some(next) => usize::try_from(next.first_row_index).ok()?,
            None => rows,
        };
        let row_count = end.checked_sub(first)?;
        selectors.push(if page_may_match(index, position, predicate) {
            RowSelector::select(row_count)
        } else {
            RowSelector::skip(row_count)
        });
    }
    Some(RowSelection::from(selectors))
}

fn page_may_match(index: &ColumnIndexMetaData, page: usize, predicate: &ColumnPredicate) -> bool {
    match index {
        ColumnIndexMetaData::INT64(index) => match (index.min_value(page), index.max_value(page)) {
            (Some(least), Some(greatest)) => predicate.allows_ints(*least, *greatest),
            _ => !index.is_null_page(page),
        },
        ColumnIndexMetaData::BYTE_ARRAY(index) | ColumnIndexMetaData::FIXED_LEN_BYTE_ARRAY(index) => {
            match (index.min_value(page), index.max_value(page)) {
                (Some(least), Some(greatest)) => predicate.allows_bytes(least, greatest),
                _ => !index.is_null_page(page),
            }
        }
        _ => true,
    }
}
