//! Log parts: a row is an entry; rows are sorted by stream and time.
//!
//! Columns: `stream` (fingerprint of the labels), `labels` (map), `timestamp` (nanoseconds),
//! `line`, `metadata` (map), `trace_id` (text, with a bloom filter). `docs/formats/logs.md`
//! describes them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_array::builder::{Int64Builder, StringBuilder, UInt64Builder};
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int64Type, UInt64Type};
use arrow_array::{Array as _, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use skopos_core::log::{LogEntry, LogSelection};
use skopos_core::{Labels, TenantId, matcher};
use skopos_storage::columns::{append_labels, label_map_builder, label_map_type, labels_at};
use skopos_storage::signal::LOCAL_PARTITION;
use skopos_storage::{
    ColumnPredicate, Offset, PartFormat, PartMeta, PartReader, PartScan, PartSpec, PartStore, PartWriter, StorageError,
};

const DAY_NS: i64 = 86_400_000_000_000;
const NS_PER_MS: i64 = 1_000_000;
const BATCH_ROWS: usize = 8192;
const TRACE_ID: &str = "trace_id";

/// An entry and the stream it belongs to.
type Row<'a> = (&'a Labels, &'a LogEntry);

fn schema() -> SchemaRef {
    let field = |name: &str, kind: DataType| Field::new(name, kind, false);
    Arc::new(Schema::new(vec![
        field("stream", DataType::UInt64),
        field("labels", label_map_type()),
        field("timestamp", DataType::Int64),
        field("line", DataType::Utf8),
        field("metadata", label_map_type()),
        Field::new(TRACE_ID, DataType::Utf8, true),
    ]))
}

fn format() -> PartFormat {
    PartFormat::new(schema())
        .with_bloom_columns(&[TRACE_ID])
        .with_plain_columns(&["timestamp", "line", TRACE_ID])
}

/// Writes entries, sorted by stream and time, as parts: one for each UTC day they touch.
pub(crate) fn write<'a>(
    parts: &PartStore,
    tenant: &TenantId,
    (first_offset, last_offset): (Offset, Offset),
    entries: impl Iterator<Item = Row<'a>>,
) -> Result<Vec<PartMeta>, StorageError> {
    let mut days: BTreeMap<i64, Vec<Row<'a>>> = BTreeMap::new();
    for (labels, entry) in entries {
        days.entry(entry.timestamp_ns.div_euclid(DAY_NS))
            .or_default()
            .push((labels, entry));
    }
    let mut written = Vec::new();
    for rows in days.values() {
        let times = || rows.iter().map(|row| row.1.timestamp_ns.div_euclid(NS_PER_MS));
        let spec = PartSpec {
            tenant: tenant.clone(),
            level: 0,
            partition: LOCAL_PARTITION,
            first_offset,
            last_offset,
            min_time_ms: times().min().unwrap_or_default(),
            max_time_ms: times().max().unwrap_or_default(),
        };
        let mut writer = PartWriter::new(&format())?;
        for rows in rows.chunks(BATCH_ROWS) {
            writer.write(&batch(rows))?;
        }
        written.push(parts.publish(writer, spec)?);
    }
    Ok(written)
}

fn batch(rows: &[Row<'_>]) -> RecordBatch {
    let (mut stream, mut timestamp) = (UInt64Builder::new(), Int64Builder::new());
    let (mut labels, mut metadata) = (label_map_builder(), label_map_builder());
    let (mut line, mut trace_id) = (StringBuilder::new(), StringBuilder::new());
    for (row_labels, entry) in rows {
        stream.append_value(row_labels.fingerprint());
        append_labels(&mut labels, row_labels);
        timestamp.append_value(entry.timestamp_ns);
        line.append_value(&entry.line);
        append_labels(&mut metadata, &entry.structured_metadata);
        trace_id.append_option(entry.structured_metadata.find(TRACE_ID));
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(stream.finish()),
        Arc::new(labels.finish()),
        Arc::new(timestamp.finish()),
        Arc::new(line.finish()),
        Arc::new(metadata.finish()),
        Arc::new(trace_id.finish()),
    ];
    RecordBatch::try_new(schema(), columns).expect("the columns are those of the schema")
}

/// Reads the entries that a scan wants, by stream, each sorted by time.
pub(crate) fn read(
    reader: &PartReader,
    selection: &LogSelection<'_>,
) -> Result<Vec<(Labels, Vec<LogEntry>)>, StorageError> {
    let range = selection.range;
    let scan = PartScan::default().with_predicate(ColumnPredicate::Between {
        column: "timestamp".to_owned(),
        min: range.start_ns,
        max: range.end_ns.saturating_sub(1),
    });
    let mut streams: BTreeMap<Labels, Vec<LogEntry>> = BTreeMap::new();
    let mut known: HashMap<u64, Option<Labels>> = HashMap::new();
    for batch in reader.scan(&scan)? {
        read_batch(&batch?, selection, &mut known, &mut streams).ok_or_else(|| foreign(reader))?;
    }
    Ok(streams.into_iter().collect())
}

/// `None` where the columns are not ours.
fn read_batch(
    batch: &RecordBatch,
    selection: &LogSelection<'_>,
    known: &mut HashMap<u64, Option<Labels>>,
    streams: &mut BTreeMap<Labels, Vec<LogEntry>>,
) -> Option<()> {
    let stream = batch.column_by_name("stream")?.as_primitive_opt::<UInt64Type>()?;
    let labels = batch.column_by_name("labels")?.as_map_opt()?;
    let timestamp = batch.column_by_name("timestamp")?.as_primitive_opt::<Int64Type>()?;
    let line = batch.column_by_name("line")?.as_string_opt::<i32>()?;
    let metadata = batch.column_by_name("metadata")?.as_map_opt()?;
    for row in 0..line.len() {
        if !selection.range.contains(timestamp.value(row)) {
            continue;
        }
        let row_labels = if let Some(known) = known.get(&stream.value(row)) {
            known.clone()
        } else {
            let all = labels_at(labels, row)?;
            let wanted = matcher::all_match(selection.matchers, &all).then_some(all);
            known.insert(stream.value(row), wanted.clone());
            wanted
        };
        let text = line.value(row);
        if let Some(row_labels) = row_labels
            && selection
                .line_contains
                .iter()
                .all(|wanted| text.contains(wanted.as_str()))
        {
            streams.entry(row_labels).or_default().push(LogEntry {
                timestamp_ns: timestamp.value(row),
                line: text.to_owned(),
                structured_metadata: labels_at(metadata, row)?,
            });
        }
    }
    Some(())
}

fn foreign(reader: &PartReader) -> StorageError {
    StorageError::Corrupt {
        what: reader.meta().path.clone(),
        reason: "its columns are not those of a log part".to_owned(),
    }
}
