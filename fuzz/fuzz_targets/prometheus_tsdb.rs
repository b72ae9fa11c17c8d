//! Files of a Prometheus' data directory: none may make a reader panic.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use skopos_core::metric::Series;
use skopos_prometheus_tsdb::{
    ChunkEncoding, HeadChunks, IndexReader, WalReader, decode_chunk, decode_record, decode_tombstones,
};

fuzz_target!(|input: &[u8]| {
    let Some((kind, bytes)) = input.split_first() else {
        return;
    };
    match kind % 8 {
        encoding @ 0..4 => {
            let _checked = decode_chunk(ChunkEncoding::of(encoding), bytes, &mut Series::default());
        }
        4 => drop(decode_record(bytes)),
        5 => drop(decode_tombstones(bytes)),
        6 => {
            let mut log = WalReader::new(bytes, Path::new("wal"));
            while let Ok(Some(record)) = log.next_record() {
                drop(decode_record(record.bytes));
            }
            if let Ok(mut chunks) = HeadChunks::new(bytes, Path::new("head")) {
                while let Ok(Some(_)) = chunks.next_chunk() {}
            }
        }
        _ => {
            if let Ok(mut index) = IndexReader::new(bytes, Path::new("index")) {
                while let Ok(Some(_)) = index.next_series() {}
            }
        }
    }
});
