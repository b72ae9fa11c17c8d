//! Bodies of remote write, both versions, packed here so that the decoder itself is reached.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skopos_wire::remote_write::{Buffers, decode_remote_write, decode_remote_write_v2};

const LIMIT_BYTES: usize = 1 << 20;

fuzz_target!(|body: &[u8]| {
    let packed = snap::raw::Encoder::new().compress_vec(body).expect("short input");
    for decode in [decode_remote_write, decode_remote_write_v2] {
        let mut buffers = Buffers::default();
        if let Ok(write) = decode(&packed, LIMIT_BYTES, &mut buffers) {
            let packed = write.floats.to_batch().series;
            assert_eq!(packed.len(), write.floats.len());
            let mut all = packed.iter().chain(&write.batch.series);
            assert!(all.all(|series| !series.labels.metric_name().is_empty()));
            buffers.recycle(write.floats);
        }
        drop(decode(body, LIMIT_BYTES, &mut buffers));
    }
});
