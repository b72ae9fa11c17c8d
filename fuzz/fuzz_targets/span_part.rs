//! A part of traces: opened and read in all ways.
#![no_main]

#[path = "../part_file.rs"]
mod part_file;

use libfuzzer_sys::fuzz_target;

fuzz_target!(
    init: part_file::contain_panics(),
    |bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        skopos_traces::fuzzing::json(text);
        return;
    }
    if let Some(reader) = part_file::open("traces", bytes) {
        skopos_traces::fuzzing::part(&reader);
    }
}
);
