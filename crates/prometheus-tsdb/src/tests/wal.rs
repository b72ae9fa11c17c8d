//! Segments of the log and their records.

use std::path::Path;

use proptest::prelude::*;
use skopos_core::Labels;

use super::{push_text, push_uvarint, push_varint};
use crate::{Record, TsdbError, WalReader, decode_record};

const PAGE: usize = 32 * 1024;

#[derive(Debug, Clone, Copy)]
enum Packing {
    Plain,
    Snappy,
    Zstd,
}

/// Appends a record in fragments, as `tsdb/wlog` does.
fn push_record(segment: &mut Vec<u8>, record: &[u8], packing: Packing) {
    let (flag, packed) = match packing {
        Packing::Plain => (0, record.to_vec()),
        Packing::Snappy => (8, snap::raw::Encoder::new().compress_vec(record).expect("packs")),
        Packing::Zstd => (16, zstd::bulk::compress(record, 1).expect("packs")),
    };
    let mut rest = packed.as_slice();
    let mut is_first = true;
    loop {
        let left = PAGE - segment.len() % PAGE;
        if left <= 7 {
            segment.resize(segment.len() + left, 0);
            continue;
        }
        let (part, more) = rest.split_at(rest.len().min(left - 7));
        let kind = match (is_first, more.is_empty()) {
            (true, true) => 1,
            (true, false) => 2,
            (false, false) => 3,
            (false, true) => 4,
        };
        segment.push(kind | flag);
        segment.extend_from_slice(&(part.len() as u16).to_be_bytes());
        segment.extend_from_slice(&crc32c::crc32c(part).to_be_bytes());
        segment.extend_from_slice(part);
        (rest, is_first) = (more, false);
        if rest.is_empty() {
            return;
        }
    }
}

fn read(segment: &[u8]) -> (Vec<Vec<u8>>, u64, Option<TsdbError>) {
    let mut reader = WalReader::new(segment, Path::new("wal/00000000"));
    let mut found = Vec::new();
    let error = loop {
        match reader.next_record() {
            Ok(Some(record)) => found.push(record.bytes.to_vec()),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    (found, reader.torn_bytes(), error)
}

#[test]
fn an_unfinished_record_is_no_damage_and_a_changed_one_is() {
    let mut segment = Vec::new();
    for byte in 1..=3u8 {
        push_record(&mut segment, &[byte; 100], Packing::Snappy);
    }
    let (found, torn, error) = read(&segment[..segment.len() - 1]);
    assert!(error.is_none() && torn > 0);
    assert_eq!(found.len(), 2);
    segment[10] ^= 1;
    let (found, _, error) = read(&segment);
    let text = error.expect("damage").to_string();
    assert!(found.is_empty() && text.contains("wal/00000000 at byte 0"), "{text}");
}

#[test]
fn records_of_every_kind_are_read() {
    let mut series = vec![1];
    series.extend_from_slice(&7u64.to_be_bytes());
    push_uvarint(&mut series, 1);
    push_text(&mut series, "job");
    push_text(&mut series, "a");
    let labels = Labels::from_pairs([("job", "a")]);
    assert_eq!(decode_record(&series), Ok(Record::Series(vec![(7, labels.clone())])));

    let mut samples = vec![2];
    samples.extend_from_slice(&7u64.to_be_bytes());
    samples.extend_from_slice(&1000i64.to_be_bytes());
    for (series, time, value) in [(0i64, 0i64, 1.5f64), (-2, 500, 2.5)] {
        push_varint(&mut samples, series);
        push_varint(&mut samples, time);
        samples.extend_from_slice(&value.to_bits().to_be_bytes());
    }
    let Ok(Record::Samples(found)) = decode_record(&samples) else {
        panic!("samples");
    };
    assert_eq!((found[1].series, found[1].timestamp_ms, found[1].value), (5, 1500, 2.5));

    let mut started = vec![11];
    for value in [7, 1000, 200] {
        push_varint(&mut started, value);
    }
    started.extend_from_slice(&1f64.to_bits().to_be_bytes());
    for marker in [1u8, 0, 2] {
        push_varint(&mut started, 1);
        push_varint(&mut started, 10);
        started.push(marker);
        if marker == 2 {
            push_varint(&mut started, 50);
        }
        started.extend_from_slice(&2f64.to_bits().to_be_bytes());
    }
    let Ok(Record::Samples(found)) = decode_record(&started) else {
        panic!("samples with starts");
    };
    let starts: Vec<i64> = found.iter().map(|sample| sample.start_ms).collect();
    assert_eq!(starts, [200, 200, 0, 250]);
    assert_eq!(found[3].series, 10);

    assert_eq!(decode_record(&[99, 1, 2]), Ok(Record::Unknown(99)));
    let cut = decode_record(&series[..series.len() - 1]).expect_err("cut");
    assert!(cut.to_string().contains("record of series"), "{cut}");
}

fn packing() -> impl Strategy<Value = Packing> {
    prop_oneof![Just(Packing::Plain), Just(Packing::Snappy), Just(Packing::Zstd)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn records_come_back(records in proptest::collection::vec((0usize..80_000, any::<u8>(), packing()), 0..6)) {
        let mut segment = Vec::new();
        let mut expected = Vec::new();
        for (length, seed, packing) in records {
            let record: Vec<u8> = (0..length).map(|at| (at as u8).wrapping_mul(seed)).collect();
            push_record(&mut segment, &record, packing);
            expected.push(record);
        }
        let (found, torn, error) = read(&segment);
        prop_assert!(error.is_none(), "{:?}", error);
        prop_assert_eq!(torn, 0);
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn changed_segments_never_panic(at in any::<prop::sample::Index>(), value in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut segment = Vec::new();
        for packing in [Packing::Plain, Packing::Snappy, Packing::Zstd] {
            push_record(&mut segment, &vec![7; 40_000], packing);
        }
        let place = at.index(segment.len());
        segment[place] = value;
        segment.truncate(cut.index(segment.len()));
        drop(read(&segment));
    }
}
