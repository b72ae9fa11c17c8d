//! Compressed bodies: none may become larger than its limit.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skopos_wire::compression::{Encoding, decompress};

const LIMIT_BYTES: usize = 1 << 16;

fuzz_target!(|body: &[u8]| {
    for encoding in [Encoding::Gzip, Encoding::Deflate, Encoding::Snappy, Encoding::Zstd] {
        if let Ok(unpacked) = decompress(encoding, body, LIMIT_BYTES) {
            assert!(unpacked.len() <= LIMIT_BYTES);
        }
    }
});
