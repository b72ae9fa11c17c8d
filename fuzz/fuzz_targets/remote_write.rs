//! Bodies of remote write, both versions, packed here so that the decoder itself is reached.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skopos_wire::remote_write::{decode_remote_write, decode_remote_write_v2};

const LIMIT_BYTES: usize = 1 << 20;

fuzz_target!(|body: &[u8]| {
    let packed = snap::raw::Encoder::new().compress_vec(body).expect("short input");
    for decode in [decode_remote_write, decode_remote_write_v2] {
        if let Ok(write) = decode(&packed, LIMIT_BYTES) {
            assert!(
                write
                    .batch
                    .series
                    .iter()
                    .all(|series| !series.labels.metric_name().is_empty())
            );
        }
        drop(decode(body, LIMIT_BYTES));
    }
});
