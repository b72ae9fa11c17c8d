//! The chunks of a block: files of numbered segments, chunks found by the references of the index
//! (`tsdb/docs/format/chunks.md`).

use std::fs::File;
use std::path::Path;

use crate::bytes::Bytes;
use crate::chunk::{ChunkEncoding, MAX_CHUNK_BYTES};
use crate::data_dir::numbered_files;
use crate::source::Window;
use crate::{ChunkRef, TsdbError};

const MAGIC: u32 = 0x85BD_40DD;
const VERSION: u8 = 1;
/// Longest length of a chunk as a varint, and the byte of its encoding.
const MAX_HEADER_BYTES: u64 = 6;
const CRC_BYTES: u64 = 4;

/// The segments of one block.
#[derive(Debug)]
pub struct ChunkSegments<R = File> {
    segments: Vec<Window<R>>,
}

impl ChunkSegments {
    /// Opens all segments in a folder.
    pub fn open(folder: &Path) -> Result<Self, TsdbError> {
        let mut segments = Vec::new();
        for (_, path) in numbered_files(folder)? {
            let mut segment = Window::open(&path)?;
            let version = segment.header(MAGIC)?;
            if version != VERSION {
                return Err(segment.corrupt(4, format!("segments of version {version} are not known")));
            }
            segments.push(segment);
        }
        Ok(Self { segments })
    }

    /// Bytes of all segments.
    pub fn size_bytes(&self) -> u64 {
        self.segments.iter().map(Window::size).sum()
    }

    /// The encoding and the data of a chunk, checked against its checksum; and what to say of the
    /// place where it lies.
    pub fn read(&mut self, chunk: &ChunkRef) -> Result<(ChunkEncoding, &[u8]), TsdbError> {
        let (number, offset) = ((chunk.reference >> 32) as usize, chunk.reference & 0xffff_ffff);
        let count = self.segments.len();
        let Some(segment) = self.segments.get_mut(number) else {
            let reason = format!("a chunk lies in segment {number} of {count}");
            return Err(TsdbError::corrupt(Path::new("chunks"), offset, reason));
        };
        let header = segment.up_to(offset, MAX_HEADER_BYTES)?;
        let mut bytes = Bytes::new(header);
        let length = bytes.uvarint().filter(|length| *length <= MAX_CHUNK_BYTES);
        let header_bytes = (header.len() - bytes.len()) as u64;
        let Some(length) = length else {
            return Err(segment.corrupt(
                offset,
                format!("no chunk of at most {MAX_CHUNK_BYTES} bytes begins here"),
            ));
        };
        let start = offset + header_bytes;
        let path = segment.path().to_path_buf();
        let whole = segment.get(start, 1 + length + CRC_BYTES)?;
        let body = whole.split_last_chunk::<4>();
        let found = body.and_then(|(body, sum)| Some((body.split_first()?, body, u32::from_be_bytes(*sum))));
        match found {
            Some(((encoding, data), body, sum)) if crc32c::crc32c(body) == sum => {
                Ok((ChunkEncoding::of(*encoding), data))
            }
            _ => Err(TsdbError::corrupt(
                &path,
                offset,
                "the checksum of the chunk does not fit",
            )),
        }
    }

    /// An error of a chunk that was read and makes no sense.
    pub fn corrupt(&self, chunk: &ChunkRef, reason: impl Into<String>) -> TsdbError {
        let number = (chunk.reference >> 32) as usize;
        let path = self.segments.get(number).map_or(Path::new("chunks"), Window::path);
        TsdbError::corrupt(path, chunk.reference & 0xffff_ffff, reason)
    }
}
