//! Ways for fuzz targets into segments.

use std::ops::{ControlFlow, Range};

use super::record::{self, RECORD_HEADER_BYTES};
use super::segment::{SEGMENT_HEADER_BYTES, header, scan_bytes};
use crate::Offset;

/// Longest payload that [`damaged_segment`] cuts its input into.
const LONGEST_PAYLOAD: usize = 64;

/// Scans bytes as a segment of the log: every byte is a record's or counted as corrupt, and offsets ascend.
pub fn segment(bytes: &[u8]) {
    let header = bytes.len().min(SEGMENT_HEADER_BYTES as usize);
    let is_bad_header = !bytes.starts_with(&encode_segment(Offset(1), &[]));
    let (mut readable, mut expected) = (0, Offset(1));
    let scan = scan_bytes(Offset(1), bytes, &mut |offset, payload| {
        assert!(offset >= expected, "{offset} after {expected}");
        expected = offset.next();
        readable += RECORD_HEADER_BYTES + payload.len();
        ControlFlow::Continue(())
    });
    let header = if is_bad_header { 0 } else { header };
    assert_eq!(header + readable + scan.corrupt_bytes as usize, bytes.len(), "{scan:?}");
}

/// Cuts bytes into payloads, writes them as a segment, damages one byte, and expects every other record back.
pub fn damaged_segment(bytes: &[u8]) {
    let Some(([place_low, place_high, flip, first], mut rest)) = bytes.split_first_chunk::<4>().map(|(a, b)| (*a, b))
    else {
        return;
    };
    let mut payloads: Vec<&[u8]> = Vec::new();
    while let Some((length, after)) = rest.split_first() {
        let length = usize::from(*length) % LONGEST_PAYLOAD;
        let (payload, after) = after.split_at(length.min(after.len()));
        payloads.push(payload);
        rest = after;
    }
    let first = Offset(u64::from(first));
    let mut segment = encode_segment(first, &payloads);
    let place = usize::from(u16::from_le_bytes([place_low, place_high])) % segment.len();
    if let Some(byte) = segment.get_mut(place) {
        *byte ^= flip;
    }
    let mut start = SEGMENT_HEADER_BYTES as usize;
    let mut intact = Vec::new();
    for (offset, payload) in (first.0..).zip(&payloads) {
        let end = start + RECORD_HEADER_BYTES + payload.len();
        if flip == 0 || !(start..end).contains(&place) {
            intact.push((Offset(offset), payload.to_vec()));
        } else if holds_a_record(&segment, start..end, Offset(offset)) {
            return;
        }
        start = end;
    }
    let mut found = Vec::new();
    scan_bytes(first, &segment, &mut |offset, payload| {
        found.push((offset, payload.to_vec()));
        ControlFlow::Continue(())
    });
    assert_eq!(found, intact, "byte {place} was changed by {flip:#x}");
}

/// Whether a damaged record holds what can be taken for one that follows: the two cannot be told apart.
fn holds_a_record(segment: &[u8], damaged: Range<usize>, expected: Offset) -> bool {
    let from_there = segment.get(damaged.start..).unwrap_or_default();
    record::resync(from_there, expected).is_some_and(|start| start < damaged.len())
}

/// A segment whose first record has the offset `first`.
fn encode_segment(first: Offset, payloads: &[&[u8]]) -> Vec<u8> {
    let mut bytes = header(first).to_vec();
    for (offset, payload) in (first.0..).zip(payloads) {
        record::encode(&mut bytes, Offset(offset), payload);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_accounted_for(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            segment(&bytes);
            damaged_segment(&bytes);
        }
    }
}
