//! What was deleted in a block and still lies there (`tsdb/docs/format/tombstones.md`).

use std::collections::HashMap;
use std::path::Path;

use skopos_core::TimeRange;

use crate::TsdbError;
use crate::bytes::Bytes;

const MAGIC: u32 = 0x0130_BA30;
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 5;
const CRC_BYTES: usize = 4;
/// Largest file that is read.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// By reference of a series in the index: the times that were deleted.
pub type Tombstones = HashMap<u64, Vec<TimeRange>>;

/// Reads the file of a block; none is no deletion.
pub(crate) fn read_tombstones(path: &Path) -> Result<Tombstones, TsdbError> {
    let size = match std::fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Tombstones::new()),
        Err(error) => return Err(TsdbError::io("read", path, error)),
    };
    if size > MAX_BYTES {
        return Err(TsdbError::corrupt(
            path,
            0,
            format!("{size} bytes of deletions, {MAX_BYTES} is the limit"),
        ));
    }
    let bytes = std::fs::read(path).map_err(|error| TsdbError::io("read", path, error))?;
    decode_tombstones(&bytes).map_err(|(offset, reason)| TsdbError::corrupt(path, offset, reason))
}

/// Reads the bytes of such a file. An error has the offset and what is wrong there.
pub fn decode_tombstones(bytes: &[u8]) -> Result<Tombstones, (u64, &'static str)> {
    let mut header = Bytes::new(bytes);
    if header.be32() != Some(MAGIC) {
        return Err((0, "this is no file of tombstones"));
    }
    if header.byte() != Some(VERSION) {
        return Err((4, "tombstones of this version are not known"));
    }
    let end = bytes.len().saturating_sub(CRC_BYTES);
    let stones = bytes
        .get(HEADER_BYTES..end)
        .ok_or((HEADER_BYTES as u64, "the file is cut"))?;
    let sum = bytes.get(end..).and_then(|sum| sum.first_chunk());
    // Prometheus sums up from the byte after the version on.
    if sum.map(|sum| u32::from_be_bytes(*sum)) != Some(crc32c::crc32c(stones)) {
        return Err((end as u64, "the checksum does not fit"));
    }
    let mut found = Tombstones::new();
    let mut rest = Bytes::new(stones);
    while !rest.is_empty() {
        let at = (end - rest.len()) as u64;
        let mut stone = || Some((rest.uvarint()?, rest.varint()?, rest.varint()?));
        let (series, from, to) = stone().ok_or((at, "a tombstone is cut"))?;
        found.entry(series).or_default().push(TimeRange::new(from, to));
    }
    Ok(found)
}
