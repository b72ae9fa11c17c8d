//! A part of metrics: opened and read in all ways.
#![no_main]

#[path = "../part_file.rs"]
mod part_file;

use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: part_file::contain_panics(),
    |bytes: &[u8]| {
    if let Some(reader) = part_file::open("metrics", bytes) {
        skopos_metrics::fuzzing::part(&reader);
    }
}
);
