//! Expositions in all formats: no body may panic, and what a parser gives must be readable.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skopos_wire::exposition::{
    ClassicLines, ConvertClassic, Entry, Format, GatheredEntry, Gatherer, HistogramChoice, Parser, ProtobufEntry,
    read_families,
};
use skopos_wire::histogram::checked;

fuzz_target!(|body: &[u8]| {
    for format in [Format::Text, Format::OpenMetrics] {
        for entry in Parser::new(body, format) {
            if let Ok(Entry::Sample(sample)) = entry {
                let labels = sample.labels();
                assert!(labels.is_err() || labels.is_ok_and(|labels| !labels.is_empty()));
            }
        }
    }
    for format in [Format::Text, Format::OpenMetrics] {
        for entry in Gatherer::new(Parser::new(body, format), ClassicLines::Replaced) {
            if let Ok(GatheredEntry::Histogram(gathered)) = entry {
                assert!(checked(gathered.histogram).is_ok());
            }
        }
    }
    for (native, always_classic, convert) in [
        (true, false, ConvertClassic::Off),
        (true, true, ConvertClassic::Off),
        (false, false, ConvertClassic::On),
    ] {
        let choice = HistogramChoice { native, always_classic, convert };
        let read = read_families(body, choice, |entry| {
            if let ProtobufEntry::Sample(sample) = entry {
                assert!(!sample.name.is_empty());
            }
            Ok::<(), ()>(())
        });
        drop(read);
    }
});
