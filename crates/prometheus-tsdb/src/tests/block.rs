//! Indexes, segments and chunks of the head.

use std::path::Path;

use proptest::prelude::*;
use skopos_core::{Labels, TimeRange};

use super::{push_crc, push_text, push_uvarint, push_varint, xor_chunk};
use crate::{ChunkRef, ChunkSegments, DataDir, HeadChunks, IndexReader, SeriesEntry, TsdbError};

/// An index with series of one label each, in version 1 or 2.
fn index(version: u8, jobs: &[&str]) -> Vec<u8> {
    let mut file = vec![0xBA, 0xAA, 0xD7, 0x00, version];
    let mut symbols = (jobs.len() as u32 + 1).to_be_bytes().to_vec();
    let mut references = Vec::new();
    for (number, text) in std::iter::once(&"job").chain(jobs).enumerate() {
        // Offsets in the file: after the header and the length of the section.
        let offset = 9 + symbols.len();
        references.push(if version == 1 { offset as u64 } else { number as u64 });
        push_text(&mut symbols, text);
    }
    file.extend_from_slice(&(symbols.len() as u32).to_be_bytes());
    file.extend_from_slice(&symbols);
    push_crc(&mut file, 9);
    let series_at = file.len() as u64;
    for number in 0..jobs.len() {
        if version == 2 {
            file.resize(file.len().next_multiple_of(16), 0);
        }
        let mut entry = Vec::new();
        for value in [1, references[0], references[number + 1], 2] {
            push_uvarint(&mut entry, value);
        }
        push_varint(&mut entry, -1000);
        for value in [1500, 8, 500, 1000] {
            push_uvarint(&mut entry, value);
        }
        push_varint(&mut entry, 40);
        push_uvarint(&mut file, entry.len() as u64);
        let start = file.len();
        file.extend_from_slice(&entry);
        push_crc(&mut file, start);
    }
    let end = file.len() as u64;
    let toc = file.len();
    for offset in [5, series_at, end, 0, 0, 0] {
        file.extend_from_slice(&offset.to_be_bytes());
    }
    push_crc(&mut file, toc);
    file
}

fn read(file: &[u8]) -> Result<Vec<SeriesEntry>, TsdbError> {
    let mut reader = IndexReader::new(file, Path::new("index"))?;
    let mut found = Vec::new();
    while let Some(entry) = reader.next_series()? {
        found.push(entry);
    }
    Ok(found)
}

#[test]
fn series_of_both_versions_come_back() {
    for version in [1, 2] {
        let found = read(&index(version, &["a", "b", "c"])).expect("an index");
        let jobs: Vec<Labels> = found.iter().map(|entry| entry.labels.clone()).collect();
        assert_eq!(jobs, ["a", "b", "c"].map(|job| Labels::from_pairs([("job", job)])));
        let chunk = |start, end, reference| ChunkRef {
            range: TimeRange::new(start, end),
            reference,
        };
        assert_eq!(found[1].chunks, [chunk(-1000, 500, 8), chunk(1000, 2000, 48)]);
    }
    let error = read(&index(3, &["a"])).expect_err("unknown").to_string();
    assert!(
        error.contains("index at byte 4") && error.contains("version 3"),
        "{error}"
    );
}

#[test]
fn a_changed_series_is_found_by_its_checksum() {
    let mut file = index(2, &["a", "b"]);
    let at = file.len() - 52 - 8;
    file[at] ^= 1;
    let error = read(&file).expect_err("damaged");
    assert!(
        error.is_corrupt() && error.to_string().contains("checksum of the series"),
        "{error}"
    );
}

#[test]
fn chunks_are_found_by_reference() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut file = vec![0x85, 0xBD, 0x40, 0xDD, 1, 0, 0, 0];
    let data = xor_chunk(&[(1, 1.0), (2, 2.0)]);
    push_uvarint(&mut file, data.len() as u64);
    file.push(1);
    file.extend_from_slice(&data);
    push_crc(&mut file, 9);
    std::fs::write(folder.path().join("000001"), &file).expect("a file");
    let mut segments = ChunkSegments::open(folder.path()).expect("segments");
    let chunk = |reference| ChunkRef {
        range: TimeRange::new(1, 2),
        reference,
    };
    assert_eq!(segments.read(&chunk(8)).expect("a chunk").1, data);
    for (reference, reason) in [(9, ""), (1 << 32, "segment 1 of 1"), (5000, "begins here")] {
        let error = segments.read(&chunk(reference)).expect_err("no chunk");
        assert!(error.is_corrupt() && error.to_string().contains(reason), "{error}");
    }
}

fn head_file(chunks: &[(u64, u8)]) -> Vec<u8> {
    let mut file = vec![0x01, 0x30, 0xBC, 0x91, 1, 0, 0, 0];
    let data = xor_chunk(&[(5, 1.0), (6, 2.0)]);
    for (series, encoding) in chunks {
        let start = file.len();
        for value in [*series, 5, 6] {
            file.extend_from_slice(&value.to_be_bytes());
        }
        file.push(*encoding);
        push_uvarint(&mut file, data.len() as u64);
        file.extend_from_slice(&data);
        push_crc(&mut file, start);
    }
    file
}

#[test]
fn chunks_of_the_head_end_where_zeros_begin() {
    let mut file = head_file(&[(3, 1), (4, 0x81)]);
    file.resize(file.len() + 1000, 0);
    let mut chunks = HeadChunks::new(file.as_slice(), Path::new("chunks_head/000001")).expect("opens");
    let first = chunks.next_chunk().expect("reads").expect("a chunk");
    assert_eq!((first.series, first.is_out_of_order), (3, false));
    let second = chunks.next_chunk().expect("reads").expect("a chunk");
    assert_eq!((second.series, second.is_out_of_order), (4, true));
    assert_eq!(chunks.next_chunk().expect("reads"), None);
}

#[test]
fn a_folder_of_something_else_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = DataDir::open(folder.path()).expect_err("nothing there");
    assert!(error.to_string().contains("--storage.tsdb.path"), "{error}");
}

proptest! {
    #[test]
    fn changed_files_never_panic(at in 0usize..400, value in any::<u8>(), cut in 0usize..400, version in 1u8..=2) {
        let mut file = index(version, &["alpha", "beta", "gamma"]);
        let place = at % file.len();
        file[place] = value;
        drop(read(&file));
        file.truncate(cut);
        drop(read(&file));
        let mut head = head_file(&[(3, 1), (4, 2), (5, 3)]);
        let place = at % head.len();
        head[place] = value;
        if let Ok(mut chunks) = HeadChunks::new(head.as_slice(), Path::new("h")) {
            while let Ok(Some(_)) = chunks.next_chunk() {}
        }
    }
}
