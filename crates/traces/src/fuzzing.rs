//! Ways for fuzz targets into what is not public.

use skopos_core::QueryBudget;
use skopos_core::span::{TraceId, TraceSearch};
use skopos_core::time::TimeRangeNs;
use skopos_storage::PartReader;

use crate::part;
use crate::record::{SpanBlock, encode};
use crate::search::Newest;
use crate::sets::Sets;

pub use crate::part::fuzzing::json;

/// Reads bytes as a record of the log; the spans of one are written as one that reads alike.
pub fn log_record(bytes: &[u8]) {
    let Ok((tenant, block)) = SpanBlock::parse(bytes.to_vec()) else {
        return;
    };
    let spans: Vec<_> = (0..block.len()).filter_map(|span| block.span(span).ok()).collect();
    let written = encode(&tenant, &spans);
    let (tenant_back, block) = SpanBlock::parse(written).expect("what was written reads");
    assert_eq!(tenant_back, tenant);
    let back: Vec<_> = (0..block.len())
        .map(|span| block.span(span).expect("what was written reads"))
        .collect();
    // NaN is not equal to itself; its text is.
    assert_eq!(format!("{back:?}"), format!("{spans:?}"));
}

/// Reads a part in all the ways of queries.
pub fn part(reader: &PartReader) {
    let mut spans = Vec::new();
    drop(part::read_all(reader, &mut spans));
    let ids: Vec<TraceId> = spans.iter().map(|span| span.trace_id).take(2).collect();
    drop(part::read_traces(reader, &ids, &mut Vec::new()));
    let search = TraceSearch {
        service: None,
        operation: None,
        tags: vec![("http.status".to_owned(), "200".to_owned())],
        min_duration_ns: Some(1),
        max_duration_ns: None,
        range: TimeRangeNs::ALL,
        limit: 3,
    };
    drop(part::search(
        reader,
        &search,
        &mut Newest::new(3),
        &QueryBudget::unbounded(),
    ));
    for range in [TimeRangeNs::ALL, TimeRangeNs::new(5, 1_800_000_000_000_000_000)] {
        drop(part::operations(reader, range, &mut Sets::default()));
        drop(part::call_edges(reader, range, &mut Vec::new(), &mut Vec::new()));
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
            let file = "tests/golden/v1/parts/default/traces/2026-11-24/0-0-0-0.parquet";
            let mut bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("a golden file");
            *at.get_mut(&mut bytes) ^= flip;
            let folder = tempfile::tempdir().expect("a folder");
            let path = "default/traces/2026-11-24/0-0-0-0.parquet";
            std::fs::create_dir_all(folder.path().join(path).parent().expect("a parent")).expect("made");
            std::fs::write(folder.path().join(path), &bytes).expect("written");
            let store = PartStore::local(folder.path(), "traces").expect("opens");
            if let Ok(reader) = store.inspect(path) {
                part(&reader);
            }
        }

        #[test]
        fn random_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            log_record(&bytes);
            json(&String::from_utf8_lossy(&bytes));
        }
    }
}
