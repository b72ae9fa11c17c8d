//! Files of each version must stay readable. `testdata/v1` is a data directory with one part of
//! two streams and one record in the log; `SKOPOS_BLESS=1` writes the files of a new version.

use std::path::{Path, PathBuf};

use skopos_core::log::LogEntry;

use crate::support::{Ask, append, entry, open, scan};

fn expected() -> Vec<(String, LogEntry)> {
    let line = |i: i64| format!("{{\"level\":\"info\",\"n\":{i},\"msg\":\"späť\"}}");
    let metadata = [
        ("detected_level", "info"),
        ("trace_id", "0af7651916cd43dd8448eb211c80319c"),
    ];
    let entries = (0..5i64).map(|i| {
        let job = if i % 2 == 0 { "gateway" } else { "worker" };
        let pairs = &metadata[..i as usize % 3];
        (job.to_owned(), entry(1_700_000_000_000_000_000 + i, line(i), pairs))
    });
    entries.collect()
}

fn write(root: &Path) {
    let store = open(root);
    for (i, (job, entry)) in expected().into_iter().enumerate() {
        append(&store, &job, vec![entry]);
        if i == 3 {
            store.flush().expect("the head is flushed");
        }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the folder is made");
    for item in std::fs::read_dir(from).expect("the folder is read") {
        let item = item.expect("the folder is read");
        let target = to.join(item.file_name());
        if item.path().is_dir() {
            copy(&item.path(), &target);
        } else {
            std::fs::copy(item.path(), target).expect("the file is copied");
        }
    }
}

#[test]
fn version_1_is_readable() {
    let golden = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/v1"));
    if std::env::var_os("SKOPOS_BLESS").is_some() {
        write(&golden);
    }
    let folder = tempfile::tempdir().expect("a folder");
    copy(&golden, folder.path());
    let store = open(folder.path());
    assert_eq!(store.replay_report().entries, 1);
    assert_eq!(scan(&store, &Ask::default()), expected());
}
