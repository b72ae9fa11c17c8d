//! Segments of the write-ahead log: any bytes, and good ones with a damaged byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skopos_storage::fuzzing;

fuzz_target!(|input: &[u8]| match input.split_first() {
    Some((kind, bytes)) if kind % 2 == 0 => fuzzing::segment(bytes),
    Some((_, bytes)) => fuzzing::damaged_segment(bytes),
    None => {}
});
