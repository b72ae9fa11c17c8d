//! Bytes of one record, written and found again. Pure.

use crate::Offset;

/// Bytes before a payload: length, checksum, offset.
pub(super) const RECORD_HEADER_BYTES: usize = 16;

/// Longest payload of a record.
pub const MAX_RECORD_BYTES: usize = 256 * 1024 * 1024;

/// How far the offset of the next readable record may lie ahead after damage.
const MAX_OFFSET_GAP: u64 = 1 << 24;

/// A record as found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) offset: Offset,
    pub(super) payload: &'a [u8],
}

impl Record<'_> {
    /// Bytes of the whole record.
    pub(super) fn size(&self) -> usize {
        RECORD_HEADER_BYTES + self.payload.len()
    }
}

/// Appends the record to `out`.
pub(super) fn encode(out: &mut Vec<u8>, offset: Offset, payload: &[u8]) {
    let length = payload.len() as u32;
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&checksum(length, offset, payload).to_le_bytes());
    out.extend_from_slice(&offset.0.to_le_bytes());
    out.extend_from_slice(payload);
}

/// Reads the record at the start of `bytes`, if there is an intact one whose offset can follow
/// `expected`.
pub(super) fn decode(bytes: &[u8], expected: Offset) -> Option<Record<'_>> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let (offset, rest) = rest.split_first_chunk::<8>()?;
    let length = u32::from_le_bytes(*length);
    let offset = Offset(u64::from_le_bytes(*offset));
    let payload = rest.get(..length as usize)?;
    let plausible = offset >= expected && offset.0 - expected.0 <= MAX_OFFSET_GAP;
    let intact = plausible && checksum(length, offset, payload) == u32::from_le_bytes(*crc);
    intact.then_some(Record { offset, payload })
}

/// Where the next intact record starts in `bytes`, the first of which follows the first damaged one; looks at every position.
///
/// What the damaged record held is looked at as well, and it may hold bytes that look like a record. No more records are lost
/// than there is room for: what claims to lie further ahead is believed only where there is nothing else.
pub(super) fn resync(bytes: &[u8], expected: Offset) -> Option<usize> {
    let found_at = |start: usize| Some(decode(bytes.get(start..)?, expected)?.offset.0 - expected.0);
    let mut far = None;
    for start in 0..bytes.len() {
        let Some(lost) = found_at(start) else { continue };
        if lost <= ((start + 1) / RECORD_HEADER_BYTES) as u64 {
            return Some(start);
        }
        far = far.or(Some(start));
    }
    far
}

fn checksum(length: u32, offset: Offset, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length.to_le_bytes());
    hasher.update(&offset.0.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}
