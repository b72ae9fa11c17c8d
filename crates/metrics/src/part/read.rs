//! Reads rows of a part in their order, with what they share.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, BinaryArray, RecordBatch};
use hashbrown::HashMap;
use skopos_core::histogram::FloatHistogram;
use skopos_core::metric::{Exemplar, FloatWindow, HistogramWindow, MetricMetadata};
use skopos_core::{Labels, TimeRange};
use skopos_storage::part::PartBatches;
use skopos_storage::{PartReader, PartScan, StorageError};

use super::index::{PartIndex, RowInfo};
use super::values::GroupReader;
use super::windows::{self, WindowGroup};
use super::{Codec, Kind, MAX_RUN, METADATA_KEY, cells, foreign, times};
use crate::record::metric_type;
use crate::run::{Run, Start};
use crate::xor;

/// What a row holds, decoded.
#[derive(Debug)]
pub(crate) enum Content {
    /// Times, which rows may share, and values.
    Floats(Arc<Vec<i64>>, Arc<Vec<f64>>),
    Histograms(Vec<i64>, Vec<Arc<FloatHistogram>>),
    Exemplars(Vec<Exemplar>),
    Starts(Vec<Start>),
    Windows(Vec<FloatWindow>),
    HistogramWindows(Vec<HistogramWindow>),
}

impl Content {
    /// Adds what of it lies in the range to a run; exemplars and windows are none of its.
    pub(crate) fn add_to(self, run: &mut Run, range: TimeRange) {
        let series = &mut run.series;
        match self {
            Self::Floats(times_ms, values) => {
                let from = times_ms.partition_point(|time| *time < range.start_ms);
                let to = times_ms.partition_point(|time| *time <= range.end_ms);
                if from < to {
                    series.timestamps_ms.extend_from_slice(&times_ms[from..to]);
                    series.values.extend_from_slice(&values[from..to]);
                }
            }
            Self::Histograms(mut times_ms, mut histograms) => {
                series.histogram_timestamps_ms.append(&mut times_ms);
                series.histograms.append(&mut histograms);
            }
            Self::Starts(mut starts) => run.starts.append(&mut starts),
            Self::Exemplars(_) | Self::Windows(_) | Self::HistogramWindows(_) => {}
        }
    }
}

/// Reads rows, ascending.
pub(crate) struct Rows<'a> {
    reader: &'a PartReader,
    index: &'a PartIndex,
    /// Rows to give.
    wanted: std::iter::Peekable<std::vec::IntoIter<u32>>,
    /// Rows to read: those, and the ones that hold what they share.
    needed: std::vec::IntoIter<u32>,
    batches: PartBatches,
    batch: Option<Batch>,
    times: HashMap<u32, Arc<Vec<i64>>>,
    group: Option<(u32, Group)>,
}

/// What rows share beside their times.
enum Group {
    Floats(Box<GroupReader>),
    Windows(WindowGroup),
}

/// A row that was read.
enum RowRead {
    /// For what it shares only.
    Helper,
    Wanted(Content),
}

/// Columns of a batch, and the next row in it.
struct Batch {
    times: Option<BinaryArray>,
    shared: Option<BinaryArray>,
    samples: BinaryArray,
    next: usize,
}

impl<'a> Rows<'a> {
    /// Reads `wanted`, which ascend.
    pub(crate) fn open(reader: &'a PartReader, index: &'a PartIndex, wanted: Vec<u32>) -> Result<Self, StorageError> {
        let mut needed: Vec<u32> = Vec::with_capacity(wanted.len() + 8);
        for info in wanted.iter().filter_map(|row| index.row(*row)) {
            for helper in [info.times_row, info.shared_row] {
                if needed.last() != Some(&helper) {
                    needed.push(helper);
                }
            }
        }
        needed.extend_from_slice(&wanted);
        needed.sort_unstable();
        needed.dedup();
        let is_all = needed.len() == index.row_count();
        let scan = PartScan {
            rows: (!is_all).then(|| needed.iter().map(|row| u64::from(*row)).collect()),
            ..PartScan::columns(&["times", "shared", "samples"])
        };
        Ok(Self {
            reader,
            index,
            wanted: wanted.into_iter().peekable(),
            needed: needed.into_iter(),
            batches: reader.scan(&scan)?,
            batch: None,
            times: HashMap::new(),
            group: None,
        })
    }

    /// The next wanted row.
    pub(crate) fn next(&mut self) -> Result<Option<(u32, Content)>, StorageError> {
        while self.wanted.peek().is_some() {
            if self
                .batch
                .as_ref()
                .is_none_or(|batch| batch.next >= batch.samples.len())
            {
                let Some(batch) = self.batches.next() else {
                    return Err(foreign(self.reader));
                };
                self.batch = Some(columns(&batch?).ok_or_else(|| foreign(self.reader))?);
                continue;
            }
            let row = self.needed.next().ok_or_else(|| foreign(self.reader))?;
            let read = self.read_row(row).ok_or_else(|| foreign(self.reader))?;
            if let RowRead::Wanted(content) = read {
                self.wanted.next();
                return Ok(Some((row, content)));
            }
        }
        Ok(None)
    }

    /// Reads one row; its content only where it is wanted.
    fn read_row(&mut self, row: u32) -> Option<RowRead> {
        let info = *self.index.row(row)?;
        let count = info.count as usize;
        let batch = self.batch.as_mut()?;
        let at = batch.next;
        batch.next += 1;
        if let Some(times) = &batch.times
            && times.is_valid(at)
            && count <= MAX_RUN
        {
            let times = match info.kind {
                Kind::Windows => windows::decode_times(times.value(at), count)?,
                _ => times::decode(times.value(at), count)?,
            };
            self.times.insert(row, Arc::new(times));
        }
        if let Some(shared) = &batch.shared
            && shared.is_valid(at)
        {
            let group = match info.kind {
                Kind::Windows => Group::Windows(WindowGroup::new(shared.value(at))?),
                _ => Group::Floats(Box::new(GroupReader::new(shared.value(at))?)),
            };
            self.group = Some((row, group));
        }
        if self.wanted.peek() != Some(&row) {
            return Some(RowRead::Helper);
        }
        let cell = batch.samples.value(at);
        let spec = &self.reader.meta().spec;
        let resolution_ms = spec.aggregate.as_ref().map_or(0, |aggregate| aggregate.resolution_ms);
        decode(info, cell, &self.times, self.group.as_mut(), resolution_ms).map(RowRead::Wanted)
    }
}

fn columns(batch: &RecordBatch) -> Option<Batch> {
    let column = |name: &str| batch.column_by_name(name)?.as_binary_opt::<i32>().cloned();
    Some(Batch {
        times: column("times"),
        shared: column("shared"),
        samples: column("samples")?,
        next: 0,
    })
}

fn decode(
    info: RowInfo,
    cell: &[u8],
    times: &HashMap<u32, Arc<Vec<i64>>>,
    group: Option<&mut (u32, Group)>,
    resolution_ms: i64,
) -> Option<Content> {
    let count = info.count as usize;
    if count > MAX_RUN {
        return None;
    }
    let known_times = || times.get(&info.times_row).filter(|times| times.len() == count).cloned();
    Some(match (info.kind, info.codec) {
        (Kind::Floats, Codec::Xor) => {
            let (mut times_ms, mut values) = (Vec::with_capacity(count), Vec::with_capacity(count));
            xor::decode(cell, info.count, &mut times_ms, &mut values)?;
            Content::Floats(Arc::new(times_ms), Arc::new(values))
        }
        (Kind::Floats, Codec::Constant) => {
            let value = f64::from_le_bytes(cell.try_into().ok()?);
            Content::Floats(known_times()?, Arc::new(vec![value; count]))
        }
        (Kind::Floats, Codec::Page) => {
            let (of, Group::Floats(group)) = group? else {
                return None;
            };
            if *of != info.shared_row {
                return None;
            }
            let mut values = Vec::with_capacity(count);
            group.read(cell, count, &mut values)?;
            Content::Floats(known_times()?, Arc::new(values))
        }
        // Version 1 has a codec of its own for histograms, the number of lists.
        (Kind::Histograms, Codec::List) => {
            let (times_ms, histograms) = cells::read_histograms(cell, count)?;
            Content::Histograms(times_ms, histograms)
        }
        (Kind::Exemplars, Codec::List) => Content::Exemplars(cells::read_exemplars(cell, count)?),
        (Kind::Windows, Codec::Columns) => {
            let times = times.get(&info.times_row)?;
            let group = group.filter(|(of, _)| *of == info.shared_row);
            let group = group.and_then(|(_, group)| match group {
                Group::Windows(group) => Some(group),
                Group::Floats(_) => None,
            });
            Content::Windows(windows::decode(cell, times, count, resolution_ms, group)?)
        }
        (Kind::HistogramWindows, Codec::List) => {
            Content::HistogramWindows(cells::read_histogram_windows(cell, count, resolution_ms)?)
        }
        (Kind::Starts, Codec::List) => Content::Starts(cells::read_starts(cell, count)?),
        _ => return None,
    })
}

/// The metadata of families that a part keeps.
pub(crate) fn read_metadata(reader: &PartReader) -> Vec<MetricMetadata> {
    let Some(text) = reader.key_value(METADATA_KEY) else {
        return Vec::new();
    };
    let entries: Vec<(String, u64, String, String)> = serde_json::from_str(text).unwrap_or_default();
    let entries = entries.into_iter().map(|(metric, code, help, unit)| MetricMetadata {
        metric,
        metric_type: metric_type(code).unwrap_or_default(),
        help,
        unit,
    });
    entries.collect()
}

/// Series after series of a whole part, sorted by labels.
pub(crate) struct PartCursor<'a> {
    index: &'a PartIndex,
    rows: Rows<'a>,
    next: u32,
}

/// All that a part, or several, hold of a series.
#[derive(Debug, Default)]
pub(crate) struct SeriesContent {
    pub(crate) run: Run,
    pub(crate) exemplars: Vec<Exemplar>,
}

impl<'a> PartCursor<'a> {
    /// Before the first series.
    pub(crate) fn open(reader: &'a PartReader, index: &'a PartIndex) -> Result<Self, StorageError> {
        let all = (0..index.row_count() as u32).collect();
        Ok(Self {
            index,
            rows: Rows::open(reader, index, all)?,
            next: 0,
        })
    }

    /// The labels of the next series.
    pub(crate) fn peek(&self) -> Option<Labels> {
        ((self.next as usize) < self.index.len()).then(|| self.index.labels(self.next))
    }

    /// Adds what the part holds of the next series, and goes on.
    pub(crate) fn take(&mut self, into: &mut SeriesContent) -> Result<(), StorageError> {
        for _ in self.index.rows_of(self.next) {
            match self.rows.next()? {
                Some((_, Content::Exemplars(mut exemplars))) => into.exemplars.append(&mut exemplars),
                Some((_, content)) => content.add_to(&mut into.run, TimeRange::ALL),
                None => break,
            }
        }
        self.next += 1;
        Ok(())
    }
}
