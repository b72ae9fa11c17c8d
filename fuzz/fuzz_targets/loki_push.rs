//! Loki pushes: JSON, the older JSON, and protobuf, packed here so that the decoder itself is reached.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skopos_wire::loki::{PushOptions, decode_legacy_push, decode_push};

fuzz_target!(|body: &[u8]| {
    let options = PushOptions {
        max_decompressed_bytes: 1 << 20,
        ..PushOptions::default()
    };
    let packed = snap::raw::Encoder::new().compress_vec(body).expect("short input");
    for (media_type, body) in [("application/json", body), ("application/x-protobuf", &packed)] {
        for decode in [decode_push, decode_legacy_push] {
            if let Ok(push) = decode(media_type, "", body, &options) {
                assert!(push.batch.streams.iter().all(|stream| !stream.entries.is_empty()));
            }
        }
    }
    drop(decode_push("application/x-protobuf", "snappy", body, &options));
});
