//! Loading dashboards that others wrote, and broken ones.

use std::path::PathBuf;

use crate::{DashboardStore, Problem};

fn shared() -> PathBuf {
    let fallback = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    PathBuf::from(std::env::var("SKOPOS_SHARED").unwrap_or_else(|_| fallback.to_owned()))
}

#[test]
fn every_published_dashboard_loads() {
    let folder = shared().join("real/dashboards");
    let files = std::fs::read_dir(&folder).expect("the shared dashboards are there");
    let files = files
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "json"));
    let (store, problems) = DashboardStore::load(&[("real".to_owned(), folder.clone())]);
    let duplicates = problems
        .iter()
        .filter(|problem| matches!(problem, Problem::Duplicate { .. }))
        .count();
    assert_eq!(problems.len(), duplicates, "{problems:?}");
    assert_eq!(store.list().len() + duplicates, files.count());
    assert!(store.list().iter().all(|dashboard| dashboard.panels > 0));
}

#[test]
fn broken_files_are_named_and_the_rest_loads() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    write(
        "a.json",
        r#"{"title": "A", "panels": [{"type": "row", "panels": [{"id": 1, "type": "geomap", "title": "map"}]}]}"#,
    );
    write("b.json", "{\n  \"title\": oops\n}");
    write("c.json", "[]");
    write(
        "d.json",
        r#"{"dashboard": {"uid": "a", "title": "again", "panels": []}}"#,
    );
    let (store, problems) = DashboardStore::load(&[("f".to_owned(), folder.path().to_owned())]);
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert!(texts[0].contains("b.json:2:"), "{texts:?}");
    assert!(matches!(problems[1], Problem::NoDashboard { .. }));
    assert!(matches!(problems[2], Problem::Duplicate { .. }));
    let dashboard = store.get("a").expect("loaded");
    assert_eq!((dashboard.title.as_str(), dashboard.panels), ("A", 1));
    assert!(dashboard.warnings[0].contains("geomap"), "{:?}", dashboard.warnings);
}
