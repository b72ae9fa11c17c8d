//! Chunks that the head put on the disk, `chunks_head` (`tsdb/docs/format/head_chunks.md`; the header
//! is of eight bytes, as `tsdb/chunks/head_chunks.go` writes it).

use std::fs::File;
use std::path::Path;

use skopos_core::TimeRange;

use crate::TsdbError;
use crate::bytes::Bytes;
use crate::chunk::{ChunkEncoding, MAX_CHUNK_BYTES};
use crate::source::{ReadAt, Window};

const MAGIC: u32 = 0x0130_BC91;
const VERSION: u8 = 1;
const HEADER_BYTES: u64 = 8;
/// Reference, times, encoding, longest length.
const MAX_CHUNK_HEADER_BYTES: u64 = 8 + 8 + 8 + 1 + 5;
const CRC_BYTES: u64 = 4;
/// Bit of the encoding of a chunk of samples that came out of order.
const OUT_OF_ORDER: u8 = 0x80;

/// A chunk of the head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadChunk {
    /// Where it begins in its file.
    pub offset: u64,
    /// The series, as the log calls it.
    pub series: u64,
    /// First and last time of its samples.
    pub range: TimeRange,
    /// How it is encoded.
    pub encoding: ChunkEncoding,
    /// Whether its samples came out of order.
    pub is_out_of_order: bool,
    /// Its samples.
    pub data: Vec<u8>,
}

/// Reads the chunks of one file.
#[derive(Debug)]
pub struct HeadChunks<R = File> {
    window: Window<R>,
    position: u64,
}

impl HeadChunks<File> {
    /// Opens a file.
    pub fn open(path: &Path) -> Result<Self, TsdbError> {
        Self::of(Window::open(path)?)
    }
}

impl<R: ReadAt> HeadChunks<R> {
    /// As `open`, of bytes that are said to lie at `path`.
    pub fn new(source: R, path: &Path) -> Result<Self, TsdbError> {
        Self::of(Window::new(source, path)?)
    }

    fn of(mut window: Window<R>) -> Result<Self, TsdbError> {
        // Made and not written yet when the process died.
        if window.size() > 0 {
            let version = window.header(MAGIC)?;
            if version != VERSION {
                return Err(window.corrupt(4, format!("chunks of the head of version {version} are not known")));
            }
        }
        Ok(Self {
            window,
            position: HEADER_BYTES,
        })
    }

    /// An error of a chunk that was read and makes no sense.
    pub fn corrupt(&self, chunk: &HeadChunk, reason: impl Into<String>) -> TsdbError {
        self.window.corrupt(chunk.offset, reason)
    }

    /// The next chunk. Files are made longer than they are needed, with zeros at the end.
    pub fn next_chunk(&mut self) -> Result<Option<HeadChunk>, TsdbError> {
        let offset = self.position;
        if offset >= self.window.size() {
            return Ok(None);
        }
        let header = self.window.up_to(offset, MAX_CHUNK_HEADER_BYTES)?;
        if header.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let mut bytes = Bytes::new(header);
        let mut read = || {
            let (series, from, to) = (bytes.be64()?, bytes.be64()? as i64, bytes.be64()? as i64);
            let (encoding, length) = (bytes.byte()?, bytes.uvarint()?);
            let range = TimeRange::new(from, to);
            (length <= MAX_CHUNK_BYTES).then_some((series, range, encoding, length, bytes.len()))
        };
        let Some((series, range, encoding, length, left)) = read() else {
            let reason = format!("no chunk of at most {MAX_CHUNK_BYTES} bytes begins here");
            return Err(self.window.corrupt(offset, reason));
        };
        let header_bytes = header.len() - left;
        let whole = self.window.get(offset, header_bytes as u64 + length + CRC_BYTES)?;
        let checked = whole.split_last_chunk::<4>();
        let checked = checked.filter(|(chunk, sum)| crc32c::crc32c(chunk) == u32::from_be_bytes(**sum));
        let Some(data) = checked.and_then(|(chunk, _)| chunk.get(header_bytes..)) else {
            return Err(self.window.corrupt(offset, "the checksum of the chunk does not fit"));
        };
        let chunk = HeadChunk {
            offset,
            series,
            range,
            encoding: ChunkEncoding::of(encoding & !OUT_OF_ORDER),
            is_out_of_order: encoding & OUT_OF_ORDER != 0,
            data: data.to_vec(),
        };
        self.position = offset + header_bytes as u64 + length + CRC_BYTES;
        Ok(Some(chunk))
    }
}
