//! What spans cost at rest and in memory. The bounds are generous; the figures are printed.

use skopos_core::span::{SpanBatch, TraceSearch, TraceSink, TraceSource};
use skopos_core::time::TimeRangeNs;
use skopos_core::{QueryBudget, TenantId};
use skopos_traces::{TraceStore, TraceStoreOptions};

use crate::spans::{resources, trace, trace_id};

#[test]
fn spans_are_small() {
    const TRACES: u64 = 2000;
    let dir = tempfile::tempdir().expect("there is a temporary directory");
    let store = TraceStore::open(TraceStoreOptions::new(dir.path())).expect("the store opens");
    let tenant = store.tenant(&TenantId::default());
    let resources = resources();
    for number in 0..TRACES {
        let spans = trace(number, &resources);
        tenant.append(SpanBatch { spans }).expect("the log takes it");
    }
    let (head, spans) = (store.stats(), TRACES * 8);
    store.flush().expect("the disk takes it");
    let parts = store.stats();
    let per_span = |bytes: u64| bytes / spans;
    let figures = format!(
        "bytes a span: head {}, log {}, part {}",
        per_span(head.head_bytes),
        per_span(head.wal_bytes),
        per_span(parts.part_bytes)
    );
    assert!(per_span(head.head_bytes) < 400, "{figures}");
    assert!(per_span(head.wal_bytes) < 250, "{figures}");
    assert!(per_span(parts.part_bytes) < 80, "{figures}");
    let found = tenant
        .trace(trace_id(TRACES / 2), &QueryBudget::unbounded())
        .expect("it is readable");
    assert_eq!(found.len(), 8);
    let search = TraceSearch {
        service: Some("conversation-worker".to_owned()),
        operation: None,
        tags: vec![("error".to_owned(), "true".to_owned())],
        min_duration_ns: None,
        max_duration_ns: None,
        range: TimeRangeNs::ALL,
        limit: 20,
    };
    let found = tenant
        .search(&search, &QueryBudget::unbounded())
        .expect("it is readable");
    let ids: Vec<_> = found.iter().map(|spans| spans[0].trace_id).collect();
    let expect: Vec<_> = (0..20).map(|i| trace_id(TRACES - 10 - i * 10)).collect();
    assert_eq!(ids, expect);
    eprintln!("{figures}");
}
