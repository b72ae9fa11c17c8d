//! Metric parts: a row is a run of one series within one UTC day; rows are sorted by labels, kind
//! and time. `docs/formats/metrics.md` describes the bytes.
//!
//! Runs of one metric share what the value codec learns ([`values`]), runs of one target their
//! times ([`times`]); a row says which row holds what it shares. [`index`] is what a part holds
//! without its samples, [`read`] gets at the samples of some rows, [`write`] makes parts from
//! series that come in order.

mod cells;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod index;
mod read;
mod times;
mod values;
mod windows;
mod write;

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use skopos_storage::columns::label_map_type;
use skopos_storage::{PartFormat, PartReader, StorageError};

pub(crate) use index::{PartIndex, RowInfo};
pub(crate) use read::{Content, PartCursor, Rows, SeriesContent, read_metadata};
pub(crate) use write::{Covers, PartsBuilder};

/// Version of the layout that is written. Parts of version 1 have no entry for it and no columns
/// `times_row`, `times`, `shared_row` and `shared`.
const VERSION: u64 = 2;
/// Entry of the Parquet metadata with the version of the layout.
const VERSION_KEY: &str = "skopos.metrics.version";
/// Entry with the metadata of metric families, as JSON.
const METADATA_KEY: &str = "skopos.metrics.metadata";
/// Longest run of one row.
const MAX_RUN: usize = 8192;
const DAY_MS: i64 = 86_400_000;
/// Bytes of a page before compression: what is read to get at one row.
const PAGE_BYTES: usize = 64 * 1024;

/// What a row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Floats = 0,
    Histograms = 1,
    Exemplars = 2,
    Starts = 3,
    /// Windows of floats.
    Windows = 4,
    /// Windows of histograms.
    HistogramWindows = 5,
}

impl Kind {
    fn of(code: u8) -> Option<Self> {
        let kinds = [
            Self::Floats,
            Self::Histograms,
            Self::Exemplars,
            Self::Starts,
            Self::Windows,
            Self::HistogramWindows,
        ];
        kinds.into_iter().find(|kind| *kind as u8 == code)
    }
}

/// How a row's samples are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Codec {
    /// Floats with their times, as a chunk of the head.
    Xor = 0,
    /// Histograms, exemplars, starts or windows of histograms with their times, one after the other.
    List = 1,
    /// One float for all times.
    Constant = 2,
    /// A page of the chunk that `shared_row` describes.
    Page = 3,
    /// Windows, column by column.
    Columns = 4,
}

impl Codec {
    fn of(code: u8) -> Option<Self> {
        let codecs = [Self::Xor, Self::List, Self::Constant, Self::Page, Self::Columns];
        codecs.into_iter().find(|codec| *codec as u8 == code)
    }
}

fn schema() -> SchemaRef {
    let field = |name: &str, kind: DataType| Field::new(name, kind, false);
    Arc::new(Schema::new(vec![
        field("metric", DataType::Utf8),
        field("labels", label_map_type()),
        field("kind", DataType::UInt8),
        field("min_time", DataType::Int64),
        field("max_time", DataType::Int64),
        field("count", DataType::UInt32),
        field("codec", DataType::UInt8),
        field("times_row", DataType::UInt32),
        field("shared_row", DataType::UInt32),
        Field::new("times", DataType::Binary, true),
        Field::new("shared", DataType::Binary, true),
        field("samples", DataType::Binary),
    ]))
}

fn format() -> PartFormat {
    let opaque = ["times", "shared", "samples"];
    let mut format = PartFormat::new(schema()).with_plain_columns(&opaque);
    format.opaque_columns = opaque.map(str::to_owned).to_vec();
    format.page_bytes = PAGE_BYTES;
    format.dictionary_bytes = 16 * 1024 * 1024;
    format.key_values = vec![(VERSION_KEY.to_owned(), VERSION.to_string())];
    format
}

/// Refuses a part of a later layout.
pub(crate) fn check_version(reader: &PartReader) -> Result<(), StorageError> {
    let Some(text) = reader.key_value(VERSION_KEY) else {
        return Ok(());
    };
    let found: u64 = text.parse().map_err(|_| foreign(reader))?;
    if found > VERSION {
        return Err(StorageError::LaterVersion {
            what: format!("part {}", reader.meta().path),
            found,
            known: VERSION,
        });
    }
    Ok(())
}

fn foreign(reader: &PartReader) -> StorageError {
    StorageError::Corrupt {
        what: reader.meta().path.clone(),
        reason: "its columns are not those of a metric part".to_owned(),
    }
}
