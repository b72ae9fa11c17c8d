//! Writes the streams of a head as parts, one for each UTC day.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, Int64Builder, StringBuilder, TimestampNanosecondBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use skopos_core::log::LogEntry;
use skopos_core::time::TimeRangeNs;
use skopos_core::{Labels, TenantId};
use skopos_storage::columns::{LabelMapBuilder, append_labels, label_map_builder};
use skopos_storage::signal::LOCAL_PARTITION;
use skopos_storage::{Offset, PartMeta, PartSpec, PartStore, PartWriter, StorageError};

use super::{GRANULE_ROWS, TABLE_KEY, Table, TableStream, format, schema};
use crate::block::Block;
use crate::filter::FilterBuilder;
use crate::head::{Head, Stream};
use crate::wanted::Wanted;

const DAY_NS: i64 = 86_400_000_000_000;
const NS_PER_MS: i64 = 1_000_000;

/// Blocks of the streams of all heads to be written, streams sorted by labels.
type Streams<'h> = BTreeMap<&'h Labels, Vec<&'h Block>>;

/// Writes the heads of a tenant, the older ones first. Parts are not live before they are committed.
pub(crate) fn write(
    parts: &PartStore,
    tenant: &TenantId,
    (first_offset, last_offset): (Offset, Offset),
    heads: &[&Head],
) -> Result<Vec<PartMeta>, StorageError> {
    let mut streams: Streams<'_> = BTreeMap::new();
    for stream in heads.iter().flat_map(|head| head.streams()) {
        streams.entry(&stream.labels).or_default().extend(blocks(stream));
    }
    let days = days(&streams)?;
    let mut written = Vec::with_capacity(days.len());
    for day in days {
        let spec = PartSpec {
            tenant: tenant.clone(),
            level: 0,
            partition: LOCAL_PARTITION,
            first_offset,
            last_offset,
            min_time_ms: 0,
            max_time_ms: 0,
            aggregate: None,
        };
        written.extend(write_day(parts, spec, &streams, day)?);
    }
    Ok(written)
}

fn blocks(stream: &Stream) -> impl Iterator<Item = &Block> {
    stream.blocks().map(AsRef::as_ref)
}

/// The UTC days on which entries lie.
fn days(streams: &Streams<'_>) -> Result<BTreeSet<i64>, StorageError> {
    let mut days = BTreeSet::new();
    for block in streams.values().flatten() {
        let Some((min_ns, max_ns)) = block.bounds_ns() else {
            continue;
        };
        let (first, last) = (min_ns.div_euclid(DAY_NS), max_ns.div_euclid(DAY_NS));
        if first == last {
            days.insert(first);
            continue;
        }
        // The days between may be many and empty.
        let entries = block.read(&Wanted::all()).map_err(damaged)?;
        days.extend(entries.iter().map(|entry| entry.timestamp_ns.div_euclid(DAY_NS)));
    }
    Ok(days)
}

fn write_day(
    parts: &PartStore,
    mut spec: PartSpec,
    streams: &Streams<'_>,
    day: i64,
) -> Result<Option<PartMeta>, StorageError> {
    let start_ns = day.saturating_mul(DAY_NS);
    let range = TimeRangeNs::new(start_ns, start_ns.saturating_add(DAY_NS));
    let mut rows = PartRows::new()?;
    for (labels, blocks) in streams {
        let mut entries = Vec::new();
        for block in blocks.iter().filter(|block| block.overlaps(range)) {
            entries.extend(block.read(&Wanted::new(range, &[])).map_err(damaged)?);
        }
        // Stable: entries of one time stay in the order in which they came.
        entries.sort_by_key(|entry| entry.timestamp_ns);
        rows.push_stream(labels, &entries)?;
    }
    let times = rows.table.streams.iter().map(|stream| (stream.min_ns, stream.max_ns));
    let Some((min_ns, max_ns)) = times.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))) else {
        return Ok(None);
    };
    spec.min_time_ms = min_ns.div_euclid(NS_PER_MS);
    spec.max_time_ms = max_ns.div_euclid(NS_PER_MS);
    parts.publish(rows.finish()?, spec).map(Some)
}

fn damaged(reason: String) -> StorageError {
    StorageError::Corrupt {
        what: "the head of the log store".to_owned(),
        reason,
    }
}

/// Rows on their way into a part, a granule at a time.
struct PartRows {
    writer: PartWriter,
    table: Table,
    next_row: u64,
    filter: FilterBuilder,
    stream: Int64Builder,
    labels: LabelMapBuilder,
    timestamp: TimestampNanosecondBuilder,
    line: StringBuilder,
    metadata: LabelMapBuilder,
    in_granule: u64,
}

impl PartRows {
    fn new() -> Result<Self, StorageError> {
        Ok(Self {
            writer: PartWriter::new(&format())?,
            table: Table::default(),
            next_row: 0,
            filter: FilterBuilder::default(),
            stream: Int64Builder::new(),
            labels: label_map_builder(),
            timestamp: TimestampNanosecondBuilder::new().with_timezone("UTC"),
            line: StringBuilder::new(),
            metadata: label_map_builder(),
            in_granule: 0,
        })
    }

    fn push_stream(&mut self, labels: &Labels, entries: &[LogEntry]) -> Result<(), StorageError> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return Ok(());
        };
        let number = self.table.streams.len() as i64;
        self.table.streams.push(TableStream {
            labels: labels.clone(),
            first_row: self.next_row,
            rows: entries.len() as u64,
            bytes: entries.iter().map(|entry| entry.line.len() as u64).sum(),
            min_ns: first.timestamp_ns,
            max_ns: last.timestamp_ns,
        });
        self.next_row += entries.len() as u64;
        for entry in entries {
            self.push(number, labels, entry);
            if self.in_granule == GRANULE_ROWS {
                self.write_granule()?;
            }
        }
        Ok(())
    }

    fn push(&mut self, number: i64, labels: &Labels, entry: &LogEntry) {
        self.stream.append_value(number);
        append_labels(&mut self.labels, labels);
        self.timestamp.append_value(entry.timestamp_ns);
        self.line.append_value(&entry.line);
        append_labels(&mut self.metadata, &entry.structured_metadata);
        self.filter.add(&entry.line);
        for (_, value) in &entry.structured_metadata {
            self.filter.add(value);
        }
        self.in_granule += 1;
    }

    fn write_granule(&mut self) -> Result<(), StorageError> {
        let mut filter = BinaryBuilder::new();
        filter.append_value(self.filter.finish());
        filter.append_nulls(self.in_granule.saturating_sub(1) as usize);
        self.in_granule = 0;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.stream.finish()),
            Arc::new(self.labels.finish()),
            Arc::new(self.timestamp.finish()),
            Arc::new(self.line.finish()),
            Arc::new(self.metadata.finish()),
            Arc::new(filter.finish()),
        ];
        let batch = RecordBatch::try_new(schema(), columns).expect("the columns are those of the schema");
        self.writer.write(&batch)
    }

    fn finish(mut self) -> Result<PartWriter, StorageError> {
        if self.in_granule > 0 {
            self.write_granule()?;
        }
        let table = self.table.encode().map_err(|error| damaged(error.to_string()))?;
        self.writer.add_key_value(TABLE_KEY, table);
        Ok(self.writer)
    }
}
