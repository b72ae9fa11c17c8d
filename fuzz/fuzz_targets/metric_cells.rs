//! The codecs of chunks and of the cells of metric parts: any bytes, and samples made of them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skopos_metrics::fuzzing;

fuzz_target!(|input: &[u8]| match input.split_first() {
    Some((kind, bytes)) if kind % 2 == 0 => fuzzing::cell(bytes),
    Some((_, bytes)) => fuzzing::cell_round_trip(bytes),
    None => {}
});
