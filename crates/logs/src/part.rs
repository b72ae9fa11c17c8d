//! Log parts: a row is an entry; rows are sorted by stream and time. Format: `docs/formats/logs.md`.
//!
//! The streams of a part and where their rows lie are in the footer ([`Table`]), so that a
//! selector becomes row ranges without reading a column. Each run of [`GRANULE_ROWS`] rows has a
//! filter in its first row, so that a search for a rare text reads only the granules that may
//! contain it.

mod read;
mod table;
mod write;

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use skopos_storage::PartFormat;
use skopos_storage::columns::label_map_type;

pub(crate) use read::{Chunk, PartRead, StreamRows};
pub(crate) use table::{Table, TableStream};
pub(crate) use write::write;

/// Rows that share a filter.
pub(crate) const GRANULE_ROWS: u64 = 1024;
const ROW_GROUP_ROWS: usize = 32 * 1024;
/// Key of the footer's entry that holds the [`Table`].
const TABLE_KEY: &str = "skopos.logs.streams";

const STREAM: &str = "stream";
const LABELS: &str = "labels";
const TIMESTAMP: &str = "timestamp";
const LINE: &str = "line";
const METADATA: &str = "metadata";
const FILTER: &str = "filter";

fn schema() -> SchemaRef {
    let field = |name: &str, kind: DataType| Field::new(name, kind, false);
    Arc::new(Schema::new(vec![
        field(STREAM, DataType::Int64),
        field(LABELS, label_map_type()),
        field(TIMESTAMP, DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))),
        field(LINE, DataType::Utf8),
        field(METADATA, label_map_type()),
        Field::new(FILTER, DataType::Binary, true),
    ]))
}

fn format() -> PartFormat {
    let mut format = PartFormat::new(schema()).with_plain_columns(&[TIMESTAMP, LINE, FILTER]);
    format.row_group_rows = ROW_GROUP_ROWS;
    format.opaque_columns = vec![LINE.to_owned(), FILTER.to_owned()];
    format
}
