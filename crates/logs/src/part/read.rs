//! Reads rows of a part: which granules a search needs, and entries in chunks from either end.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int64Type, TimestampNanosecondType};
use skopos_core::Labels;
use skopos_core::log::{Direction, LogEntry};
use skopos_core::time::TimeRangeNs;
use skopos_storage::columns::labels_at;
use skopos_storage::{ColumnPredicate, PartReader, PartScan, StorageError};

use super::{FILTER, GRANULE_ROWS, LINE, METADATA, STREAM, TABLE_KEY, TIMESTAMP, Table, TableStream};
use crate::filter::Needles;
use crate::telemetry;
use crate::wanted::Wanted;

/// Rows of the first chunk of a stream; each further one is twice as large, up to the last.
const FIRST_CHUNK_ROWS: u64 = 512;
const LAST_CHUNK_ROWS: u64 = 8192;

/// An open part with its table.
#[derive(Debug, Clone)]
pub(crate) struct PartRead {
    reader: Arc<PartReader>,
    pub(crate) table: Arc<Table>,
}

/// Entries as read, with the number of their stream in the table.
pub(crate) type Chunk = Vec<(usize, LogEntry)>;

/// Rows of one stream, or of several, that are still to be read.
#[derive(Debug)]
pub(crate) struct StreamRows {
    ranges: VecDeque<Range<u64>>,
    chunk_rows: u64,
}

impl StreamRows {
    fn new(ranges: VecDeque<Range<u64>>) -> Self {
        Self {
            ranges,
            chunk_rows: FIRST_CHUNK_ROWS,
        }
    }

    /// Whether all rows are read.
    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Takes the next rows off one end.
    fn take(&mut self, direction: Direction) -> Vec<u64> {
        let mut missing = self.chunk_rows;
        self.chunk_rows = (self.chunk_rows * 2).min(LAST_CHUNK_ROWS);
        let mut rows = Vec::new();
        while missing > 0 {
            let next = match direction {
                Direction::Forward => self.ranges.front_mut(),
                Direction::Backward => self.ranges.back_mut(),
            };
            let Some(range) = next else { break };
            let count = missing.min(range.end - range.start);
            missing -= count;
            match direction {
                Direction::Forward => {
                    rows.extend(range.start..range.start + count);
                    range.start += count;
                }
                Direction::Backward => {
                    rows.extend(range.end - count..range.end);
                    range.end -= count;
                }
            }
            if range.is_empty() {
                match direction {
                    Direction::Forward => self.ranges.pop_front(),
                    Direction::Backward => self.ranges.pop_back(),
                };
            }
        }
        rows.sort_unstable();
        rows
    }
}

impl PartRead {
    /// Reads the table of an open part.
    pub(crate) fn table(reader: &PartReader) -> Result<Table, StorageError> {
        let text = reader
            .key_value(TABLE_KEY)
            .ok_or_else(|| foreign(reader, "it has no table of streams"))?;
        Table::decode(text).map_err(|error| foreign(reader, &error.to_string()))
    }

    pub(crate) fn new(reader: Arc<PartReader>, table: Arc<Table>) -> Self {
        Self { reader, table }
    }

    /// Granules that may contain what is looked for; `None` for all.
    pub(crate) fn granules(&self, needles: &Needles) -> Result<Option<Vec<bool>>, StorageError> {
        if needles.is_empty() {
            return Ok(None);
        }
        let rows = self.reader.meta().rows;
        let starts: Vec<u64> = (0..rows).step_by(GRANULE_ROWS as usize).collect();
        let mut granules = Vec::with_capacity(starts.len());
        let scan = PartScan {
            rows: Some(starts),
            ..PartScan::columns(&[FILTER])
        };
        for batch in self.reader.scan(&scan)? {
            let batch = batch?;
            let filters = batch
                .column_by_name(FILTER)
                .and_then(|column| column.as_binary_opt::<i32>());
            let filters = filters.ok_or_else(|| foreign(&self.reader, "the column filter is not binary"))?;
            granules.extend(
                filters
                    .iter()
                    .map(|filter| filter.is_none_or(|filter| needles.may_be_in(filter))),
            );
        }
        let skipped = granules.iter().filter(|may_match| !**may_match).count();
        telemetry::GRANULES_SKIPPED.inc_by(skipped as u64);
        Ok(Some(granules))
    }

    /// The rows of a stream that lie in granules to be read.
    pub(crate) fn rows(stream: &TableStream, granules: Option<&[bool]>) -> StreamRows {
        let (first, end) = (stream.first_row, stream.first_row + stream.rows);
        let Some(granules) = granules else {
            return StreamRows::new(std::iter::once(first..end).collect());
        };
        let mut ranges: VecDeque<Range<u64>> = VecDeque::new();
        for granule in first / GRANULE_ROWS..end.div_ceil(GRANULE_ROWS) {
            if !granules.get(granule as usize).copied().unwrap_or(true) {
                continue;
            }
            let rows = first.max(granule * GRANULE_ROWS)..end.min((granule + 1) * GRANULE_ROWS);
            match ranges.back_mut() {
                Some(last) if last.end == rows.start => last.end = rows.end,
                _ => ranges.push_back(rows),
            }
        }
        StreamRows::new(ranges)
    }

    /// Reads the next chunk of a stream, in the direction's order.
    pub(crate) fn next_chunk(
        &self,
        rows: &mut StreamRows,
        direction: Direction,
        wanted: &Wanted<'_>,
    ) -> Result<Chunk, StorageError> {
        let mut chunk = self.read(rows.take(direction), wanted)?;
        if direction == Direction::Backward {
            chunk.reverse();
        }
        Ok(chunk)
    }

    /// Reads all rows of several streams at once, in the direction's order.
    pub(crate) fn all_rows(
        &self,
        streams: Vec<StreamRows>,
        direction: Direction,
        wanted: &Wanted<'_>,
    ) -> Result<Chunk, StorageError> {
        let rows = streams.into_iter().flat_map(|stream| stream.ranges).flatten();
        let mut chunk = self.read(rows.collect(), wanted)?;
        chunk.sort_by_key(|(_, entry)| entry.timestamp_ns);
        if direction == Direction::Backward {
            chunk.reverse();
        }
        Ok(chunk)
    }

    fn read(&self, rows: Vec<u64>, wanted: &Wanted<'_>) -> Result<Chunk, StorageError> {
        let scan = PartScan {
            rows: Some(rows),
            predicates: time_predicate(wanted.range).into_iter().collect(),
            ..PartScan::columns(&[STREAM, TIMESTAMP, LINE, METADATA])
        };
        let mut chunk = Vec::new();
        for batch in self.reader.scan(&scan)? {
            read_batch(&batch?, wanted, &mut chunk)
                .ok_or_else(|| foreign(&self.reader, "its columns are not those of a log part"))?;
        }
        Ok(chunk)
    }
}

fn time_predicate(range: TimeRangeNs) -> Option<ColumnPredicate> {
    (range != TimeRangeNs::ALL).then(|| ColumnPredicate::Between {
        column: TIMESTAMP.to_owned(),
        min: range.start_ns,
        max: range.end_ns.saturating_sub(1),
    })
}

/// `None` where the columns are not ours.
fn read_batch(batch: &RecordBatch, wanted: &Wanted<'_>, chunk: &mut Chunk) -> Option<()> {
    let stream = batch.column_by_name(STREAM)?.as_primitive_opt::<Int64Type>()?;
    let timestamp = batch
        .column_by_name(TIMESTAMP)?
        .as_primitive_opt::<TimestampNanosecondType>()?;
    let line = batch.column_by_name(LINE)?.as_string_opt::<i32>()?;
    let metadata = batch.column_by_name(METADATA)?.as_map_opt()?;
    for row in 0..batch.num_rows() {
        let text = line.value(row);
        if !wanted.takes(timestamp.value(row), text.as_bytes()) {
            continue;
        }
        let structured_metadata = if metadata.value_length(row) == 0 {
            Labels::empty()
        } else {
            labels_at(metadata, row)?
        };
        let entry = LogEntry {
            timestamp_ns: timestamp.value(row),
            line: text.to_owned(),
            structured_metadata,
        };
        chunk.push((usize::try_from(stream.value(row)).ok()?, entry));
    }
    Some(())
}

fn foreign(reader: &PartReader, reason: &str) -> StorageError {
    StorageError::Corrupt {
        what: reader.meta().path.clone(),
        reason: reason.to_owned(),
    }
}
