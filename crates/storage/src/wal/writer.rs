//! The writing end of the log: the active segment and the list of the sealed ones.

use std::fs::{File, OpenOptions};
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::WalOptions;
use super::record::{self, MAX_RECORD_BYTES, RECORD_HEADER_BYTES};
use super::segment::{SEGMENT_HEADER_BYTES, Segment};
use crate::{Offset, StorageError};

/// A write buffer that grew beyond this is given back after the write.
const KEPT_BUFFER_BYTES: usize = 1024 * 1024;

/// Appends to the last segment. Every method leaves the log consistent, also when it fails.
#[derive(Debug)]
pub(super) struct Writer {
    dir: PathBuf,
    segment_bytes: u64,
    sealed: Vec<Segment>,
    active: Segment,
    file: Arc<File>,
    /// Files with bytes that may not have reached the disk.
    unsynced: Vec<Arc<File>>,
    /// The active segment ends in bytes that could not be cut off, or has a successor that could
    /// not be made: go on in a new one.
    is_tail_dirty: bool,
    buffer: Vec<u8>,
}

impl Writer {
    /// Opens the directory and returns the writer with the number of torn bytes cut.
    pub(super) fn open(dir: &Path, options: &WalOptions) -> Result<(Self, u64), StorageError> {
        std::fs::create_dir_all(dir).map_err(|source| StorageError::io("create", dir, source))?;
        let mut sealed = Segment::list(dir)?;
        sealed.iter().try_for_each(Segment::check_version)?;
        let mut torn_bytes = 0;
        let reopened = match sealed.pop() {
            Some(last) => {
                let (segment, file, cut) = reopen(last)?;
                torn_bytes = cut;
                if segment.next >= options.minimum_offset {
                    Some((segment, file))
                } else {
                    sealed.push(segment);
                    None
                }
            }
            None => None,
        };
        let (active, file) = match reopened {
            Some(reopened) => reopened,
            None => Segment::create(dir, options.minimum_offset)?,
        };
        let writer = Self {
            dir: dir.to_path_buf(),
            segment_bytes: options.segment_bytes,
            sealed,
            active,
            file: Arc::new(file),
            unsynced: Vec::new(),
            is_tail_dirty: false,
            buffer: Vec::new(),
        };
        Ok((writer, torn_bytes))
    }

    /// Appends all payloads or none. Returns the offset of the first and the bytes written.
    pub(super) fn append(&mut self, payloads: &[&[u8]]) -> Result<(Offset, u64), StorageError> {
        check_sizes(payloads)?;
        if self.is_tail_dirty || self.active.length >= self.segment_bytes {
            self.roll()?;
        }
        let first = self.active.next;
        let mut next = first;
        self.buffer.clear();
        for payload in payloads {
            record::encode(&mut self.buffer, next, payload);
            next = next.next();
        }
        if let Err(source) = self.file.write_all_at(&self.buffer, self.active.length) {
            self.is_tail_dirty = self.file.set_len(self.active.length).is_err();
            return Err(StorageError::io("append to", &self.active.path, source));
        }
        let written = self.buffer.len() as u64;
        self.buffer.shrink_to(KEPT_BUFFER_BYTES);
        self.active.length += written;
        self.active.next = next;
        if self.unsynced.is_empty() {
            self.unsynced.push(Arc::clone(&self.file));
        }
        Ok((first, written))
    }

    /// Seals the active segment, if it has records, and returns the next offset.
    pub(super) fn roll(&mut self) -> Result<Offset, StorageError> {
        let next = self.active.next;
        if next == self.active.first && !self.is_tail_dirty {
            return Ok(next);
        }
        // An empty segment with a dirty tail has the name that the new one gets: it is replaced.
        let is_replaced = next == self.active.first;
        // A segment that could not be made whole may be left on the disk. Its name says that the
        // active one ends here, so nothing more may go there.
        self.is_tail_dirty = true;
        let (segment, file) = Segment::create(&self.dir, next)?;
        let sealed = std::mem::replace(&mut self.active, segment);
        if !is_replaced {
            self.sealed.push(sealed);
        }
        self.file = Arc::new(file);
        self.unsynced.push(Arc::clone(&self.file));
        self.is_tail_dirty = false;
        Ok(next)
    }

    /// Takes the sealed segments out that hold nothing from `before` on.
    pub(super) fn truncate_before(&mut self, before: Offset) -> Result<Vec<PathBuf>, StorageError> {
        if self.active.next <= before {
            self.roll()?;
        }
        let kept = self.sealed.partition_point(|segment| segment.next <= before);
        Ok(self.sealed.drain(..kept).map(|segment| segment.path).collect())
    }

    /// The segments with records from `from` on.
    pub(super) fn segments_from(&self, from: Offset) -> Vec<Segment> {
        let sealed = self.sealed.iter().filter(|segment| segment.next > from);
        sealed.chain(std::iter::once(&self.active)).cloned().collect()
    }

    /// The segment that begins at `first`, as it is now.
    pub(super) fn segment(&self, first: Offset) -> Option<Segment> {
        if self.active.first == first {
            return Some(self.active.clone());
        }
        let at = self.sealed.binary_search_by_key(&first, |segment| segment.first).ok()?;
        self.sealed.get(at).cloned()
    }

    pub(super) fn active_first(&self) -> Offset {
        self.active.first
    }

    /// Files to sync, and the offset before which all is on the disk once they are.
    pub(super) fn take_unsynced(&mut self) -> (Vec<Arc<File>>, Offset) {
        (std::mem::take(&mut self.unsynced), self.active.next)
    }

    /// Gives files back that could not be synced, and leaves the active segment: after a failed
    /// fsync the operating system may have dropped the pages it could not write.
    pub(super) fn give_back_unsynced(&mut self, files: Vec<Arc<File>>) {
        self.unsynced.extend(files);
        self.is_tail_dirty = true;
    }

    pub(super) fn active_path(&self) -> &Path {
        &self.active.path
    }

    pub(super) fn next_offset(&self) -> Offset {
        self.active.next
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.sealed.iter().map(|segment| segment.length).sum::<u64>() + self.active.length
    }

    /// Puts another file in place of the active segment's, to play a failing disk.
    #[cfg(test)]
    pub(super) fn swap_file(&mut self, file: File) -> Arc<File> {
        std::mem::replace(&mut self.file, Arc::new(file))
    }
}

fn check_sizes(payloads: &[&[u8]]) -> Result<(), StorageError> {
    const LIMIT: usize = MAX_RECORD_BYTES - RECORD_HEADER_BYTES;
    match payloads.iter().map(|payload| payload.len()).max() {
        Some(size) if size > LIMIT => Err(StorageError::RecordTooLarge { size, limit: LIMIT }),
        _ => Ok(()),
    }
}

/// Opens the last segment for appending and cuts what does not read at its end.
fn reopen(mut segment: Segment) -> Result<(Segment, File, u64), StorageError> {
    let scan = segment.scan(&mut |_, _| ControlFlow::Continue(()))?;
    if segment.length < SEGMENT_HEADER_BYTES {
        let dir = segment.path.parent().unwrap_or(Path::new("."));
        let torn = segment.length;
        let (segment, file) = Segment::create(dir, segment.first)?;
        return Ok((segment, file, torn));
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&segment.path)
        .map_err(|source| StorageError::io("open", &segment.path, source))?;
    if scan.readable_end < segment.length {
        file.set_len(scan.readable_end)
            .and_then(|()| file.sync_all())
            .map_err(|source| StorageError::io("cut the torn end of", &segment.path, source))?;
    }
    segment.length = scan.readable_end;
    segment.next = scan.next.unwrap_or(segment.first);
    Ok((segment, file, scan.tail_bytes))
}
