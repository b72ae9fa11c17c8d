//! Metric parts: a row is a run of samples of one series within one UTC day.
//!
//! Columns: `metric`, `labels` (map), `kind` (0 floats, 1 histograms), `min_time` and `max_time`
//! (milliseconds), `count`, `codec` (0 XOR chunk, 1 histogram list), `samples` (bytes). Rows are
//! sorted by labels. `docs/formats/metrics.md` describes the bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, Int64Builder, StringBuilder, UInt8Builder, UInt32Builder};
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int64Type, UInt8Type, UInt32Type};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use skopos_core::metric::Series;
use skopos_core::{Labels, TenantId, TimeRange};
use skopos_storage::codec::{Reader, Writer};
use skopos_storage::columns::{append_labels, label_map_builder, label_map_type, labels_at};
use skopos_storage::signal::LOCAL_PARTITION;
use skopos_storage::{Offset, PartFormat, PartMeta, PartReader, PartScan, PartSpec, PartStore, StorageError};

use crate::codec::{read_histogram, write_histogram};
use crate::xor::{self, XorEncoder};

const DAY_MS: i64 = 86_400_000;
const FLOATS: u8 = 0;
const HISTOGRAMS: u8 = 1;
/// Longest run of one row.
const MAX_RUN: usize = 8192;

/// What a part holds, without the samples. Kept in memory while the part is live.
#[derive(Debug)]
pub(crate) struct PartIndex {
    pub(crate) rows: Vec<RowInfo>,
}

/// One row of a part.
#[derive(Debug)]
pub(crate) struct RowInfo {
    pub(crate) labels: Labels,
    pub(crate) range: TimeRange,
}

struct Row {
    labels: Labels,
    kind: u8,
    range: TimeRange,
    count: u32,
    bytes: Vec<u8>,
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
        field("samples", DataType::Binary),
    ]))
}

fn format() -> PartFormat {
    PartFormat::new(schema()).with_plain_columns(&["samples"])
}

/// Writes series as parts, one for each UTC day they touch.
pub(crate) fn write(
    parts: &PartStore,
    tenant: &TenantId,
    (first_offset, last_offset): (Offset, Offset),
    level: u8,
    series: Vec<Series>,
) -> Result<Vec<PartMeta>, StorageError> {
    let mut days: BTreeMap<i64, Vec<Row>> = BTreeMap::new();
    for one in series {
        split_by_day(&one, &mut days);
    }
    let mut written = Vec::new();
    for (_, mut rows) in days {
        rows.sort_by(|a, b| (&a.labels, a.range.start_ms).cmp(&(&b.labels, b.range.start_ms)));
        let spec = PartSpec {
            tenant: tenant.clone(),
            level,
            partition: LOCAL_PARTITION,
            first_offset,
            last_offset,
            min_time_ms: rows.iter().map(|row| row.range.start_ms).min().unwrap_or_default(),
            max_time_ms: rows.iter().map(|row| row.range.end_ms).max().unwrap_or_default(),
        };
        written.push(parts.write(&format(), spec, &[batch(&rows)])?);
    }
    Ok(written)
}

fn split_by_day(series: &Series, days: &mut BTreeMap<i64, Vec<Row>>) {
    for run in runs(&series.timestamps_ms) {
        let mut encoder = XorEncoder::default();
        for index in run.clone() {
            encoder.append(series.timestamps_ms[index], series.values[index]);
        }
        push_row(
            series,
            FLOATS,
            &series.timestamps_ms[run],
            encoder.bytes().to_vec(),
            days,
        );
    }
    for run in runs(&series.histogram_timestamps_ms) {
        let mut out = Writer::default();
        for index in run.clone() {
            out.i64(series.histogram_timestamps_ms[index]);
            write_histogram(&mut out, &series.histograms[index]);
        }
        push_row(
            series,
            HISTOGRAMS,
            &series.histogram_timestamps_ms[run],
            out.into_bytes(),
            days,
        );
    }
}

fn push_row(series: &Series, kind: u8, timestamps_ms: &[i64], bytes: Vec<u8>, days: &mut BTreeMap<i64, Vec<Row>>) {
    let (Some(first), Some(last)) = (timestamps_ms.first(), timestamps_ms.last()) else {
        return;
    };
    days.entry(first.div_euclid(DAY_MS)).or_default().push(Row {
        labels: series.labels.clone(),
        kind,
        range: TimeRange::new(*first, *last),
        count: timestamps_ms.len() as u32,
        bytes,
    });
}

/// Index ranges of samples of one day, at most [`MAX_RUN`] long.
fn runs(timestamps_ms: &[i64]) -> Vec<std::ops::Range<usize>> {
    let mut runs = Vec::new();
    let mut start = 0;
    for end in 1..=timestamps_ms.len() {
        let ends = timestamps_ms.get(end).is_none_or(|next| {
            next.div_euclid(DAY_MS) != timestamps_ms[start].div_euclid(DAY_MS) || end - start >= MAX_RUN
        });
        if ends {
            runs.push(start..end);
            start = end;
        }
    }
    runs
}

fn batch(rows: &[Row]) -> RecordBatch {
    let mut metric = StringBuilder::new();
    let mut labels = label_map_builder();
    let (mut kind, mut codec) = (UInt8Builder::new(), UInt8Builder::new());
    let (mut min_time, mut max_time) = (Int64Builder::new(), Int64Builder::new());
    let (mut count, mut samples) = (UInt32Builder::new(), BinaryBuilder::new());
    for row in rows {
        metric.append_value(row.labels.metric_name());
        append_labels(&mut labels, &row.labels);
        kind.append_value(row.kind);
        codec.append_value(row.kind);
        min_time.append_value(row.range.start_ms);
        max_time.append_value(row.range.end_ms);
        count.append_value(row.count);
        samples.append_value(&row.bytes);
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(metric.finish()),
        Arc::new(labels.finish()),
        Arc::new(kind.finish()),
        Arc::new(min_time.finish()),
        Arc::new(max_time.finish()),
        Arc::new(count.finish()),
        Arc::new(codec.finish()),
        Arc::new(samples.finish()),
    ];
    RecordBatch::try_new(schema(), columns).expect("the columns are those of the schema")
}

/// Reads what a part holds, without the samples.
pub(crate) fn read_index(reader: &PartReader) -> Result<PartIndex, StorageError> {
    let mut rows = Vec::new();
    for batch in reader.scan(&PartScan::columns(&["labels", "min_time", "max_time"]))? {
        let batch = batch?;
        let (Some(labels), Some(min_time), Some(max_time)) = (
            batch.column_by_name("labels").and_then(|column| column.as_map_opt()),
            batch
                .column_by_name("min_time")
                .and_then(|column| column.as_primitive_opt::<Int64Type>()),
            batch
                .column_by_name("max_time")
                .and_then(|column| column.as_primitive_opt::<Int64Type>()),
        ) else {
            return Err(foreign(reader));
        };
        for row in 0..batch.num_rows() {
            rows.push(RowInfo {
                labels: labels_at(labels, row).ok_or_else(|| foreign(reader))?,
                range: TimeRange::new(min_time.value(row), max_time.value(row)),
            });
        }
    }
    Ok(PartIndex { rows })
}

/// Reads the samples of some rows; calls `visit` with the number of each row and its samples.
pub(crate) fn read_rows(
    reader: &PartReader,
    wanted: &[u64],
    mut visit: impl FnMut(usize, Series),
) -> Result<(), StorageError> {
    let scan = PartScan {
        rows: Some(wanted.to_vec()),
        ..PartScan::columns(&["kind", "count", "samples"])
    };
    let mut numbers = wanted.iter();
    for batch in reader.scan(&scan)? {
        let batch = batch?;
        let (Some(kind), Some(count), Some(samples)) = (
            batch
                .column_by_name("kind")
                .and_then(|column| column.as_primitive_opt::<UInt8Type>()),
            batch
                .column_by_name("count")
                .and_then(|column| column.as_primitive_opt::<UInt32Type>()),
            batch
                .column_by_name("samples")
                .and_then(|column| column.as_binary_opt::<i32>()),
        ) else {
            return Err(foreign(reader));
        };
        for row in 0..batch.num_rows() {
            let series =
                decode(kind.value(row), count.value(row), samples.value(row)).ok_or_else(|| foreign(reader))?;
            if let Some(number) = numbers.next() {
                visit(*number as usize, series);
            }
        }
    }
    Ok(())
}

fn decode(kind: u8, count: u32, bytes: &[u8]) -> Option<Series> {
    let mut out = Series::default();
    if kind == FLOATS {
        xor::decode(bytes, count, &mut out.timestamps_ms, &mut out.values)?;
        return Some(out);
    }
    let mut input = Reader::new(bytes);
    for _ in 0..count {
        out.histogram_timestamps_ms.push(input.i64()?);
        out.histograms.push(Arc::new(read_histogram(&mut input)?));
    }
    Some(out)
}

fn foreign(reader: &PartReader) -> StorageError {
    StorageError::Corrupt {
        what: reader.meta().path.clone(),
        reason: "its columns are not those of a metric part".to_owned(),
    }
}

/// Reads all series of a part.
pub(crate) fn read_all(reader: &PartReader) -> Result<Vec<Series>, StorageError> {
    let index = read_index(reader)?;
    let wanted: Vec<u64> = (0..index.rows.len() as u64).collect();
    let mut all = Vec::new();
    read_rows(reader, &wanted, |number, mut series| {
        if let Some(row) = index.rows.get(number) {
            series.labels = row.labels.clone();
            all.push(series);
        }
    })?;
    Ok(all)
}
