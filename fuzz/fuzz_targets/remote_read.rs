//! Requests of remote read, packed here so that the decoder itself is reached.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skopos_wire::remote_read::decode_remote_read;

const LIMIT_BYTES: usize = 1 << 20;

fuzz_target!(|body: &[u8]| {
    let packed = snap::raw::Encoder::new().compress_vec(body).expect("short input");
    drop(decode_remote_read(&packed, LIMIT_BYTES));
    drop(decode_remote_read(body, LIMIT_BYTES));
});
