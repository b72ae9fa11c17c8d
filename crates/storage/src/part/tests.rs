//! Parts written, pruned and read back, and what damage does to them.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};

use super::*;

fn format() -> PartFormat {
    let schema = Arc::new(Schema::new(vec![
        Field::new("time", DataType::Int64, false),
        Field::new("key", DataType::Utf8, false),
        Field::new("body", DataType::Utf8, false),
    ]));
    PartFormat {
        row_group_rows: 1000,
        page_bytes: 1024,
        ..PartFormat::new(schema).with_bloom_columns(&["key"])
    }
}

fn batch(rows: std::ops::Range<i64>) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(rows.clone())),
        Arc::new(StringArray::from_iter_values(
            rows.clone().map(|row| format!("key-{:05}", (row * 7919) % 5000)),
        )),
        Arc::new(StringArray::from_iter_values(rows.map(|row| format!("body {row}")))),
    ];
    RecordBatch::try_new(format().schema, columns).expect("columns match the schema")
}

fn spec() -> PartSpec {
    PartSpec {
        tenant: TenantId::default(),
        level: 0,
        partition: 0,
        first_offset: Offset(3),
        last_offset: Offset(9),
        min_time_ms: 0,
        max_time_ms: 4999,
        aggregate: None,
    }
}

fn written(dir: &std::path::Path) -> (PartStore, PartMeta) {
    let store = PartStore::local(dir, "test").expect("open");
    let meta = store
        .write(&format(), spec(), &[batch(0..2500), batch(2500..5000)])
        .expect("write");
    (store, meta)
}

fn times(reader: &PartReader, scan: &PartScan) -> Vec<i64> {
    let mut times = Vec::new();
    for batch in reader.scan(scan).expect("scan") {
        let batch = batch.expect("batch");
        times.extend_from_slice(batch.column(0).as_primitive::<Int64Type>().values());
    }
    times
}

#[test]
fn the_path_says_what_is_covered() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let (store, meta) = written(dir.path());
    assert_eq!(meta.path, "default/test/1970-01-01/0-0-3-9.parquet");
    assert_eq!(meta.rows, 5000);
    assert_eq!(store.list().expect("list"), std::slice::from_ref(&meta.path));
    assert_eq!(store.inspect(&meta.path).expect("inspect").meta(), &meta);
}

#[test]
fn scans_prune_without_losing_rows() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let (store, meta) = written(dir.path());
    let reader = store.open(&meta).expect("open");
    assert_eq!(
        times(&reader, &PartScan::columns(&["time"])),
        (0..5000).collect::<Vec<_>>()
    );

    let narrow = PartScan::columns(&["time"]).with_predicate(ColumnPredicate::Between {
        column: "time".into(),
        min: 1500,
        max: 1510,
    });
    let found = times(&reader, &narrow);
    assert!((1500..=1510).all(|time| found.contains(&time)));
    assert!(found.len() < 1000, "pages were not pruned: {} rows", found.len());

    let key = ColumnPredicate::AnyOf {
        column: "key".into(),
        values: vec![b"key-02919".to_vec()],
    };
    let groups = reader.matching_row_groups(std::slice::from_ref(&key)).expect("groups");
    assert!(groups.len() < 5, "the bloom filter excludes nothing: {groups:?}");
    let by_key = PartScan::default().with_predicate(key);
    assert!(
        times(&reader, &by_key).contains(&1),
        "key-02919 is row 1 (7919 mod 5000)"
    );

    let absent = PartScan::default().with_predicate(ColumnPredicate::AnyOf {
        column: "key".into(),
        values: vec![b"zzz".to_vec()],
    });
    assert_eq!(times(&reader, &absent), Vec::<i64>::new());
}

#[test]
fn exact_rows_are_read_alone() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let (store, meta) = written(dir.path());
    let reader = store.open(&meta).expect("open");
    let rows = vec![0, 1, 999, 1000, 2500, 4999];
    let scan = PartScan {
        rows: Some(rows.clone()),
        ..PartScan::columns(&["time", "body"])
    };
    assert_eq!(
        times(&reader, &scan),
        rows.iter().map(|&row| row as i64).collect::<Vec<_>>()
    );
    let none = PartScan {
        rows: Some(Vec::new()),
        ..PartScan::default()
    };
    assert_eq!(times(&reader, &none), Vec::<i64>::new());
}

#[test]
fn a_damaged_part_is_recognised_and_set_aside() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let (store, meta) = written(dir.path());
    let file = dir.path().join(&meta.path);
    let mut bytes = std::fs::read(&file).expect("read");
    *bytes.get_mut(100).expect("inside") ^= 1;
    std::fs::write(&file, bytes).expect("write");
    let error = store.open(&meta).expect_err("damaged");
    assert!(error.is_corrupt(), "{error:?}");
    store.set_aside(&meta, "test").expect("set aside");
    assert!(!file.exists());
    assert!(dir.path().join(format!("{}.corrupt", meta.path)).exists());
    assert_eq!(store.list().expect("list"), Vec::<String>::new());
}

#[test]
fn tenants_with_odd_names_have_folders() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let store = PartStore::local(dir.path(), "test").expect("open");
    for name in ["team-a", "a!b", "(x)*'y'", "..."] {
        let tenant = TenantId::new(name).expect("tenant");
        let spec = PartSpec { tenant, ..spec() };
        let meta = store.write(&format(), spec, &[batch(0..10)]).expect("write");
        assert!(dir.path().join(&meta.path).exists(), "{}", meta.path);
        let listed = store.list().expect("list");
        assert!(listed.contains(&meta.path), "{listed:?}");
        store.open(&meta).expect("open");
    }
}
