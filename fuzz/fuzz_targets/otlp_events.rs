//! OTLP trace and log exports in both codecs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skopos_wire::otlp::{Codec, decode_logs, decode_traces, log_batch, span_batch};

fuzz_target!(|body: &[u8]| {
    for codec in [Codec::Protobuf, Codec::Json] {
        if let Ok(request) = decode_traces(codec, body) {
            drop(span_batch(request));
        }
        if let Ok(request) = decode_logs(codec, body) {
            drop(log_batch(request, 1));
        }
    }
});
