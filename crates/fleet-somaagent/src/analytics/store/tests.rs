//! The store over a temporary file: search, licences, reports, and what a held size does.

use super::*;
use crate::analytics::reports;

fn event(subject: &str, outcome: &str, at_ms: i64) -> Event {
    Event {
        kind: "workflow".to_owned(),
        tenant: "acme".to_owned(),
        subject: subject.to_owned(),
        outcome: outcome.to_owned(),
        duration_ms: 20.0,
        at_ms,
    }
}

fn purchase(tenant: &'static str, capsule: &'static str, at_ms: i64, cents: i64) -> Purchase<'static> {
    Purchase {
        at_ms,
        tenant,
        user: "dana",
        capsule,
        cents,
    }
}

async fn rows(store: &Store, name: &str, since_ms: i64) -> Vec<(String, i64, f64)> {
    let kind = reports::find(name).expect(name);
    let report = store.report(kind, since_ms).await.expect("the statement is sound");
    report
        .rows
        .into_iter()
        .map(|row| (row.subject, row.count, row.value))
        .collect()
}

#[tokio::test]
async fn the_best_capsule_is_found_first() {
    let store = Store::open(None).await.expect("opens");
    let found = store.search("tide tables of the harbour", 3).await.expect("searches");
    assert_eq!(found[0].id, "tide-reader");
    assert!(found.len() <= 3);
    // Operators and quotes of the query language are words here.
    assert!(store.search("\" OR NEAR(", 3).await.is_ok());
    assert!(store.search("--", 3).await.expect("searches").is_empty());
}

#[tokio::test]
async fn a_purchase_gives_a_licence_to_its_tenant() {
    let store = Store::open(None).await.expect("opens");
    store
        .buy(&purchase("acme", "tide-reader", 10, 300))
        .await
        .expect("writes");
    assert!(store.has_bought("acme", "tide-reader").await.expect("reads"));
    assert!(!store.has_bought("globex", "tide-reader").await.expect("reads"));
}

#[tokio::test]
async fn reports_add_up() {
    let store = Store::open(None).await.expect("opens");
    for purchase in [
        purchase("acme", "tide-reader", 10, 300),
        purchase("globex", "tide-reader", 70_000, 300),
        purchase("acme", "cache-tuner", 80_000, 1200),
    ] {
        store.buy(&purchase).await.expect("writes");
    }
    let events = [event("build-app", "success", 10), event("build-app", "gate_failed", 20)];
    store.record(&events).await.expect("writes");
    let by_capsule = rows(&store, "revenue-by-capsule", 0).await;
    assert_eq!(
        by_capsule,
        [
            ("cache-tuner".to_owned(), 1, 1200.0),
            ("tide-reader".to_owned(), 2, 600.0)
        ]
    );
    assert_eq!(
        rows(&store, "revenue-by-tenant", 75_000).await,
        [("acme".to_owned(), 1, 1200.0)]
    );
    assert_eq!(
        rows(&store, "workflow-success", 0).await,
        [("build-app".to_owned(), 2, 0.5)]
    );
    assert_eq!(rows(&store, "sales-by-minute", 0).await.len(), 2);
    assert!(rows(&store, "capsule-executions", 0).await.is_empty());
}

#[tokio::test]
async fn what_is_old_is_removed() {
    let store = Store::open(None).await.expect("opens");
    store
        .record(&[event("a", "success", 10), event("b", "success", KEEP_MS)])
        .await
        .expect("writes");
    store.prune(KEEP_MS + 11).await.expect("removes");
    assert_eq!(rows(&store, "workflow-success", 0).await, [("b".to_owned(), 1, 1.0)]);
}

#[tokio::test]
async fn a_held_database_refuses_writes_until_it_may_grow() {
    let store = Store::open(None).await.expect("opens");
    store.hold_size(true).await.expect("a statement");
    let many: Vec<Event> = (0..500).map(|n| event("build-app", "success", n)).collect();
    let error = store.record(&many).await.expect_err("there is no room");
    assert!(error.is_full(), "{error}");
    store.hold_size(false).await.expect("a statement");
    store.record(&many).await.expect("there is room");
    assert_eq!(rows(&store, "workflow-success", 0).await[0].1, 500);
}
