//! Ways for fuzz targets into what is not public.

use std::sync::Arc;

use skopos_core::log::Direction;
use skopos_core::time::TimeRangeNs;
use skopos_storage::PartReader;

use crate::block;
use crate::filter::Needles;
use crate::part::PartRead;
use crate::record;
use crate::wanted::Wanted;

/// Reads bytes as a record of the log; what is one is written as one that reads alike.
pub fn log_record(bytes: &[u8]) {
    let Some((tenant, batch)) = record::decode(bytes) else {
        return;
    };
    let written = record::encode(&tenant, &batch);
    assert_eq!(record::decode(&written), Some((tenant, batch)));
}

/// Reads bytes as a block of the head, and as a filter.
pub fn block(bytes: &[u8]) {
    drop(block::decode(bytes, &Wanted::all()));
    let _asked = Needles::new(["a request of some length"]).may_be_in(bytes);
}

/// Reads a part: each stream from both ends, and all of them with a search.
pub fn part(reader: PartReader) {
    let Ok(table) = PartRead::table(&reader) else { return };
    let part = PartRead::new(Arc::new(reader), Arc::new(table));
    let needles = Needles::new(["a request of some length"]);
    let granules = part.granules(&needles).ok().flatten();
    let contains = ["e".to_owned()];
    let wanted = Wanted::new(TimeRangeNs::new(0, i64::MAX), &contains);
    for direction in [Direction::Forward, Direction::Backward] {
        for stream in &part.table.streams {
            let mut rows = PartRead::rows(stream, granules.as_deref());
            while !rows.is_empty() {
                if part.next_chunk(&mut rows, direction, &Wanted::all()).is_err() {
                    break;
                }
            }
        }
        let all = part.table.streams.iter().map(|stream| PartRead::rows(stream, None));
        drop(part.all_rows(all.collect(), direction, &wanted));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;
    use skopos_storage::PartStore;

    use super::*;

    proptest! {
        #[test]
        fn damaged_parts_do_not_panic(at in any::<prop::sample::Index>(), flip in 1u8..) {
            let file = "testdata/v1/parts/default/logs/2023-11-14/0-0-0-3.parquet";
            let mut bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("a golden file");
            *at.get_mut(&mut bytes) ^= flip;
            let folder = tempfile::tempdir().expect("a folder");
            let path = "default/logs/2023-11-14/0-0-0-3.parquet";
            std::fs::create_dir_all(folder.path().join(path).parent().expect("a parent")).expect("made");
            std::fs::write(folder.path().join(path), &bytes).expect("written");
            let store = PartStore::local(folder.path(), "logs").expect("opens");
            if let Ok(reader) = store.inspect(path) {
                part(reader);
            }
        }

        #[test]
        fn random_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            log_record(&bytes);
            block(&bytes);
        }
    }
}
