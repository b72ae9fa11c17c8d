//! Files of older versions must stay readable: `tests/golden/` holds a log and a part of each
//! format version. `SKOPOS_BLESS=1` writes those of the current version anew.

use std::path::{Path, PathBuf};

use skopos_core::span::{SpanBatch, TraceSink, TraceSource};
use skopos_core::{QueryBudget, TenantId};
use skopos_traces::{TraceStore, TraceStoreOptions};

use crate::spans::{resources, trace, trace_id};

const VERSION: &str = "v1";

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the folder can be made");
    for entry in std::fs::read_dir(from).expect("the folder is there") {
        let entry = entry.expect("it is readable");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("the file can be copied");
        }
    }
}

/// Trace 10 in a part, trace 11 in the log.
fn bless(dir: &Path) {
    if dir.exists() {
        std::fs::remove_dir_all(dir).expect("the old files can go");
    }
    let store = TraceStore::open(TraceStoreOptions::new(dir)).expect("the store opens");
    let tenant = store.tenant(&TenantId::default());
    let resources = resources();
    for number in [10, 11] {
        let spans = trace(number, &resources);
        tenant.append(SpanBatch { spans }).expect("the log takes it");
        if number == 10 {
            store.flush().expect("the disk takes it");
        }
    }
    store.close().expect("the disk takes it");
}

#[test]
fn older_files_are_readable() {
    if std::env::var_os("SKOPOS_BLESS").is_some() {
        bless(&golden().join(VERSION));
    }
    let mut versions = 0;
    for version in std::fs::read_dir(golden()).expect("there are golden files") {
        let dir = tempfile::tempdir().expect("there is a temporary directory");
        copy(&version.expect("it is readable").path(), dir.path());
        let store = TraceStore::open(TraceStoreOptions::new(dir.path())).expect("the store opens");
        let stats = store.stats();
        assert_eq!((stats.spans, stats.rows), (8, 8));
        let tenant = store.tenant(&TenantId::default());
        for number in [10, 11] {
            let found = tenant
                .trace(trace_id(number), &QueryBudget::unbounded())
                .expect("it is readable");
            assert_eq!(found, trace(number, &resources()));
        }
        versions += 1;
    }
    assert!(versions > 0);
}
