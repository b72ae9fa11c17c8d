//! Encodes record batches as one Parquet object in memory.

use std::sync::Arc;

use arrow_array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;

use super::{PartFormat, PartSpec, SPEC_KEY};
use crate::StorageError;

const ZSTD_LEVEL: i32 = 1;
/// Rows between two looks at the size of the open page.
const WRITE_BATCH_ROWS: usize = 128;
/// Share of absent values that a bloom filter lets through.
const BLOOM_FALSE_POSITIVES: f64 = 0.01;

/// Rows of one part on their way to the store. Give it to `PartStore::publish`.
#[derive(Debug)]
pub struct PartWriter {
    writer: ArrowWriter<Vec<u8>>,
    rows: u64,
}

impl PartWriter {
    /// A writer for rows of `format`.
    pub fn new(format: &PartFormat) -> Result<Self, StorageError> {
        let properties = properties(format).map_err(encode_error)?;
        let writer =
            ArrowWriter::try_new(Vec::new(), Arc::clone(&format.schema), Some(properties)).map_err(encode_error)?;
        Ok(Self { writer, rows: 0 })
    }

    /// Appends rows.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), StorageError> {
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch).map_err(encode_error)
    }

    /// Adds an entry to the Parquet metadata.
    pub fn add_key_value(&mut self, key: &str, value: String) {
        self.writer
            .append_key_value_metadata(KeyValue::new(key.to_owned(), value));
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes so far, those of the open row group estimated.
    pub fn size_bytes(&self) -> usize {
        self.writer.bytes_written() + self.writer.in_progress_size()
    }

    /// Ends the object.
    pub(super) fn finish(mut self, spec: &PartSpec) -> Result<(Vec<u8>, u64), StorageError> {
        let spec = serde_json::to_string(spec).map_err(|error| StorageError::Corrupt {
            what: "part specification".to_owned(),
            reason: error.to_string(),
        })?;
        self.add_key_value(SPEC_KEY, spec);
        let rows = self.rows;
        let bytes = self.writer.into_inner().map_err(encode_error)?;
        Ok((bytes, rows))
    }
}

fn properties(format: &PartFormat) -> Result<WriterProperties, ParquetError> {
    let key_values = format
        .key_values
        .iter()
        .map(|(key, value)| KeyValue::new(key.clone(), value.clone()))
        .collect();
    let mut builder = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_max_row_group_row_count(Some(format.row_group_rows))
        .set_data_page_size_limit(format.page_bytes)
        .set_write_batch_size(WRITE_BATCH_ROWS)
        .set_dictionary_page_size_limit(format.dictionary_bytes)
        .set_created_by(concat!("skopos ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(key_values));
    for column in &format.bloom_columns {
        let column = leaf(column);
        builder = builder
            .set_column_bloom_filter_enabled(column.clone(), true)
            .set_column_bloom_filter_fpp(column, BLOOM_FALSE_POSITIVES);
    }
    for column in &format.plain_columns {
        builder = builder.set_column_dictionary_enabled(leaf(column), false);
    }
    for column in &format.opaque_columns {
        builder = builder.set_column_statistics_enabled(leaf(column), EnabledStatistics::None);
    }
    Ok(builder.build())
}

/// A column's path from its dotted text.
fn leaf(column: &str) -> ColumnPath {
    ColumnPath::new(column.split('.').map(str::to_owned).collect())
}

fn encode_error(source: ParquetError) -> StorageError {
    StorageError::Parquet {
        action: "encode",
        path: String::new(),
        source,
    }
}
