//! Files as Prometheus writes them, made by hand, read back; cut and changed bytes.
//! `crates/skopos/tests/it/import.rs` has the files of a real one.

mod block;
mod wal;

use proptest::prelude::*;
use skopos_core::TimeRange;
use skopos_core::metric::Series;

use crate::xor::XorEncoder;
use crate::{ChunkEncoding, ChunkProblem, decode_chunk, decode_record, decode_tombstones};

/// Unsigned integers of variable length, as Go writes them.
fn push_uvarint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn push_varint(out: &mut Vec<u8>, value: i64) {
    push_uvarint(out, ((value << 1) ^ (value >> 63)) as u64);
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    push_uvarint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn push_crc(out: &mut Vec<u8>, from: usize) {
    let sum = crc32c::crc32c(&out[from..]);
    out.extend_from_slice(&sum.to_be_bytes());
}

fn xor_chunk(samples: &[(i64, f64)]) -> Vec<u8> {
    let mut encoder = XorEncoder::default();
    for (time, value) in samples {
        encoder.append(*time, *value);
    }
    let mut data = (samples.len() as u16).to_be_bytes().to_vec();
    data.extend_from_slice(&encoder.take());
    data
}

#[test]
fn chunks_of_floats_come_back_and_unknown_ones_are_named() {
    let samples = [(1000, 1.0), (2000, 2.5), (2500, -1.0)];
    let mut series = Series::default();
    decode_chunk(ChunkEncoding::Xor, &xor_chunk(&samples), &mut series).expect("a chunk");
    assert_eq!(
        (series.timestamps_ms, series.values),
        (vec![1000, 2000, 2500], vec![1.0, 2.5, -1.0])
    );
    let unknown = decode_chunk(ChunkEncoding::of(4), &[0], &mut Series::default());
    assert_eq!(unknown, Err(ChunkProblem::Encoding(4)));
}

#[test]
fn tombstones_come_back() {
    let mut file = vec![0x01, 0x30, 0xBA, 0x30, 1];
    for (series, from, to) in [(7u64, -5i64, 10i64), (7, 20, 30), (9, 0, 0)] {
        push_uvarint(&mut file, series);
        push_varint(&mut file, from);
        push_varint(&mut file, to);
    }
    push_crc(&mut file, 5);
    let found = decode_tombstones(&file).expect("tombstones");
    assert_eq!(found[&7], [TimeRange::new(-5, 10), TimeRange::new(20, 30)]);
    assert_eq!(found[&9], [TimeRange::new(0, 0)]);
    file[6] ^= 1;
    assert_eq!(
        decode_tombstones(&file).map_err(|error| error.1),
        Err("the checksum does not fit")
    );
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), kind in 0u8..16) {
        for number in 1..=3 {
            let _checked = decode_chunk(ChunkEncoding::of(number), &bytes, &mut Series::default());
        }
        let mut record = vec![kind];
        record.extend_from_slice(&bytes);
        drop(decode_record(&record));
        drop(decode_tombstones(&bytes));
    }
}
