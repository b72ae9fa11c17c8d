//! The manifest is replaced whole, and refuses what it does not understand.

use std::time::Duration;

use skopos_core::TenantId;

use super::*;
use crate::part::PartSpec;
use crate::retention::Retention;

fn part(first: u64, max_time_ms: i64, bytes: u64) -> PartMeta {
    PartMeta {
        path: format!("default/test/1970-01-01/0-0-{first}-{first}.parquet"),
        spec: PartSpec {
            tenant: TenantId::default(),
            level: 0,
            partition: 0,
            first_offset: Offset(first),
            last_offset: Offset(first),
            min_time_ms: 0,
            max_time_ms,
            aggregate: None,
        },
        rows: 1,
        bytes,
        digest: "00".into(),
    }
}

fn paths(state: &ManifestState) -> Vec<u64> {
    state.parts.iter().map(|part| part.spec.first_offset.0).collect()
}

#[test]
fn changes_are_kept() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let path = dir.path().join("manifest/test.json");
    let manifest = Manifest::create(&path, "test", Vec::new()).expect("create");
    let change = ManifestChange {
        added: vec![part(1, 10, 5), part(2, 20, 5)],
        covered: Some((0, Offset(3))),
        ..ManifestChange::default()
    };
    manifest.commit(change).expect("commit");
    let change = ManifestChange {
        added: vec![part(3, 30, 5)],
        removed: vec![part(1, 0, 0).path],
        covered: None,
        imported: vec!["a block".to_owned()],
    };
    manifest.commit(change).expect("commit");
    let again = Manifest::open(&path, "test").expect("open").expect("it exists");
    assert_eq!(again.state(), manifest.state());
    assert_eq!(paths(&again.state()), [2, 3]);
    assert_eq!(again.state().covered(0), Offset(3));
    assert_eq!(again.state().generation, 3);
    assert!(again.state().imported.contains("a block"));
}

#[test]
fn foreign_and_broken_files_are_refused() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let path = dir.path().join("test.json");
    assert!(Manifest::open(&path, "test").expect("no file is fine").is_none());
    Manifest::create(&path, "other", Vec::new()).expect("create");
    for (text, expected) in [(None, "signal"), (Some("{\"version\": 1, \"signal\":"), "EOF")] {
        if let Some(text) = text {
            std::fs::write(&path, text).expect("write");
        }
        let error = Manifest::open(&path, "test").expect_err("refused").to_string();
        assert!(error.contains(expected) && error.contains("rebuilt"), "{error}");
    }
}

#[test]
fn a_later_version_is_refused_whatever_else_it_says() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let path = dir.path().join("test.json");
    std::fs::write(&path, r#"{"version":9,"parts":{"by":"tenant"}}"#).expect("write");
    let error = Manifest::open(&path, "test").expect_err("refused").to_string();
    for expected in [&*path.display().to_string(), "version 9", "up to version 2", "restore"] {
        assert!(error.contains(expected), "{error}");
    }
    assert!(!error.contains("move it away"), "{error}");
}

#[test]
fn a_failed_replacement_changes_nothing() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let path = dir.path().join("test.json");
    let manifest = Manifest::create(&path, "test", vec![part(1, 0, 0)]).expect("create");
    std::fs::create_dir(path.with_extension("json.tmp")).expect("block the temporary file");
    let change = ManifestChange {
        added: vec![part(2, 0, 0)],
        ..ManifestChange::default()
    };
    manifest.commit(change).expect_err("cannot write");
    assert_eq!(paths(&manifest.state()), [1]);
    let again = Manifest::open(&path, "test").expect("open").expect("it exists");
    assert_eq!(paths(&again.state()), [1]);
}

#[test]
fn retention_takes_the_oldest() {
    let parts: Vec<_> = [(1, 1000, 40), (2, 2000, 40), (3, 3000, 40)]
        .into_iter()
        .map(|(first, max_time_ms, bytes)| Arc::new(part(first, max_time_ms, bytes)))
        .collect();
    let expired = |retention: Retention| retention.expired(&parts, 3500).len();
    assert_eq!(expired(Retention::default()), 0);
    assert_eq!(expired(Retention::by_age(Duration::from_secs(2))), 1);
    let by_size = Retention {
        size_bytes: 100,
        ..Retention::default()
    };
    assert_eq!(by_size.expired(&parts, 3500), [part(1, 0, 0).path]);
}
