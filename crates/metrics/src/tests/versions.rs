//! Files of a version that this program does not know yet are refused and left as they are.

use std::path::{Path, PathBuf};

use skopos_core::metric::{MetricSource as _, ResolutionLimit, Selection};
use skopos_core::{QueryBudget, TenantId, TimeRange};
use skopos_storage::{StorageError, Wal, WalOptions};
use xxhash_rust::xxh3::xxh3_128;

use super::{HOUR_MS, append, open};
use crate::{MetricStore, MetricStoreOptions};

/// A data directory with parts, each of one sample; their files by offset.
fn with_parts(root: &Path, count: i64) -> Vec<PathBuf> {
    let store = open(root);
    for number in 1..=count {
        append(&store, "a", &[(number * 1000, 1.0)]);
        store.flush().expect("flushes");
    }
    let parts = &store.shared.storage.manifest().state().parts;
    let mut parts: Vec<_> = parts.iter().map(|part| (part.spec.last_offset, &part.path)).collect();
    parts.sort();
    parts
        .into_iter()
        .map(|(_, path)| root.join("parts").join(path))
        .collect()
}

/// Lets a part, and the manifest's digest of it, be as a later program would write them.
fn make_later(root: &Path, part: &Path) {
    let mut bytes = std::fs::read(part).expect("reads");
    let before = format!("{:032x}", xxh3_128(&bytes));
    // The key, then as thrift has it: the next field is binary, of one byte.
    let entry = b"skopos.metrics.version\x18\x012";
    let at = bytes.windows(entry.len()).position(|window| window == entry);
    bytes[at.expect("the entry is there") + entry.len() - 1] = b'3';
    std::fs::write(part, &bytes).expect("writes");
    let manifest = root.join("manifest").join("metrics.json");
    let text = std::fs::read_to_string(&manifest).expect("reads");
    let after = format!("{:032x}", xxh3_128(&bytes));
    std::fs::write(&manifest, text.replace(&before, &after)).expect("writes");
}

fn refusal(root: &Path) -> String {
    let refused = MetricStore::open(MetricStoreOptions::new(root)).expect_err("refused");
    assert!(matches!(refused, StorageError::LaterVersion { .. }), "{refused}");
    refused.to_string()
}

fn assert_says(text: &str, file: &str, found: u64, known: u64) {
    for expected in [
        file,
        &format!("version {found}"),
        &format!("up to version {known}"),
        "start the Skopos that wrote it",
    ] {
        assert!(text.contains(expected), "{text:?} lacks {expected:?}");
    }
}

#[test]
fn a_later_newest_part_is_refused_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let part = with_parts(folder.path(), 1).remove(0);
    make_later(folder.path(), &part);
    let manifest = folder.path().join("manifest").join("metrics.json");
    let before = (
        std::fs::read(&part).expect("reads"),
        std::fs::read(&manifest).expect("reads"),
    );
    assert_says(&refusal(folder.path()), "1970-01-01/0-0-0-0.parquet", 3, 2);
    let after = (
        std::fs::read(&part).expect("reads"),
        std::fs::read(&manifest).expect("reads"),
    );
    assert_eq!(before, after, "nothing is changed");
}

#[test]
fn a_later_part_among_others_fails_its_readers_and_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let parts = with_parts(folder.path(), 3);
    make_later(folder.path(), &parts[1]);
    let store = open(folder.path());
    let tenant = store.tenant(&TenantId::default());
    let select = |range| {
        let selection = Selection {
            matchers: &[],
            range,
            step_ms: 0,
            resolution: ResolutionLimit::KEPT,
        };
        tenant.select(&selection, &QueryBudget::unbounded())
    };
    assert_eq!(select(TimeRange::new(3000, 3000)).expect("reads").len(), 1);
    let name = parts[1].file_name().and_then(|name| name.to_str()).expect("a name");
    assert_says(&select(TimeRange::ALL).expect_err("refused").to_string(), name, 3, 2);
    // The day is over, so its parts are due for a merge.
    let refused = store.maintain(100 * HOUR_MS).expect_err("refused");
    assert_says(&refused.to_string(), name, 3, 2);
    assert_eq!(store.stats().parts, 3);
    assert!(parts.iter().all(|part| part.exists()));
}

#[test]
fn a_later_record_of_the_log_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    append(&store, "a", &[(1000, 1.0)]);
    drop(store);
    let log = folder.path().join("wal").join("metrics");
    let wal = Wal::open(&log, WalOptions::default()).expect("opens");
    wal.append(b"\x03what version 3 says").expect("appends");
    drop(wal);
    assert_says(&refusal(folder.path()), "record 1 of the write-ahead log", 3, 2);
}

#[test]
fn later_lists_beside_the_parts_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(with_parts(folder.path(), 1));
    for (name, known) in [("metrics.tombstones.json", 1), ("metrics.json", 2)] {
        let path = folder.path().join("manifest").join(name);
        let before = std::fs::read(&path).ok();
        std::fs::write(&path, r#"{"version":9,"what":["a","later","program","says"]}"#).expect("writes");
        assert_says(&refusal(folder.path()), name, 9, known);
        match before {
            Some(before) => std::fs::write(&path, before).expect("writes"),
            None => std::fs::remove_file(&path).expect("removes"),
        }
    }
    drop(open(folder.path()));
}
