//! What a crash or a failing disk leaves behind: torn ends of the log, flushes and merges that
//! could not be written.

use std::path::{Path, PathBuf};

use skopos_core::TimeRange;

use super::{HOUR_MS, append, open, read};

/// The last segment of the log.
fn last_segment(root: &Path) -> PathBuf {
    let entries = std::fs::read_dir(root.join("wal").join("metrics")).expect("is there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("reads").path()).collect();
    paths.sort();
    paths.pop().expect("a segment")
}

#[test]
fn a_torn_end_of_the_log_costs_only_what_was_torn() {
    let folder = tempfile::tempdir().expect("a folder");
    let samples = [(1000, 1.0), (2000, 2.0), (3000, 3.0)];
    for torn in 1..40 {
        let root = folder.path().join(torn.to_string());
        let store = open(&root);
        for sample in samples {
            append(&store, "a", &[sample]);
        }
        drop(store);
        let segment = last_segment(&root);
        let length = std::fs::metadata(&segment).expect("is there").len();
        let file = std::fs::OpenOptions::new().write(true).open(&segment).expect("opens");
        file.set_len(length - torn).expect("cuts");
        let store = open(&root);
        let found = read(&store, "a", TimeRange::ALL);
        assert!(found.len() < 3 && samples.starts_with(&found), "{torn}: {found:?}");
        assert!(store.replay_report().torn_bytes > 0 || found.len() == 2, "{torn}");
        append(&store, "a", &[(4000, 4.0)]);
        drop(store);
        let expected: Vec<_> = found.into_iter().chain([(4000, 4.0)]).collect();
        assert_eq!(read(&open(&root), "a", TimeRange::ALL), expected);
    }
}

#[test]
fn a_flush_that_cannot_write_loses_nothing_and_works_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = open(folder.path());
    append(&store, "a", &[(1000, 1.0)]);
    // A file where a folder has to be: no part can be written.
    let obstacle = folder.path().join("parts").join("default");
    std::fs::write(&obstacle, "").expect("writes");
    store.flush().expect_err("the part has no place");
    append(&store, "a", &[(2000, 2.0)]);
    store.flush().expect_err("still none");
    assert_eq!(read(&store, "a", TimeRange::ALL), [(1000, 1.0), (2000, 2.0)]);
    drop(store);
    store = open(folder.path());
    assert_eq!(read(&store, "a", TimeRange::ALL), [(1000, 1.0), (2000, 2.0)]);
    std::fs::remove_file(&obstacle).expect("removes");
    assert_eq!(store.flush().expect("flushes").parts, 1);
    drop(store);
    store = open(folder.path());
    assert_eq!(store.replay_report().samples, 0, "all lies in parts");
    assert_eq!(read(&store, "a", TimeRange::ALL), [(1000, 1.0), (2000, 2.0)]);
}

#[test]
fn a_merge_that_cannot_write_leaves_the_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    for at_ms in [1000, 2000] {
        append(&store, "a", &[(at_ms, 1.0)]);
        store.flush().expect("flushes");
    }
    // A folder where the merged part has to be.
    let merged = folder.path().join("parts/default/metrics/1970-01-01/1-0-0-1.parquet");
    std::fs::create_dir_all(merged.join("x")).expect("creates");
    store.maintain(100 * HOUR_MS).expect_err("the merged part has no place");
    assert_eq!(read(&store, "a", TimeRange::ALL), [(1000, 1.0), (2000, 1.0)]);
    std::fs::remove_dir_all(&merged).expect("removes");
    store.maintain(100 * HOUR_MS).expect("merges");
    assert_eq!(store.stats().parts, 1);
    assert_eq!(read(&store, "a", TimeRange::ALL), [(1000, 1.0), (2000, 1.0)]);
}
