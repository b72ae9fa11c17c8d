//! Loading dashboards that others wrote, and broken ones.

use std::path::PathBuf;

use crate::{Asker, DashboardStore, Language, Problem};

fn shared() -> PathBuf {
    let fallback = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    PathBuf::from(std::env::var("SKOPOS_SHARED").unwrap_or_else(|_| fallback.to_owned()))
}

fn promql(language: Language, expr: &str) -> Result<(), String> {
    match language {
        Language::PromQl => skopos_promql::parse(expr).map(drop).map_err(|error| error.to_string()),
        Language::LogQl => Ok(()),
    }
}

#[test]
fn every_published_dashboard_loads() {
    let folder = shared().join("real/dashboards");
    let files = std::fs::read_dir(&folder).expect("the shared dashboards are there");
    let files = files
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "json"));
    let (store, problems) = DashboardStore::load_checked(&[("real".to_owned(), folder.clone())], &promql);
    let duplicates = problems
        .iter()
        .filter(|problem| matches!(problem, Problem::Duplicate { .. }))
        .count();
    assert_eq!(problems.len(), duplicates, "{problems:?}");
    assert_eq!(store.list().len() + duplicates, files.count());
    assert!(store.list().iter().all(|dashboard| dashboard.panels > 0));
    assert!(store.list().iter().all(|dashboard| dashboard.schema_version.is_some()));
}

/// Published queries are right; a warning would be a fault of the stand-ins for variables.
#[test]
fn published_queries_parse() {
    let folder = shared().join("real/dashboards");
    let (store, _) = DashboardStore::load_checked(&[("real".to_owned(), folder)], &promql);
    let mut refused = Vec::new();
    for dashboard in store.list() {
        let queries = dashboard.warnings.iter().filter(|warning| warning.contains(".expr: "));
        refused.extend(queries.map(|warning| format!("{}: {warning}", dashboard.file)));
    }
    assert!(refused.is_empty(), "{} queries:\n{}", refused.len(), refused.join("\n"));
}

fn load(files: &[(&str, &str)]) -> (DashboardStore, Vec<Problem>, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("a folder");
        std::fs::write(path, text).expect("written");
    }
    let (store, problems) = DashboardStore::load_checked(&[("f".to_owned(), folder.path().to_owned())], &promql);
    (store, problems, folder)
}

#[test]
fn broken_files_are_named_and_the_rest_loads() {
    let (store, problems, _folder) = load(&[
        (
            "a.json",
            r#"{"title": "A", "panels": [{"type": "row", "panels": [{"id": 1, "type": "geomap", "title": "map"}]}]}"#,
        ),
        ("b.json", "{\n  \"title\": oops\n}"),
        ("c.json", "[]"),
        (
            "d.json",
            r#"{"dashboard": {"uid": "a", "title": "again", "panels": []}}"#,
        ),
        ("e.json", r#"{"title": "E", "elements": {}, "layout": {}}"#),
    ]);
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert!(texts[0].ends_with("b.json:2:12: expected value"), "{texts:?}");
    assert!(matches!(problems[1], Problem::NoDashboard { .. }));
    assert!(matches!(problems[2], Problem::Duplicate { .. }));
    assert!(matches!(problems[3], Problem::SecondFormat { .. }));
    let dashboard = store.get("a").expect("loaded");
    assert_eq!((dashboard.title.as_str(), dashboard.panels), ("A", 1));
    assert!(
        dashboard.warnings[0].starts_with("panel 1 \"map\": type: \"geomap\" is not drawn; choose one of"),
        "{:?}",
        dashboard.warnings
    );
}

#[test]
fn all_forms_of_export_are_read() {
    let (store, problems, _folder) = load(&[
        (
            "api.json",
            r#"{"dashboard": {"uid": "api", "title": "T", "schemaVersion": "39", "panels": []}, "meta": {}}"#,
        ),
        (
            "resource.json",
            r#"{"apiVersion": "dashboard.grafana.app/v1beta1", "kind": "Dashboard", "metadata": {"name": "res"},
                "spec": {"title": "T", "panels": []}}"#,
        ),
        (
            "inner/old.json",
            r#"{"id": null, "title": "T", "schemaVersion": 12, "rows": [{"panels": [{"type": "graph"}]}]}"#,
        ),
        ("bom.json", "\u{feff}{\"title\": \"T\", \"panels\": []}"),
    ]);
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(
        store.get("api").and_then(|dashboard| dashboard.schema_version),
        Some(39)
    );
    let old = store.get("old").expect("loaded");
    assert_eq!(
        (old.folder.as_str(), old.panels, old.schema_version),
        ("inner", 1, Some(12))
    );
    assert!(store.get("res").is_some() && store.get("bom").is_some());
}

#[test]
fn queries_are_checked_in_their_language() {
    let (store, _, _folder) = load(&[(
        "q.json",
        r#"{"title": "Q", "templating": {"list": [{"name": "ds", "type": "datasource", "query": "prometheus"}]}, "panels": [
            {"id": 1, "title": "a", "type": "stat", "datasource": "$ds", "targets": [{"expr": "up"}, {"expr": "sum(("}]},
            {"id": 2, "type": "logs", "datasource": {"type": "loki"}, "targets": [{"expr": "{a=\"b\"} |="}]},
            {"id": 3, "type": "table", "datasource": {"type": "postgres"}, "targets": [{"rawSql": "select 1"}]},
            {"id": 4, "type": "stat", "targets": [{"expr": "rate(a[$__rate_interval]) > $limit"}]},
            {"id": 5, "type": "stat", "datasource": "-- Mixed --", "targets": [{"datasource": "${ds}", "expr": "nope("}]}
        ]}"#,
    )]);
    let warnings = &store.get("q").expect("loaded").warnings;
    let starts: Vec<String> = warnings
        .iter()
        .map(|warning| warning.chars().take(44).collect())
        .collect();
    assert_eq!(
        starts,
        [
            "panel 1 \"a\": targets[1].expr: PromQL: 1:6: p",
            "panel 3 without title: targets[0].datasource",
            "panel 5 without title: targets[0].expr: Prom",
        ],
        "{warnings:#?}"
    );
}

#[test]
fn everything_that_asks_is_listed() {
    let (store, problems, _folder) = load(&[(
        "a.json",
        r#"{"title": "A", "uid": "a",
            "panels": [
                {"id": 1, "title": "CPU", "type": "timeseries", "targets": [{"expr": "rate(a[$__rate_interval])"}, {"expr": ""}]},
                {"type": "row", "panels": [{"id": 2, "title": "Logs", "datasource": {"type": "loki"}, "targets": [{"expr": "{a=\"b\"}"}]}]},
                {"id": 3, "title": "SQL", "datasource": {"type": "mysql"}, "targets": [{"expr": "select 1"}]}],
            "templating": {"list": [
                {"type": "query", "name": "job", "query": {"query": "label_values(up, job)", "refId": "x"}},
                {"type": "custom", "name": "n", "query": "1,2"},
                {"type": "query", "name": "old", "datasource": "Loki", "query": "label_values(job)"}]},
            "annotations": {"list": [{"name": "deploys", "expr": "changes(b[5m]) > 0"}, {"name": "built in"}]}}"#,
    )]);
    assert!(problems.is_empty(), "{problems:?}");
    let queries = store.get("a").expect("it is loaded").queries();
    let shown: Vec<_> = queries
        .iter()
        .map(|query| {
            (
                query.asker,
                query.panel_id,
                query.title.as_str(),
                query.language,
                query.expr.as_str(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (
                Asker::Panel,
                Some(1),
                "CPU",
                Language::PromQl,
                "rate(a[$__rate_interval])"
            ),
            (Asker::Panel, Some(2), "Logs", Language::LogQl, "{a=\"b\"}"),
            (Asker::Variable, None, "job", Language::PromQl, "label_values(up, job)"),
            (Asker::Variable, None, "old", Language::LogQl, "label_values(job)"),
            (
                Asker::Annotation,
                None,
                "deploys",
                Language::PromQl,
                "changes(b[5m]) > 0"
            ),
        ]
    );
}
