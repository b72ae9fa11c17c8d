//! Expositions in all formats: no body may panic, and what a parser gives must be readable.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skopos_wire::exposition::{Entry, Format, HistogramChoice, Parser, ProtobufEntry, read_families};

fuzz_target!(|body: &[u8]| {
    for format in [Format::Text, Format::OpenMetrics] {
        for entry in Parser::new(body, format) {
            if let Ok(Entry::Sample(sample)) = entry {
                let labels = sample.labels();
                assert!(labels.is_err() || labels.is_ok_and(|labels| !labels.is_empty()));
            }
        }
    }
    for (native, always_classic) in [(true, false), (true, true), (false, false)] {
        let choice = HistogramChoice { native, always_classic };
        let read = read_families(body, choice, |entry| {
            if let ProtobufEntry::Sample(sample) = entry {
                assert!(!sample.name.is_empty());
            }
            Ok::<(), ()>(())
        });
        drop(read);
    }
});
