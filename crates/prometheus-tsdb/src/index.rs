//! The index of a block (`tsdb/docs/format/index.md`), versions 1 and 2: the symbols, and the series
//! with their chunks from the first to the last. Postings are for queries and are not read.
//!
//! Versions differ in how symbols and series are referred to: in version 1 by offset in the file, in
//! version 2 by position among the symbols, and by offset in units of 16 bytes.

use std::fs::File;
use std::path::Path;

use skopos_core::{Labels, TimeRange};

use crate::TsdbError;
use crate::bytes::Bytes;
use crate::source::{ReadAt, Window};

const MAGIC: u32 = 0xBAAA_D700;
/// Six offsets and their checksum.
const TOC_BYTES: u64 = 6 * 8 + CRC_BYTES;
const CRC_BYTES: u64 = 4;
const HEADER_BYTES: u64 = 5;
/// Longest entry of a series: a million chunks.
const MAX_SERIES_BYTES: u64 = 16 * 1024 * 1024;
/// Most bytes of symbols.
const MAX_SYMBOL_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Where series begin in version 2.
const ALIGNMENT: u64 = 16;

/// A chunk of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkRef {
    /// First and last time of its samples.
    pub range: TimeRange,
    /// Segment in the upper four bytes, offset in it in the lower four.
    pub reference: u64,
}

/// A series of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesEntry {
    /// What tombstones call it.
    pub reference: u64,
    /// Its labels.
    pub labels: Labels,
    /// Its chunks, by time.
    pub chunks: Vec<ChunkRef>,
}

/// Gives the series of an index one after the other, sorted by labels.
#[derive(Debug)]
pub struct IndexReader<R = File> {
    window: Window<R>,
    version: u8,
    symbols: Symbols,
    position: u64,
    end: u64,
}

impl IndexReader<File> {
    /// Opens the index of a block and reads its symbols.
    pub fn open(path: &Path) -> Result<Self, TsdbError> {
        Self::of(Window::open(path)?)
    }
}

impl<R: ReadAt> IndexReader<R> {
    /// As `open`, of bytes that are said to lie at `path`.
    pub fn new(source: R, path: &Path) -> Result<Self, TsdbError> {
        Self::of(Window::new(source, path)?)
    }

    fn of(mut window: Window<R>) -> Result<Self, TsdbError> {
        let version = window.header(MAGIC)?;
        if !matches!(version, 1 | 2) {
            return Err(window.corrupt(4, format!("indexes of version {version} are not known")));
        }
        let toc = read_toc(&mut window)?;
        let symbols = read_symbols(&mut window, toc.symbols, version)?;
        Ok(Self {
            window,
            version,
            symbols,
            position: toc.series.0,
            end: toc.series.1,
        })
    }

    /// Bytes of the index.
    pub fn size_bytes(&self) -> u64 {
        self.window.size()
    }

    /// The next series.
    pub fn next_series(&mut self) -> Result<Option<SeriesEntry>, TsdbError> {
        let Some((at, length, body)) = self.next_entry()? else {
            return Ok(None);
        };
        let whole = self.window.get(body, length + CRC_BYTES)?;
        let checked = whole.split_last_chunk::<4>();
        let entry = checked.filter(|(entry, sum)| crc32c::crc32c(entry) == u32::from_be_bytes(**sum));
        let reference = if self.version == 1 { at } else { at / ALIGNMENT };
        let decoded = match entry {
            Some((entry, _)) => read_series(&self.symbols, reference, entry),
            None => Err("the checksum of the series does not fit"),
        };
        self.position = body + length + CRC_BYTES;
        decoded.map(Some).map_err(|reason| self.window.corrupt(at, reason))
    }

    /// Offset and length of the next entry, and where it begins after its length.
    fn next_entry(&mut self) -> Result<Option<(u64, u64, u64)>, TsdbError> {
        loop {
            if self.version >= 2 {
                self.position = self.position.next_multiple_of(ALIGNMENT);
            }
            if self.position >= self.end {
                return Ok(None);
            }
            let at = self.position;
            let header = self.window.up_to(at, 10)?;
            let mut bytes = Bytes::new(header);
            let length = bytes.uvarint();
            let header_bytes = (header.len() - bytes.len()) as u64;
            match length {
                // Zeros between sections.
                Some(0) => self.position += 1,
                Some(length) if length <= MAX_SERIES_BYTES => return Ok(Some((at, length, at + header_bytes))),
                _ => {
                    let reason = format!("no series of at most {MAX_SERIES_BYTES} bytes begins here");
                    return Err(self.window.corrupt(at, reason));
                }
            }
        }
    }
}

fn read_series(symbols: &Symbols, reference: u64, entry: &[u8]) -> Result<SeriesEntry, &'static str> {
    let mut bytes = Bytes::new(entry);
    let count = bytes.count(2).ok_or("the series has no number of labels")?;
    let mut pairs: Vec<(&str, &str)> = Vec::with_capacity(count);
    for _ in 0..count {
        let mut symbol = || symbols.get(bytes.uvarint()?);
        let pair = symbol().and_then(|name| Some((name, symbol()?)));
        pairs.push(pair.ok_or("a label of the series is no symbol of the index")?);
    }
    let labels = Labels::from_sorted_pairs(pairs.iter().copied()).unwrap_or_else(|| Labels::from_pairs(pairs));
    let chunks = read_chunks(&mut bytes).ok_or("the chunks of the series are cut or out of order")?;
    Ok(SeriesEntry {
        reference,
        labels,
        chunks,
    })
}

fn read_chunks(bytes: &mut Bytes<'_>) -> Option<Vec<ChunkRef>> {
    let count = bytes.count(3)?;
    let mut chunks: Vec<ChunkRef> = Vec::with_capacity(count);
    for _ in 0..count {
        let last = chunks.last().copied();
        let start_ms = match last {
            None => bytes.varint()?,
            Some(last) => last.range.end_ms.checked_add_unsigned(bytes.uvarint()?)?,
        };
        let end_ms = start_ms.checked_add_unsigned(bytes.uvarint()?)?;
        let reference = match last {
            None => bytes.uvarint()?,
            Some(last) => last.reference.checked_add_signed(bytes.varint()?)?,
        };
        chunks.push(ChunkRef {
            range: TimeRange::new(start_ms, end_ms),
            reference,
        });
    }
    Some(chunks)
}

/// Where sections lie.
struct Toc {
    symbols: u64,
    /// First byte of the series, and of what comes after them.
    series: (u64, u64),
}

fn read_toc<R: ReadAt>(window: &mut Window<R>) -> Result<Toc, TsdbError> {
    let at = window.size().saturating_sub(TOC_BYTES).max(HEADER_BYTES);
    let whole = window.get(at, TOC_BYTES)?;
    let offsets = whole.split_last_chunk::<4>().and_then(|(toc, sum)| {
        let mut bytes = Bytes::new(toc);
        let offsets: Option<Vec<u64>> = (0..6).map(|_| bytes.be64()).collect();
        offsets.filter(|_| crc32c::crc32c(toc) == u32::from_be_bytes(*sum))
    });
    let Some([symbols, series, others @ ..]) = offsets.as_deref() else {
        return Err(window.corrupt(at, "the checksum of the table of contents does not fit"));
    };
    let after = others.iter().filter(|offset| **offset > *series).min();
    let end = after.copied().unwrap_or(at);
    if *series < HEADER_BYTES || end > at {
        return Err(window.corrupt(at, "the table of contents points beyond the file"));
    }
    Ok(Toc {
        symbols: *symbols,
        series: (*series, end),
    })
}

/// All texts of an index.
#[derive(Debug)]
struct Symbols {
    version: u8,
    /// Where `bytes` begin in the file.
    start: u64,
    bytes: Vec<u8>,
    /// By position among the symbols, where it begins in `bytes`; version 2 only.
    offsets: Vec<u32>,
}

impl Symbols {
    fn get(&self, reference: u64) -> Option<&str> {
        let offset = match self.version {
            1 => usize::try_from(reference.checked_sub(self.start)?).ok()?,
            _ => *self.offsets.get(usize::try_from(reference).ok()?)? as usize,
        };
        Bytes::new(self.bytes.get(offset..)?).text()
    }
}

fn read_symbols<R: ReadAt>(window: &mut Window<R>, at: u64, version: u8) -> Result<Symbols, TsdbError> {
    let length = Bytes::new(window.get(at, 4)?).be32().unwrap_or_default();
    let length = u64::from(length);
    if length > MAX_SYMBOL_BYTES {
        return Err(window.corrupt(
            at,
            format!("{length} bytes of symbols, {MAX_SYMBOL_BYTES} is the limit"),
        ));
    }
    let mut bytes = window.get(at + 4, length + CRC_BYTES)?.to_vec();
    let sum = bytes.split_off(length as usize);
    if sum.first_chunk().map(|sum| u32::from_be_bytes(*sum)) != Some(crc32c::crc32c(&bytes)) {
        return Err(window.corrupt(at, "the checksum of the symbols does not fit"));
    }
    let mut rest = Bytes::new(&bytes);
    let count = rest.be32().unwrap_or_default();
    let mut offsets = Vec::new();
    for number in 0..count {
        let offset = bytes.len() - rest.len();
        if rest.text().is_none() {
            let reason = format!("symbol {number} of {count} is cut or no UTF-8");
            return Err(window.corrupt(at + 4 + offset as u64, reason));
        }
        if version >= 2 {
            offsets.push(offset as u32);
        }
    }
    Ok(Symbols {
        version,
        start: at + 4,
        bytes,
        offsets,
    })
}
