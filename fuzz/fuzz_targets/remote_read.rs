//! Requests of remote read and answers to them, also packed and framed here so that the decoders themselves are reached.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skopos_core::QueryBudget;
use skopos_wire::remote_read::{ChunkReader, decode_remote_read, decode_samples};

const LIMIT_BYTES: usize = 1 << 20;
const MAX_SAMPLES: u64 = 1 << 16;

fn budget() -> QueryBudget {
    QueryBudget::new(MAX_SAMPLES, None)
}

/// A length, the big-endian CRC32C and the message, as `ChunkReader` expects a frame.
fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    prost::encoding::encode_varint(message.len() as u64, &mut frame);
    frame.extend_from_slice(&crc32c::crc32c(message).to_be_bytes());
    frame.extend_from_slice(message);
    frame
}

/// How many series came before the end or the first error, and whether all was read.
fn read_in_pieces(body: &[u8], piece_bytes: usize) -> (usize, bool) {
    let budget = budget();
    let mut reader = ChunkReader::new(LIMIT_BYTES as u64);
    let mut series = 0;
    for piece in body.chunks(piece_bytes.max(1)) {
        match reader.push(piece, &budget) {
            Ok(found) => series += found.len(),
            Err(_) => return (series, false),
        }
    }
    (series, reader.finish().is_ok())
}

/// Where all of an answer is read, it does not matter in which pieces it came.
fn chunks(body: &[u8]) {
    let (series, whole) = read_in_pieces(body, body.len());
    let (in_pieces, pieces_whole) = read_in_pieces(body, 7);
    assert_eq!(whole, pieces_whole);
    if whole {
        assert_eq!(series, in_pieces);
    }
}

fuzz_target!(|body: &[u8]| {
    let packed = snap::raw::Encoder::new().compress_vec(body).expect("short input");
    for body in [body, &packed] {
        drop(decode_remote_read(body, LIMIT_BYTES));
        drop(decode_samples(body, LIMIT_BYTES, &budget()));
    }
    chunks(body);
    chunks(&framed(body));
});
