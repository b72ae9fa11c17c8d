//! The rows of a part that a selection chooses, read series by series.

use std::sync::Arc;

use skopos_core::{Labels, Matcher, TimeRange};
use skopos_storage::{PartMeta, PartReader, StorageError};

use crate::decoded::{DecodedRuns, FloatRun};
use crate::estimate;
use crate::part::{Content, Kind, PartIndex, RowInfo, Rows};
use crate::run::Run;
use crate::store::Shared;
use crate::tombstones::Tombstone;

/// Rows of a part, some at least.
pub(crate) struct Chosen {
    index: Arc<PartIndex>,
    reader: Arc<PartReader>,
    /// Ascending.
    rows: Vec<u32>,
    /// Numbers of series with how many of the rows are theirs.
    series: Vec<(u32, u32)>,
    tombstones: Vec<Tombstone>,
    decoded: Arc<DecodedRuns>,
}

impl Chosen {
    /// The rows of matching series that are of a kind that is wanted and have samples in the range;
    /// `None` where there are none, or the part is gone.
    pub(crate) fn find(
        shared: &Shared,
        meta: &PartMeta,
        matchers: &[Matcher],
        range: TimeRange,
        wants: impl Fn(Kind) -> bool,
    ) -> Result<Option<Self>, StorageError> {
        let Some(index) = shared.indexes.get(&shared.storage, meta)? else {
            return Ok(None);
        };
        let mut rows: Vec<u32> = Vec::new();
        let mut series = Vec::new();
        for number in index.select(matchers) {
            let before = rows.len();
            // What began before the range says when counting began within it.
            rows.extend(index.rows_of(number).filter(|row| {
                index
                    .row(*row)
                    .is_some_and(|info| wants(info.kind) && (info.kind == Kind::Starts || info.range.overlaps(&range)))
            }));
            if rows.len() > before {
                series.push((number, (rows.len() - before) as u32));
            }
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let Some(reader) = shared.storage.open_part(meta)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            index,
            reader,
            rows,
            series,
            tombstones: shared.tombstones.of_part(meta),
            decoded: Arc::clone(&shared.decoded),
        }))
    }

    /// The part's path.
    pub(crate) fn path(&self) -> &str {
        &self.reader.meta().path
    }

    /// The bytes of the part that the rows stand for.
    pub(crate) fn share(&self) -> u64 {
        let meta = self.reader.meta();
        estimate::share(meta.bytes, self.rows.len() as u64, meta.rows)
    }

    fn float_bytes(&self) -> usize {
        let infos = self.rows.iter().filter_map(|row| self.index.row(*row));
        infos.filter_map(RowInfo::float_bytes).sum()
    }

    /// Before the first series.
    pub(crate) fn begin(&self) -> Result<ChosenSeries<'_>, StorageError> {
        let known = self.decoded.find(self.index.id(), &self.rows);
        let unknown = |(at, _): &(usize, &u32)| known.get(*at).is_none_or(Option::is_none);
        let unread = self.rows.iter().enumerate().filter(unknown).map(|(_, row)| *row);
        let mut series = ChosenSeries {
            chosen: self,
            rows: Rows::open(&self.reader, &self.index, unread.collect())?,
            known,
            is_kept: self.decoded.has_room_for(self.float_bytes()),
            at: 0,
            left: self.series.iter(),
            next: None,
        };
        series.advance();
        Ok(series)
    }
}

/// Series after series, sorted by labels.
pub(crate) struct ChosenSeries<'a> {
    chosen: &'a Chosen,
    /// Reads the rows that are not known.
    rows: Rows<'a>,
    /// Of each row what was decoded before; fewer where nothing was.
    known: Vec<Option<FloatRun>>,
    /// Whether what is decoded is kept for later queries.
    is_kept: bool,
    /// The next row, by its place among the chosen ones.
    at: usize,
    left: std::slice::Iter<'a, (u32, u32)>,
    /// Labels of the next series, and how many rows it has.
    next: Option<(Labels, u32)>,
}

impl ChosenSeries<'_> {
    /// The part's path.
    pub(crate) fn path(&self) -> &str {
        self.chosen.path()
    }

    /// The labels of the next series.
    pub(crate) fn peek(&self) -> Option<&Labels> {
        self.next.as_ref().map(|(labels, _)| labels)
    }

    /// What may hide samples of the part.
    pub(crate) fn tombstones(&self) -> &[Tombstone] {
        &self.chosen.tombstones
    }

    /// Gives what each row of the next series holds to `take`, and goes on.
    pub(crate) fn read(&mut self, mut take: impl FnMut(Content)) -> Result<(), StorageError> {
        let rows = self.next.as_ref().map_or(0, |(_, rows)| *rows);
        for _ in 0..rows {
            let Some(content) = self.read_row()? else { break };
            take(content);
        }
        self.advance();
        Ok(())
    }

    /// What the next row holds.
    fn read_row(&mut self) -> Result<Option<Content>, StorageError> {
        let known = self.known.get_mut(self.at).and_then(Option::take);
        self.at += 1;
        if let Some(run) = known {
            return Ok(Some(Content::Floats(run.times_ms, run.values)));
        }
        let Some((row, content)) = self.rows.next()? else {
            return Ok(None);
        };
        if self.is_kept
            && let Content::Floats(times_ms, values) = &content
            && let Some(bytes) = self.chosen.index.row(row).and_then(RowInfo::float_bytes)
        {
            let run = FloatRun::new(times_ms, values, bytes);
            self.chosen.decoded.keep(self.chosen.index.id(), row, run);
        }
        Ok(Some(content))
    }

    /// Adds the samples of the next series to a run, where nothing hides them, and goes on.
    pub(crate) fn read_into(&mut self, run: &mut Run, range: TimeRange) -> Result<(), StorageError> {
        let (tombstones, labels) = (&self.chosen.tombstones, self.peek().cloned());
        if tombstones.is_empty() {
            return self.read(|content| content.add_to(run, range));
        }
        let mut own = Run::default();
        self.read(|content| content.add_to(&mut own, range))?;
        for tombstone in tombstones {
            tombstone.apply(&labels.clone().unwrap_or_default(), &mut own.series);
        }
        run.extend(own);
        Ok(())
    }

    fn advance(&mut self) {
        let next = self.left.next();
        self.next = next.map(|(number, rows)| (self.chosen.index.labels(*number), *rows));
    }
}
