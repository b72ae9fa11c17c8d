//! Segments of the write-ahead log (`tsdb/docs/format/wal.md`): pages of 32 KiB, in them fragments of
//! records, each with a checksum; records may be compressed.
//!
//! A reader goes through one segment. What is damaged ends it: nothing says where the next fragment
//! begins. What ends in the middle of a record was not finished when the process died.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::TsdbError;

const PAGE_BYTES: usize = 32 * 1024;
const HEADER_BYTES: usize = 7;
/// Longest record, before and after it is unpacked.
const MAX_RECORD_BYTES: usize = 128 * 1024 * 1024;

const TYPE_MASK: u8 = 0x07;
const SNAPPY: u8 = 0x08;
const ZSTD: u8 = 0x10;
const PAGE_END: u8 = 0;
const FULL: u8 = 1;
const FIRST: u8 = 2;
const MIDDLE: u8 = 3;
const LAST: u8 = 4;

/// A record, and where it begins in its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalRecord<'a> {
    /// Its first byte in the file.
    pub offset: u64,
    /// Its bytes, unpacked.
    pub bytes: &'a [u8],
}

/// Reads the records of one segment.
#[derive(Debug)]
pub struct WalReader<R = File> {
    source: R,
    path: PathBuf,
    page: Vec<u8>,
    /// Offset of the page in the file.
    page_start: u64,
    /// Next byte in the page.
    at: usize,
    record: Vec<u8>,
    unpacked: Vec<u8>,
    torn_bytes: u64,
    is_done: bool,
}

/// A fragment: where it lies in the page and what its type says.
struct Fragment {
    offset: u64,
    kind: u8,
    range: std::ops::Range<usize>,
}

impl WalReader<File> {
    /// Opens a segment.
    pub fn open(path: &Path) -> Result<Self, TsdbError> {
        let file = File::open(path).map_err(|error| TsdbError::io("open", path, error))?;
        Ok(Self::new(file, path))
    }
}

impl<R: Read> WalReader<R> {
    /// As `open`, of bytes that are said to lie at `path`.
    pub fn new(source: R, path: &Path) -> Self {
        Self {
            source,
            path: path.to_path_buf(),
            page: Vec::new(),
            page_start: 0,
            at: 0,
            record: Vec::new(),
            unpacked: Vec::new(),
            torn_bytes: 0,
            is_done: false,
        }
    }

    /// The segment.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of a record at the end that was not finished, after all records were read.
    pub fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }

    /// The next record; after an error there is none.
    pub fn next_record(&mut self) -> Result<Option<WalRecord<'_>>, TsdbError> {
        self.record.clear();
        let mut begun: Option<(u64, u8)> = None;
        loop {
            let fragment = match self.next_fragment() {
                Ok(Some(fragment)) => fragment,
                Ok(None) => {
                    self.torn_bytes += self.record.len() as u64;
                    return Ok(None);
                }
                Err(error) => {
                    self.is_done = true;
                    return Err(error);
                }
            };
            let kind = fragment.kind & TYPE_MASK;
            let is_expected = match kind {
                FULL | FIRST => begun.is_none(),
                _ => begun.is_some(),
            };
            let data = self.page.get(fragment.range).unwrap_or_default();
            if !is_expected || self.record.len() + data.len() > MAX_RECORD_BYTES {
                self.is_done = true;
                return Err(TsdbError::corrupt(
                    &self.path,
                    fragment.offset,
                    "fragments of records are out of order, or too many for one record",
                ));
            }
            self.record.extend_from_slice(data);
            // The first fragment says how the whole is compressed.
            let (offset, flags) = *begun.get_or_insert((fragment.offset, fragment.kind));
            if matches!(kind, FULL | LAST) {
                return self.finish(offset, flags).map(Some);
            }
        }
    }

    fn finish(&mut self, offset: u64, flags: u8) -> Result<WalRecord<'_>, TsdbError> {
        let unpacked = match flags & (SNAPPY | ZSTD) {
            0 => {
                return Ok(WalRecord {
                    offset,
                    bytes: &self.record,
                });
            }
            SNAPPY => unpack_snappy(&self.record, &mut self.unpacked),
            ZSTD => unpack_zstd(&self.record, &mut self.unpacked),
            _ => Err("the record is compressed in two ways".to_owned()),
        };
        if let Err(reason) = unpacked {
            self.is_done = true;
            return Err(TsdbError::corrupt(&self.path, offset, reason));
        }
        Ok(WalRecord {
            offset,
            bytes: &self.unpacked,
        })
    }

    fn next_fragment(&mut self) -> Result<Option<Fragment>, TsdbError> {
        loop {
            let is_page_over = self.page.get(self.at).is_none_or(|kind| kind & TYPE_MASK == PAGE_END);
            if is_page_over {
                if self.is_done || !self.read_page()? {
                    return Ok(None);
                }
                continue;
            }
            return self.fragment();
        }
    }

    fn fragment(&mut self) -> Result<Option<Fragment>, TsdbError> {
        let start = self.at;
        let offset = self.page_start + start as u64;
        let rest = self.page.get(start..).unwrap_or_default();
        let is_last_page = self.page.len() < PAGE_BYTES;
        let header = rest.first_chunk::<HEADER_BYTES>();
        let Some([kind, l1, l0, sum @ ..]) = header else {
            return self.torn(is_last_page, offset, rest.len());
        };
        let (kind, length) = (*kind, usize::from(u16::from_be_bytes([*l1, *l0])));
        let range = start + HEADER_BYTES..start + HEADER_BYTES + length;
        let Some(data) = self.page.get(range.clone()) else {
            return self.torn(is_last_page, offset, rest.len());
        };
        if !matches!(kind & TYPE_MASK, FULL | FIRST | MIDDLE | LAST) {
            return Err(TsdbError::corrupt(
                &self.path,
                offset,
                format!("fragments of type {kind} are not known"),
            ));
        }
        if crc32c::crc32c(data) != u32::from_be_bytes(*sum) {
            return Err(TsdbError::corrupt(
                &self.path,
                offset,
                "the checksum of the fragment does not fit",
            ));
        }
        self.at = range.end;
        Ok(Some(Fragment { offset, kind, range }))
    }

    /// A fragment that ends with the file was not finished; within it is damage.
    fn torn(&mut self, is_last_page: bool, offset: u64, bytes: usize) -> Result<Option<Fragment>, TsdbError> {
        if !is_last_page {
            return Err(TsdbError::corrupt(
                &self.path,
                offset,
                "a fragment goes beyond its page",
            ));
        }
        self.is_done = true;
        self.torn_bytes += bytes as u64;
        self.page.clear();
        Ok(None)
    }

    /// Reads a page; false at the end of the file.
    fn read_page(&mut self) -> Result<bool, TsdbError> {
        self.page_start += self.page.len() as u64;
        self.at = 0;
        self.page.resize(PAGE_BYTES, 0);
        let mut filled = 0;
        while let Some(rest) = self.page.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.source.read(rest) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(TsdbError::io("read", &self.path, error)),
            }
        }
        self.page.truncate(filled);
        self.is_done = filled < PAGE_BYTES;
        Ok(filled > 0)
    }
}

fn unpack_snappy(packed: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    let length = snap::raw::decompress_len(packed).map_err(|error| error.to_string())?;
    if length > MAX_RECORD_BYTES {
        return Err(format!("a record of {length} bytes, {MAX_RECORD_BYTES} is the limit"));
    }
    out.resize(length, 0);
    let mut decoder = snap::raw::Decoder::new();
    let written = decoder.decompress(packed, out).map_err(|error| error.to_string())?;
    out.truncate(written);
    Ok(())
}

fn unpack_zstd(packed: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    out.clear();
    let decoder = zstd::stream::read::Decoder::new(packed).map_err(|error| error.to_string())?;
    let mut bounded = decoder.take(MAX_RECORD_BYTES as u64 + 1);
    bounded.read_to_end(out).map_err(|error| error.to_string())?;
    if out.len() > MAX_RECORD_BYTES {
        return Err(format!("a record of more than {MAX_RECORD_BYTES} bytes"));
    }
    Ok(())
}
