//! Ways for fuzz targets into what is not public.

use skopos_core::{MatchOp, Matcher};
use skopos_storage::PartReader;

use crate::part::{PartCursor, PartIndex, Rows, SeriesContent, read_metadata};
use crate::{epochs, record, tombstones};

pub use crate::part::fuzzing::{cell, cell_round_trip};

/// Reads bytes as a record of the log; what is one is written as one that reads alike.
pub fn log_record(bytes: &[u8]) {
    let Some(read) = record::decode(bytes) else { return };
    let written = read.encode();
    let again = record::decode(&written).expect("what was written reads");
    assert_eq!(again.encode(), written);
}

/// Reads a part: its index, all series in a row, and each row alone.
pub fn part(reader: &PartReader) {
    drop(read_metadata(reader));
    let Ok(index) = PartIndex::read(reader) else { return };
    for matcher in [
        Matcher::equal("__name__", "up"),
        Matcher::equal("job", ""),
        Matcher::new(MatchOp::NotRegex, "job", "a.*").expect("compiles"),
    ] {
        drop(index.select(&[matcher]));
    }
    if let Ok(mut cursor) = PartCursor::open(reader, &index) {
        while cursor.peek().is_some() {
            if cursor.take(&mut SeriesContent::default()).is_err() {
                break;
            }
        }
    }
    for row in 0..index.row_count() as u32 {
        if let Ok(mut rows) = Rows::open(reader, &index, vec![row]) {
            drop(rows.next());
        }
    }
}

/// Reads bytes as the files beside the manifest: epochs and deletions.
pub fn files(bytes: &[u8]) {
    drop(epochs::decode(bytes));
    drop(tombstones::decode(bytes));
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;
    use skopos_storage::PartStore;

    use super::*;

    const PARTS: [&str; 3] = [
        "v1/parts/default/metrics/1970-01-01/0-0-0-0.parquet",
        "v2/parts/default/metrics/1970-01-01/0-0-0-0.parquet",
        "v2-windows/parts/default/metrics/1970-01-01/0-0-0-0-300s.parquet",
    ];

    proptest! {
        #[test]
        fn damaged_parts_do_not_panic(at in any::<prop::sample::Index>(), flip in 1u8.., which in 0..PARTS.len()) {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(PARTS[which]);
            let mut bytes = std::fs::read(file).expect("a golden file");
            *at.get_mut(&mut bytes) ^= flip;
            let folder = tempfile::tempdir().expect("a folder");
            let path = "default/metrics/1970-01-01/0-0-0-0.parquet";
            std::fs::create_dir_all(folder.path().join(path).parent().expect("a parent")).expect("made");
            std::fs::write(folder.path().join(path), &bytes).expect("written");
            let store = PartStore::local(folder.path(), "metrics").expect("opens");
            if let Ok(reader) = store.inspect(path) {
                part(&reader);
            }
        }

        #[test]
        fn random_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            log_record(&bytes);
            cell(&bytes);
            cell_round_trip(&bytes);
            files(&bytes);
        }
    }
}
