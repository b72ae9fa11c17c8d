//! One segment file: its name, its header, and a scan over its records.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::record;
use crate::{Offset, StorageError};

/// Version of the format that this code writes and reads.
const VERSION: u8 = 1;

/// First bytes of a segment; the format's version.
const MAGIC: [u8; 8] = [b'S', b'K', b'O', b'P', b'W', b'A', b'L', VERSION];

/// Magic, first offset, checksum of both, four zero bytes.
pub(super) const SEGMENT_HEADER_BYTES: u64 = 24;

const EXTENSION: &str = "wal";

/// A segment file as known to the writer.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    /// Offset of the first record.
    pub(super) first: Offset,
    /// Offset after the last record.
    pub(super) next: Offset,
    /// Bytes that belong to the log.
    pub(super) length: u64,
}

/// What a scan over a segment found.
#[derive(Debug, Default)]
pub(super) struct SegmentScan {
    /// Offset after the last readable record, if there was one.
    pub(super) next: Option<Offset>,
    /// Bytes up to and with the last readable record.
    pub(super) readable_end: u64,
    /// Unreadable bytes, those after the last readable record included.
    pub(super) corrupt_bytes: u64,
    /// Places with such bytes.
    pub(super) corrupt_regions: u64,
    /// Unreadable bytes after the last readable record.
    pub(super) tail_bytes: u64,
    /// Whether the visitor ended the scan.
    pub(super) stopped: bool,
}

impl Segment {
    /// Creates the file with its header and returns it open for writing.
    pub(super) fn create(dir: &Path, first: Offset) -> Result<(Self, File), StorageError> {
        let path = dir.join(format!("{:020}.{EXTENSION}", first.0));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .map_err(|source| StorageError::io("create", &path, source))?;
        file.write_all_at(&header(first), 0)
            .map_err(|source| StorageError::io("write", &path, source))?;
        sync_dir(dir)?;
        let segment = Self {
            path,
            first,
            next: first,
            length: SEGMENT_HEADER_BYTES,
        };
        Ok((segment, file))
    }

    /// The segments of a directory by their first offset. `next` of the last one is unknown and
    /// set to its first; `next` of the others is the first of their successor.
    pub(super) fn list(dir: &Path) -> Result<Vec<Self>, StorageError> {
        let entries = std::fs::read_dir(dir).map_err(|source| StorageError::io("list", dir, source))?;
        let mut segments = Vec::new();
        for entry in entries {
            let path = entry.map_err(|source| StorageError::io("list", dir, source))?.path();
            let Some(first) = first_offset_of(&path) else { continue };
            let length = std::fs::metadata(&path)
                .map_err(|source| StorageError::io("inspect", &path, source))?
                .len();
            segments.push(Self {
                path,
                first,
                next: first,
                length,
            });
        }
        segments.sort_by_key(|segment| segment.first);
        let successors: Vec<Offset> = segments.iter().skip(1).map(|segment| segment.first).collect();
        for (segment, next) in segments.iter_mut().zip(successors) {
            segment.next = next;
        }
        Ok(segments)
    }

    /// Refuses a segment of a later version, which would else be taken for damage and cut.
    pub(super) fn check_version(&self) -> Result<(), StorageError> {
        let file = File::open(&self.path).map_err(|source| StorageError::io("open", &self.path, source))?;
        let mut found = [0; SEGMENT_HEADER_BYTES as usize];
        if self.length < SEGMENT_HEADER_BYTES {
            return Ok(());
        }
        file.read_exact_at(&mut found, 0)
            .map_err(|source| StorageError::io("read", &self.path, source))?;
        match later_version(&found) {
            Some(found) => Err(StorageError::LaterVersion {
                what: self.path.display().to_string(),
                found: u64::from(found),
                known: u64::from(VERSION),
            }),
            None => Ok(()),
        }
    }

    /// Visits the readable records in order.
    pub(super) fn scan(
        &self,
        visit: &mut dyn FnMut(Offset, &[u8]) -> ControlFlow<()>,
    ) -> Result<SegmentScan, StorageError> {
        Ok(scan_bytes(self.first, &self.read()?, visit))
    }

    fn read(&self) -> Result<Vec<u8>, StorageError> {
        let file = File::open(&self.path).map_err(|source| StorageError::io("open", &self.path, source))?;
        let mut bytes = Vec::with_capacity(self.length as usize);
        file.take(self.length)
            .read_to_end(&mut bytes)
            .map_err(|source| StorageError::io("read", &self.path, source))?;
        Ok(bytes)
    }
}

/// Visits the readable records of a segment's bytes in order.
pub(super) fn scan_bytes(
    first: Offset,
    bytes: &[u8],
    visit: &mut dyn FnMut(Offset, &[u8]) -> ControlFlow<()>,
) -> SegmentScan {
    let mut scan = SegmentScan::default();
    let mut expected = first;
    let mut position = SEGMENT_HEADER_BYTES.min(bytes.len() as u64) as usize;
    scan.readable_end = position as u64;
    if !bytes.starts_with(&header(first)) {
        scan.corrupt_bytes += position as u64;
        scan.corrupt_regions += 1;
    }
    while let Some(rest) = bytes.get(position..).filter(|rest| !rest.is_empty()) {
        if let Some(found) = record::decode(rest, expected) {
            position += found.size();
            expected = found.offset.next();
            scan.next = Some(expected);
            scan.readable_end = position as u64;
            if visit(found.offset, found.payload).is_break() {
                scan.stopped = true;
                return scan;
            }
            continue;
        }
        let skipped = record::resync(rest, expected);
        let bad_bytes = skipped.unwrap_or(rest.len());
        scan.corrupt_bytes += bad_bytes as u64;
        scan.corrupt_regions += 1;
        if skipped.is_none() {
            scan.tail_bytes = bad_bytes as u64;
        }
        position += bad_bytes;
    }
    scan
}

/// Brings the entries of a directory to the disk.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), StorageError> {
    File::open(dir)
        .and_then(|handle| handle.sync_all())
        .map_err(|source| StorageError::io("sync", dir, source))
}

pub(super) fn header(first: Offset) -> [u8; SEGMENT_HEADER_BYTES as usize] {
    header_of(MAGIC, first)
}

/// The version of an intact header that is later than this code's.
fn later_version(bytes: &[u8; SEGMENT_HEADER_BYTES as usize]) -> Option<u8> {
    let (magic, rest) = bytes.split_first_chunk::<8>()?;
    let first = Offset(u64::from_le_bytes(*rest.first_chunk::<8>()?));
    let [name @ .., version] = magic;
    let is_later = MAGIC.starts_with(name) && *version > VERSION;
    let is_intact = || bytes.starts_with(header_of(*magic, first).get(..20).unwrap_or_default());
    (is_later && is_intact()).then_some(*version)
}

fn header_of(magic: [u8; 8], first: Offset) -> [u8; SEGMENT_HEADER_BYTES as usize] {
    let mut bytes = [0; SEGMENT_HEADER_BYTES as usize];
    let checksum = {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&magic);
        hasher.update(&first.0.to_le_bytes());
        hasher.finalize()
    };
    let content = magic
        .into_iter()
        .chain(first.0.to_le_bytes())
        .chain(checksum.to_le_bytes());
    for (target, byte) in bytes.iter_mut().zip(content) {
        *target = byte;
    }
    bytes
}

fn first_offset_of(path: &Path) -> Option<Offset> {
    if path.extension()? != EXTENSION {
        return None;
    }
    path.file_stem()?.to_str()?.parse().ok().map(Offset)
}
