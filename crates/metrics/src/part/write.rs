//! Makes parts of series that come in the order of their labels: one for each UTC day they touch.
//!
//! Runs of a metric are held until they are enough for a chunk of values; rows until they are
//! enough for a batch. What a part takes in memory while it is made is its compressed size.

mod columns;

use std::collections::BTreeMap;
use std::ops::Range;

use hashbrown::HashMap;
use skopos_core::metric::{Exemplar, FloatWindow, HistogramWindow, MetricMetadata};
use skopos_core::{Labels, TenantId, TimeRange};
use skopos_storage::signal::LOCAL_PARTITION;
use skopos_storage::{Aggregate, Offset, PartMeta, PartSpec, PartStore, PartWriter, StorageError};
use xxhash_rust::xxh3::xxh3_128;

use super::read::SeriesContent;
use super::{Codec, DAY_MS, Kind, MAX_RUN, METADATA_KEY, cells, format, times, values, windows};
use crate::run::{Run, Start};
use crate::xor::XorEncoder;
use columns::{Columns, Row};

/// Values of a chunk beyond which another is begun.
const GROUP_VALUES: usize = 32 * 1024;
/// Runs of a chunk at most.
const GROUP_RUNS: usize = 256;
/// Runs of fewer values are XOR chunks: a page has a fixed cost.
const MIN_PAGE_VALUES: usize = 24;
/// Chunks of fewer values too: what they share has one.
const MIN_GROUP_VALUES: usize = 120;
/// What a part in the making takes beside its rows, about.
const DAY_BYTES: usize = 64 * 1024;
/// Rows of a batch that is given to the Parquet writer.
const BATCH_ROWS: usize = 2048;

/// What all parts of one making cover.
#[derive(Debug, Clone)]
pub(crate) struct Covers {
    pub(crate) tenant: TenantId,
    pub(crate) level: u8,
    pub(crate) first_offset: Offset,
    pub(crate) last_offset: Offset,
}

/// Makes the parts of one tenant.
#[derive(Debug)]
pub(crate) struct PartsBuilder<'a> {
    store: &'a PartStore,
    covers: Covers,
    aggregate: Option<Aggregate>,
    metadata: Vec<MetricMetadata>,
    days: BTreeMap<i64, PartBuilder>,
}

impl<'a> PartsBuilder<'a> {
    pub(crate) fn new(store: &'a PartStore, covers: Covers, metadata: Vec<MetricMetadata>) -> Self {
        Self {
            store,
            covers,
            aggregate: None,
            metadata,
            days: BTreeMap::new(),
        }
    }

    /// Makes a part of windows for the day of `time_ms`, also where no series has any.
    pub(crate) fn of_windows(mut self, aggregate: Aggregate, time_ms: i64) -> Result<Self, StorageError> {
        let day_start_ms = time_ms.div_euclid(DAY_MS) * DAY_MS;
        self.aggregate = Some(aggregate);
        self.day(time_ms)?.empty_range = TimeRange::new(day_start_ms, day_start_ms);
        Ok(self)
    }

    /// Adds the windows of a series, sorted, all of one day.
    pub(crate) fn add_windows(
        &mut self,
        labels: &Labels,
        floats: Vec<FloatWindow>,
        histograms: &[HistogramWindow],
    ) -> Result<(), StorageError> {
        if let (Some(first), Some(last)) = (floats.first(), floats.last()) {
            let range = TimeRange::new(first.first_ms, last.last_ms);
            let day = self.day(range.end_ms)?;
            day.add_row(labels, range, floats.len(), PendingContent::Windows(floats))?;
        }
        if let (Some(first), Some(last)) = (histograms.first(), histograms.last()) {
            let range = TimeRange::new(first.first_ms(), last.last_ms());
            let content = PendingContent::List {
                kind: Kind::HistogramWindows,
                cell: cells::write_histogram_windows(histograms),
            };
            self.day(range.end_ms)?
                .add_row(labels, range, histograms.len(), content)?;
        }
        Ok(())
    }

    /// Adds a series, whose samples are sorted and unique.
    pub(crate) fn add(&mut self, labels: &Labels, content: &SeriesContent) -> Result<(), StorageError> {
        let Run { series, starts } = &content.run;
        for run in runs(&series.timestamps_ms) {
            let times_ms = &series.timestamps_ms[run.clone()];
            self.day(times_ms[0])?
                .add_floats(labels, times_ms, &series.values[run])?;
        }
        for run in runs(&series.histogram_timestamps_ms) {
            let times_ms = &series.histogram_timestamps_ms[run.clone()];
            let cell = cells::write_histograms(times_ms, &series.histograms[run]);
            self.day(times_ms[0])?
                .add_list(labels, Kind::Histograms, times_ms, cell)?;
        }
        self.add_exemplars(labels, &content.exemplars)?;
        self.add_starts(labels, starts)
    }

    fn add_exemplars(&mut self, labels: &Labels, exemplars: &[Exemplar]) -> Result<(), StorageError> {
        let mut sorted: Vec<&Exemplar> = exemplars.iter().collect();
        sorted.sort_by_key(|exemplar| exemplar.timestamp_ms);
        let times_ms: Vec<i64> = sorted.iter().map(|exemplar| exemplar.timestamp_ms).collect();
        for run in runs(&times_ms) {
            let some: Vec<Exemplar> = sorted[run.clone()].iter().map(|exemplar| (*exemplar).clone()).collect();
            let cell = cells::write_exemplars(&some);
            self.day(times_ms[run.start])?
                .add_list(labels, Kind::Exemplars, &times_ms[run], cell)?;
        }
        Ok(())
    }

    fn add_starts(&mut self, labels: &Labels, starts: &[Start]) -> Result<(), StorageError> {
        if starts.iter().all(|start| start.start_ms == 0) {
            return Ok(());
        }
        let times_ms: Vec<i64> = starts.iter().map(|start| start.timestamp_ms).collect();
        for run in runs(&times_ms) {
            let cell = cells::write_starts(&starts[run.clone()]);
            self.day(times_ms[run.start])?
                .add_list(labels, Kind::Starts, &times_ms[run], cell)?;
        }
        Ok(())
    }

    fn day(&mut self, time_ms: i64) -> Result<&mut PartBuilder, StorageError> {
        let day = time_ms.div_euclid(DAY_MS);
        match self.days.entry(day) {
            std::collections::btree_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
            std::collections::btree_map::Entry::Vacant(entry) => Ok(entry.insert(PartBuilder::new()?)),
        }
    }

    /// Metadata in place of what was given before.
    pub(crate) fn set_metadata(&mut self, metadata: Vec<MetricMetadata>) {
        self.metadata = metadata;
    }

    /// Bytes that it takes, about.
    pub(crate) fn size_bytes(&self) -> usize {
        self.days.values().map(PartBuilder::size_bytes).sum()
    }

    /// Puts the parts in place.
    pub(crate) fn finish(self) -> Result<Vec<PartMeta>, StorageError> {
        let entries = self.metadata.iter();
        let entries = entries.map(|entry| (&entry.metric, entry.metric_type as u64, &entry.help, &entry.unit));
        let metadata = serde_json::to_string(&entries.collect::<Vec<_>>()).unwrap_or_default();
        let mut written: Vec<PartMeta> = Vec::new();
        for (_, day) in self.days {
            match day.finish(self.store, &self.covers, self.aggregate.clone(), &metadata) {
                Ok(part) => written.push(part),
                Err(error) => {
                    // Those of other days are of no use without it.
                    for part in &written {
                        self.store.remove(&part.path, "unused")?;
                    }
                    return Err(error);
                }
            }
        }
        Ok(written)
    }
}

/// Index ranges of samples of one day, at most [`MAX_RUN`] long.
fn runs(times_ms: &[i64]) -> Vec<Range<usize>> {
    let day = |index: usize| times_ms[index].div_euclid(DAY_MS);
    let mut runs = Vec::new();
    let mut start = 0;
    for end in 1..=times_ms.len() {
        if end == times_ms.len() || day(end) != day(start) || end - start >= MAX_RUN {
            runs.push(start..end);
            start = end;
        }
    }
    runs
}

/// A part in the making.
#[derive(Debug)]
struct PartBuilder {
    writer: PartWriter,
    columns: Columns,
    rows: u32,
    group: Vec<Pending>,
    group_values: usize,
    /// Rows that hold times, by the hash of those.
    times: HashMap<u128, u32>,
    range: Option<TimeRange>,
    /// What is said of it without rows.
    empty_range: TimeRange,
}

/// A row that waits for its group.
#[derive(Debug)]
struct Pending {
    labels: Labels,
    range: TimeRange,
    count: u32,
    content: PendingContent,
}

#[derive(Debug)]
enum PendingContent {
    Floats { times_ms: Vec<i64>, values: Vec<f64> },
    List { kind: Kind, cell: Vec<u8> },
    Windows(Vec<FloatWindow>),
}

impl PartBuilder {
    fn new() -> Result<Self, StorageError> {
        Ok(Self {
            writer: PartWriter::new(&format())?,
            columns: Columns::default(),
            rows: 0,
            group: Vec::new(),
            group_values: 0,
            times: HashMap::new(),
            range: None,
            empty_range: TimeRange::new(0, 0),
        })
    }

    fn size_bytes(&self) -> usize {
        DAY_BYTES + self.writer.size_bytes() + self.group_values * size_of::<(i64, f64)>()
    }

    fn add_floats(&mut self, labels: &Labels, times_ms: &[i64], values: &[f64]) -> Result<(), StorageError> {
        let content = PendingContent::Floats {
            times_ms: times_ms.to_vec(),
            values: values.to_vec(),
        };
        self.add(labels, times_ms, content)
    }

    fn add_list(&mut self, labels: &Labels, kind: Kind, times_ms: &[i64], cell: Vec<u8>) -> Result<(), StorageError> {
        self.add(labels, times_ms, PendingContent::List { kind, cell })
    }

    fn add(&mut self, labels: &Labels, times_ms: &[i64], content: PendingContent) -> Result<(), StorageError> {
        let range = TimeRange::new(times_ms[0], times_ms[times_ms.len() - 1]);
        self.add_row(labels, range, times_ms.len(), content)
    }

    fn add_row(
        &mut self,
        labels: &Labels,
        range: TimeRange,
        count: usize,
        content: PendingContent,
    ) -> Result<(), StorageError> {
        let is_other_metric = |pending: &Pending| pending.labels.metric_name() != labels.metric_name();
        if self.group_values + count > GROUP_VALUES
            || self.group.len() >= GROUP_RUNS
            || self.group.last().is_some_and(is_other_metric)
        {
            self.close_group()?;
        }
        self.group_values += count;
        self.group.push(Pending {
            labels: labels.clone(),
            range,
            count: count as u32,
            content,
        });
        let all = self.range.get_or_insert(range);
        *all = TimeRange::new(all.start_ms.min(range.start_ms), all.end_ms.max(range.end_ms));
        Ok(())
    }

    /// Writes the rows of the group.
    fn close_group(&mut self) -> Result<(), StorageError> {
        let group = std::mem::take(&mut self.group);
        self.group_values = 0;
        let (mut shared, pages) = encode_pages(&group);
        let (mut windows_shared, mut window_cells) = encode_windows(&group);
        let mut shared_row = 0;
        let mut windows_shared_row = None;
        for (pending, page) in group.into_iter().zip(pages) {
            let number = self.rows;
            let mut row = Row {
                labels: pending.labels,
                range: pending.range,
                count: pending.count,
                kind: Kind::Floats,
                codec: Codec::Xor,
                times_at: number,
                shared_at: number,
                times: None,
                shared: None,
                samples: Vec::new(),
            };
            match (pending.content, page) {
                (PendingContent::List { kind, cell }, _) => {
                    (row.kind, row.codec, row.samples) = (kind, Codec::List, cell);
                }
                (PendingContent::Windows(run), _) => {
                    row.shared = windows_shared.take();
                    if row.shared.is_some() {
                        windows_shared_row = Some(number);
                    }
                    (row.kind, row.codec) = (Kind::Windows, Codec::Columns);
                    row.shared_at = windows_shared_row.unwrap_or(number);
                    row.samples = window_cells.next().unwrap_or_default();
                    (row.times_at, row.times) = self.share_times(number, windows::encode_times(&run), run.len());
                }
                (PendingContent::Floats { times_ms, .. }, Some(page)) => {
                    row.shared = shared.take();
                    if row.shared.is_some() {
                        shared_row = number;
                    }
                    (row.codec, row.shared_at, row.samples) = (Codec::Page, shared_row, page);
                    (row.times_at, row.times) = self.times_row(number, &times_ms);
                }
                (PendingContent::Floats { times_ms, values }, None) if is_constant(&values) => {
                    (row.codec, row.samples) = (Codec::Constant, values[0].to_le_bytes().to_vec());
                    (row.times_at, row.times) = self.times_row(number, &times_ms);
                }
                (PendingContent::Floats { times_ms, values }, None) => row.samples = xor_chunk(&times_ms, &values),
            }
            self.columns.push(&row);
            self.rows += 1;
        }
        if self.columns.len() >= BATCH_ROWS {
            self.writer.write(&self.columns.take())?;
        }
        Ok(())
    }

    /// The row that holds these times, and the cell where it is this one.
    fn times_row(&mut self, number: u32, times_ms: &[i64]) -> (u32, Option<Vec<u8>>) {
        self.share_times(number, times::encode(times_ms), times_ms.len())
    }

    /// The row that holds this cell of so many times, and the cell where it is this one.
    fn share_times(&mut self, number: u32, cell: Vec<u8>, count: usize) -> (u32, Option<Vec<u8>>) {
        // The cell of regular times does not say how many they are.
        let key = xxh3_128(&cell) ^ (count as u128);
        if let Some(row) = self.times.get(&key) {
            return (*row, None);
        }
        self.times.insert(key, number);
        (number, Some(cell))
    }

    fn finish(
        mut self,
        store: &PartStore,
        covers: &Covers,
        aggregate: Option<Aggregate>,
        metadata: &str,
    ) -> Result<PartMeta, StorageError> {
        self.close_group()?;
        if self.columns.len() > 0 {
            self.writer.write(&self.columns.take())?;
        }
        if metadata != "[]" {
            self.writer.add_key_value(METADATA_KEY, metadata.to_owned());
        }
        let range = self.range.unwrap_or(self.empty_range);
        let spec = PartSpec {
            tenant: covers.tenant.clone(),
            level: covers.level,
            partition: LOCAL_PARTITION,
            first_offset: covers.first_offset,
            last_offset: covers.last_offset,
            min_time_ms: range.start_ms,
            max_time_ms: range.end_ms,
            aggregate,
        };
        store.publish(self.writer, spec)
    }
}

fn is_constant(values: &[f64]) -> bool {
    values.iter().all(|value| value.to_bits() == values[0].to_bits())
}

/// Compresses the runs of a group that are worth it: what they share, and by run its page.
fn encode_pages(group: &[Pending]) -> (Option<Vec<u8>>, Vec<Option<Vec<u8>>>) {
    let mut chosen: Vec<(usize, &[f64])> = Vec::new();
    for (position, pending) in group.iter().enumerate() {
        if let PendingContent::Floats { values, .. } = &pending.content
            && values.len() >= MIN_PAGE_VALUES
            && !is_constant(values)
        {
            chosen.push((position, values));
        }
    }
    let mut pages = vec![None; group.len()];
    let slices: Vec<&[f64]> = chosen.iter().map(|(_, values)| *values).collect();
    if slices.iter().map(|values| values.len()).sum::<usize>() < MIN_GROUP_VALUES {
        return (None, pages);
    }
    let Some(encoded) = values::encode(&slices) else {
        return (None, pages);
    };
    for ((position, _), cell) in chosen.into_iter().zip(encoded.cells) {
        pages[position] = Some(cell);
    }
    (Some(encoded.shared), pages)
}

/// Encodes the windows of a group: what they share, and their cells.
fn encode_windows(group: &[Pending]) -> (Option<Vec<u8>>, std::vec::IntoIter<Vec<u8>>) {
    let runs = group.iter().filter_map(|pending| match &pending.content {
        PendingContent::Windows(windows) => Some(windows.as_slice()),
        _ => None,
    });
    let runs: Vec<&[FloatWindow]> = runs.collect();
    if runs.is_empty() {
        return (None, Vec::new().into_iter());
    }
    let encoded = windows::encode(&runs);
    (encoded.shared, encoded.cells.into_iter())
}

fn xor_chunk(times_ms: &[i64], values: &[f64]) -> Vec<u8> {
    let mut encoder = XorEncoder::default();
    for (time_ms, value) in times_ms.iter().zip(values) {
        encoder.append(*time_ms, *value);
    }
    encoder.take().into_vec()
}
