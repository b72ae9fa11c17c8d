//! A scan of one tenant: head blocks and parts as places of a merge.

use std::ops::ControlFlow;
use std::sync::Arc;

use skopos_core::log::{Direction, LogEntry, LogSelection};
use skopos_core::{Labels, QueryBudget, ReadError};
use skopos_storage::{PartMeta, StorageError, error_text};

use crate::block::Block;
use crate::filter::Needles;
use crate::merge::{Merge, Run};
use crate::part::{Chunk, PartRead, StreamRows};
use crate::store::Shared;
use crate::wanted::Wanted;

const NS_PER_MS: i64 = 1_000_000;
const STAGE: &str = "log scan";
/// Streams of a part that are read each on its own; more are read together.
const MAX_CURSORS: usize = 64;

/// Where entries lie.
pub(crate) enum Place {
    /// A block of the head.
    Block(Labels, Arc<Block>),
    /// A part that is not opened.
    Part(Arc<PartMeta>),
    /// Rows of one stream of an open part.
    Rows(PartRead, StreamRows),
}

/// What all places of a scan need.
pub(crate) struct Scan<'a> {
    shared: &'a Shared,
    selection: &'a LogSelection<'a>,
    budget: &'a QueryBudget,
    wanted: Wanted<'a>,
    needles: Needles,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(shared: &'a Shared, selection: &'a LogSelection<'a>, budget: &'a QueryBudget) -> Self {
        let texts = selection.line_contains.iter().map(String::as_str);
        let values = selection.has_labels.iter().map(|(_, value)| value.as_str());
        Self {
            shared,
            selection,
            budget,
            wanted: Wanted::new(selection.range, selection.line_contains),
            needles: Needles::new(texts.chain(values)),
        }
    }

    /// Runs the merge over places in the order in which their entries came.
    pub(crate) fn run(
        &self,
        places: Vec<Place>,
        visit: &mut dyn FnMut(&Labels, &LogEntry) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let mut merge = Merge::new(self.selection.direction);
        for (rank, place) in (0u64..).zip(places) {
            let bounds = match &place {
                Place::Block(_, block) => block.bounds_ns().unwrap_or_default(),
                Place::Part(meta) => (
                    meta.spec.min_time_ms.saturating_mul(NS_PER_MS),
                    meta.spec.max_time_ms.saturating_add(1).saturating_mul(NS_PER_MS),
                ),
                Place::Rows(..) => continue,
            };
            merge.add(bounds, rank, place);
        }
        merge.run(|place, rank, merge| self.open(place, rank, merge), visit)
    }

    fn open(&self, place: Place, rank: u64, merge: &mut Merge<Place>) -> Result<Option<Run<Place>>, ReadError> {
        self.budget.check(STAGE)?;
        match place {
            Place::Block(labels, block) => self.open_block(&labels, &block).map(Some),
            Place::Part(meta) => {
                let failed = |error: StorageError| read_error(&meta.path, &error);
                match self.shared.open_part(&meta).map_err(failed)? {
                    Some(part) => self.open_part(&part, rank, merge).map_err(failed),
                    None => Ok(None),
                }
            }
            Place::Rows(part, rows) => {
                let failed = |error: StorageError| read_error("a part of the log store", &error);
                self.open_rows(part, rows).map(Some).map_err(failed)
            }
        }
    }

    fn open_block(&self, labels: &Labels, block: &Block) -> Result<Run<Place>, ReadError> {
        let mut entries = block.read(&self.wanted).map_err(|reason| ReadError::Storage {
            what: format!("stream {labels}"),
            reason,
        })?;
        if self.selection.direction == Direction::Backward {
            entries.reverse();
        }
        let entries: Vec<_> = entries.into_iter().map(|entry| (labels.clone(), entry)).collect();
        Ok(Run {
            entries: entries.into_iter(),
            rest: None,
        })
    }

    /// Few streams become places of their own; many are read at once.
    fn open_part(
        &self,
        part: &PartRead,
        rank: u64,
        merge: &mut Merge<Place>,
    ) -> Result<Option<Run<Place>>, StorageError> {
        let table = Arc::clone(&part.table);
        let streams: Vec<_> = table.matching(self.selection.matchers, self.selection.range).collect();
        // A wanted label may be the stream's own, of which filters know nothing.
        let filtered = streams.iter().all(|stream| self.filters_apply(&stream.labels));
        let granules = if filtered && !streams.is_empty() {
            part.granules(&self.needles)?
        } else {
            None
        };
        let granules = granules.as_deref();
        if streams.len() <= MAX_CURSORS {
            for stream in streams {
                let rows = PartRead::rows(stream, granules);
                if !rows.is_empty() {
                    merge.add((stream.min_ns, stream.max_ns), rank, Place::Rows(part.clone(), rows));
                }
            }
            return Ok(None);
        }
        let rows = streams
            .into_iter()
            .map(|stream| PartRead::rows(stream, granules))
            .collect();
        let chunk = part.all_rows(rows, self.selection.direction, &self.wanted)?;
        Ok(Some(Run {
            entries: labelled(part, chunk).into_iter(),
            rest: None,
        }))
    }

    fn filters_apply(&self, stream: &Labels) -> bool {
        self.selection
            .has_labels
            .iter()
            .all(|(name, _)| stream.find(name).is_none())
    }

    fn open_rows(&self, part: PartRead, mut rows: StreamRows) -> Result<Run<Place>, StorageError> {
        let direction = self.selection.direction;
        let mut chunk = Chunk::new();
        while chunk.is_empty() && !rows.is_empty() {
            chunk = part.next_chunk(&mut rows, direction, &self.wanted)?;
        }
        let last_ns = chunk.last().map(|(_, entry)| entry.timestamp_ns);
        let entries = labelled(&part, chunk).into_iter();
        let rest = last_ns
            .filter(|_| !rows.is_empty())
            .map(|time_ns| (time_ns, Place::Rows(part, rows)));
        Ok(Run { entries, rest })
    }
}

fn labelled(part: &PartRead, chunk: Chunk) -> Vec<(Labels, LogEntry)> {
    let streams = &part.table.streams;
    let known = chunk
        .into_iter()
        .filter_map(|(stream, entry)| Some((streams.get(stream)?.labels.clone(), entry)));
    known.collect()
}

pub(crate) fn read_error(what: &str, error: &StorageError) -> ReadError {
    ReadError::Storage {
        what: what.to_owned(),
        reason: error_text(error),
    }
}
