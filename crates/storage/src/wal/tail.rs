//! Reads a log while it is written, record by record, from a place on.

use std::fs::File;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use super::record::{self, RECORD_HEADER_BYTES};
use super::segment::{SEGMENT_HEADER_BYTES, Segment};
use super::{MAX_RECORD_BYTES, Wal};
use crate::{Offset, StorageError, telemetry};

/// Bytes read at once; a longer record is read whole.
const CHUNK_BYTES: usize = 256 * 1024;

/// A place in a log that moves on as records are read.
#[derive(Debug)]
pub struct WalTail {
    /// The next record to give.
    next: Offset,
    open: Option<OpenSegment>,
    lost_records: u64,
}

#[derive(Debug)]
struct OpenSegment {
    file: File,
    segment: Segment,
    /// Whether nothing will be added to it.
    is_sealed: bool,
    /// Where the next record begins.
    position: u64,
    /// The offset that it must have at least.
    expected: Offset,
}

impl WalTail {
    /// Begins at `from`, or at the first record after it that the log still has.
    pub fn new(from: Offset) -> Self {
        Self {
            next: from,
            open: None,
            lost_records: 0,
        }
    }

    /// The next record that will be given.
    pub fn next_offset(&self) -> Offset {
        self.next
    }

    /// Records that the log no longer had, or that were damaged.
    pub fn lost_records(&self) -> u64 {
        self.lost_records
    }

    /// Gives the next records, in order, until the end, until `visit` breaks, or until a piece of the log
    /// is read. Returns whether there may be more right now.
    pub fn read(
        &mut self,
        wal: &Wal,
        visit: &mut dyn FnMut(Offset, &[u8]) -> ControlFlow<()>,
    ) -> Result<bool, StorageError> {
        let Some(mut open) = self.current(wal)? else {
            return Ok(false);
        };
        if open.left() == 0 {
            let is_sealed = open.is_sealed;
            self.open = (!is_sealed).then_some(open);
            return Ok(is_sealed);
        }
        let mut bytes = open.read_chunk()?;
        let mut used = 0;
        while let Some(rest) = bytes.get(used..).filter(|rest| !rest.is_empty()) {
            if let Some(found) = record::decode(rest, open.expected) {
                used += found.size();
                open.expected = found.offset.next();
                if self.give(found, visit).is_break() {
                    break;
                }
            } else if bytes.len() as u64 == open.left() {
                used += skip_damage(wal, &open, rest);
            } else if used > 0 {
                // The chunk ends within the record.
                break;
            } else {
                bytes = open.read_bytes(open.left())?;
            }
        }
        open.position += used as u64;
        self.open = Some(open);
        Ok(true)
    }

    fn give(
        &mut self,
        found: record::Record<'_>,
        visit: &mut dyn FnMut(Offset, &[u8]) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if found.offset < self.next {
            return ControlFlow::Continue(());
        }
        self.lost_records += found.offset.0 - self.next.0;
        self.next = found.offset.next();
        visit(found.offset, found.payload)
    }

    /// The segment that holds the next record, with as many bytes of it as are written now.
    fn current(&mut self, wal: &Wal) -> Result<Option<OpenSegment>, StorageError> {
        if let Some(mut open) = self.open.take() {
            match wal.segment(open.segment.first) {
                Some((segment, is_sealed)) => {
                    open.segment = segment;
                    open.is_sealed = is_sealed;
                }
                None => open.is_sealed = true,
            }
            return Ok(Some(open));
        }
        let Some((segment, is_sealed)) = wal.first_segment_from(self.next) else {
            return Ok(None);
        };
        let file = File::open(&segment.path).map_err(|source| StorageError::io("open", &segment.path, source))?;
        Ok(Some(OpenSegment {
            file,
            position: SEGMENT_HEADER_BYTES.min(segment.length),
            expected: segment.first,
            segment,
            is_sealed,
        }))
    }
}

impl OpenSegment {
    /// Bytes from the position on.
    fn left(&self) -> u64 {
        self.segment.length.saturating_sub(self.position)
    }

    /// The bytes from the position on: a chunk, and at least one whole record.
    fn read_chunk(&self) -> Result<Vec<u8>, StorageError> {
        let left = self.left();
        let mut wanted = CHUNK_BYTES as u64;
        let mut length = [0; 4];
        if left >= RECORD_HEADER_BYTES as u64 {
            self.read_at(&mut length)?;
            let record = RECORD_HEADER_BYTES as u64 + u64::from(u32::from_le_bytes(length));
            if record <= MAX_RECORD_BYTES as u64 {
                wanted = wanted.max(record);
            }
        }
        self.read_bytes(wanted.min(left))
    }

    fn read_bytes(&self, count: u64) -> Result<Vec<u8>, StorageError> {
        let mut bytes = vec![0; count as usize];
        self.read_at(&mut bytes)?;
        Ok(bytes)
    }

    fn read_at(&self, bytes: &mut [u8]) -> Result<(), StorageError> {
        self.file
            .read_exact_at(bytes, self.position)
            .map_err(|source| StorageError::io("read", &self.segment.path, source))
    }
}

/// Bytes to pass over to the next readable record of what was read.
fn skip_damage(wal: &Wal, open: &OpenSegment, rest: &[u8]) -> usize {
    let skipped = record::resync(rest, open.expected).unwrap_or(rest.len());
    telemetry::WAL_DAMAGED_BYTES
        .with_label_values(&[wal.signal(), "tail"])
        .inc_by(skipped as u64);
    tracing::error!(
        segment = %open.segment.path.display(),
        bytes = skipped,
        "a reader of the write-ahead log skipped damaged bytes"
    );
    skipped
}

impl Wal {
    /// Waits until there is a record at `offset`, but not longer than `wait`. Returns whether there is.
    pub fn wait_for(&self, offset: Offset, wait: Duration) -> bool {
        let mut writer = self.shared.writer.lock();
        if writer.next_offset() <= offset {
            self.shared.appended.wait_for(&mut writer, wait);
        }
        writer.next_offset() > offset
    }

    /// Keeps all records from `from` on under a name, whatever is committed, until the name is set anew or
    /// released; then what nobody needs is forgotten.
    pub fn hold(&self, name: &str, from: Offset) -> Result<(), StorageError> {
        let mut holds = self.shared.holds.lock();
        holds.set(name, from);
        self.forget_before(holds.forgettable())
    }

    /// Ends a hold.
    pub fn release(&self, name: &str) -> Result<(), StorageError> {
        let mut holds = self.shared.holds.lock();
        holds.release(name);
        self.forget_before(holds.forgettable())
    }

    /// Bytes of the segments with records from `from` on.
    pub fn bytes_from(&self, from: Offset) -> u64 {
        let segments = self.shared.writer.lock().segments_from(from);
        segments.iter().map(|segment| segment.length).sum()
    }

    /// The first record that the log still has.
    pub fn first_offset(&self) -> Offset {
        let segments = self.shared.writer.lock().segments_from(Offset::ZERO);
        segments.first().map_or(Offset::ZERO, |segment| segment.first)
    }

    fn signal(&self) -> &'static str {
        self.shared.options.signal
    }

    /// The segment that begins at `first`, and whether it is closed.
    fn segment(&self, first: Offset) -> Option<(Segment, bool)> {
        let writer = self.shared.writer.lock();
        let segment = writer.segment(first)?;
        Some((segment, first != writer.active_first()))
    }

    fn first_segment_from(&self, from: Offset) -> Option<(Segment, bool)> {
        let writer = self.shared.writer.lock();
        let segment = writer.segments_from(from).into_iter().next()?;
        let is_sealed = segment.first != writer.active_first();
        Some((segment, is_sealed))
    }
}

#[cfg(test)]
mod tests;
