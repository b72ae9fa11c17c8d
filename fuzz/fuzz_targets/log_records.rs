//! Records that the stores write into the log, and blocks of logs in memory.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((kind, bytes)) = input.split_first() else {
        return;
    };
    match kind % 4 {
        0 => skopos_metrics::fuzzing::log_record(bytes),
        1 => skopos_logs::fuzzing::log_record(bytes),
        2 => skopos_traces::fuzzing::log_record(bytes),
        _ => skopos_logs::fuzzing::block(bytes),
    }
});
