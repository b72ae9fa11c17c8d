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

/// How many bytes after the start of a damaged record the next intact one starts.
///
/// What the damaged record held may look like a record too. So the one after it is looked for first where its length says that
/// it ends. Else every position is tried; no more records are lost than there is room for, and what claims to lie further ahead
/// is believed only where there is nothing else.
pub(super) fn resync(bytes: &[u8], expected: Offset) -> Option<usize> {
    let lost_before = |start: usize| Some(decode(bytes.get(start..)?, expected)?.offset.0 - expected.0);
    let length = bytes.first_chunk::<4>().map(|length| u32::from_le_bytes(*length));
    let end = length.map_or(0, |length| RECORD_HEADER_BYTES + length as usize);
    if lost_before(end) == Some(1) {
        return Some(end);
    }
    let mut far = None;
    for start in 1..bytes.len() {
        let Some(lost) = lost_before(start) else { continue };
        if lost <= (start / RECORD_HEADER_BYTES) as u64 {
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
