//! Influx lines and StatsD lines.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skopos_wire::influx::{Precision, decode_lines};
use skopos_wire::statsd::decode_line;

fuzz_target!(|body: &str| {
    for precision in [Precision::Nanoseconds, Precision::Hours] {
        let read = decode_lines(body, precision, &[("db", "d")], 1);
        assert!(read.faulty <= body.lines().count() as u64);
    }
    for line in body.lines() {
        drop(decode_line(line));
    }
});
