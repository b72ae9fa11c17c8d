//! Tests of the state: what was written is there after opening again, and filters find it.

use crate::{Change, IncidentFilter, IncidentRow, Kind, NewNotification, NotificationFilter, StateError, StateStore};

fn put(kind: Kind, key: &str, body: &str) -> Change {
    Change {
        kind,
        key: key.to_owned(),
        body: Some(body.to_owned()),
    }
}

#[tokio::test]
async fn documents_outlive_the_store_without_a_close() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("state.db");
    let store = StateStore::open(&path).await.expect("opens");
    store
        .apply(&[
            put(Kind::Alert, "a", "1"),
            put(Kind::Alert, "b", "2"),
            put(Kind::Silence, "a", "3"),
        ])
        .await
        .expect("written");
    let remove = Change {
        kind: Kind::Alert,
        key: "a".to_owned(),
        body: None,
    };
    store
        .apply(&[put(Kind::Alert, "b", "4"), remove])
        .await
        .expect("written");
    let again = StateStore::open(&path).await.expect("opens beside the first");
    let alerts = again.documents(Kind::Alert).await.expect("read");
    assert_eq!(alerts.len(), 1);
    assert_eq!((alerts[0].key.as_str(), alerts[0].body.as_str()), ("b", "4"));
    let silence = again.document(Kind::Silence, "a").await.expect("read");
    assert_eq!(silence.as_deref(), Some("3"));
}

#[tokio::test]
async fn notifications_are_found_by_what_is_known_of_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = StateStore::open(&folder.path().join("state.db")).await.expect("opens");
    for (at_ms, receiver, outcome, name) in [
        (1, "mail", "delivered", "Down"),
        (2, "page", "failed", "DownLong"),
        (3, "mail", "failed", "Slow"),
    ] {
        let notification = NewNotification {
            at_ms,
            receiver: receiver.to_owned(),
            outcome,
            alertnames: vec![name.to_owned(), "Other".to_owned()],
            incident: (at_ms == 2).then(|| "i".to_owned()),
            body: "{}".to_owned(),
        };
        store.add_notifications(&[notification]).await.expect("written");
    }
    let times = async |filter: NotificationFilter| -> Vec<i64> {
        let filter = NotificationFilter { limit: 10, ..filter };
        let rows = store.notifications(&filter).await.expect("read");
        rows.iter().map(|row| row.at_ms).collect()
    };
    assert_eq!(times(NotificationFilter::default()).await, [3, 2, 1]);
    let some = |text: &str| Some(text.to_owned());
    let by_name = NotificationFilter {
        alertname: some("Down"),
        ..NotificationFilter::default()
    };
    assert_eq!(times(by_name).await, [1]);
    let by_receiver = NotificationFilter {
        receiver: some("mail"),
        outcome: some("failed"),
        ..NotificationFilter::default()
    };
    assert_eq!(times(by_receiver).await, [3]);
    let by_incident = NotificationFilter {
        incident: some("i"),
        ..NotificationFilter::default()
    };
    assert_eq!(times(by_incident).await, [2]);
    let before = NotificationFilter {
        before: Some(2),
        ..NotificationFilter::default()
    };
    assert_eq!(times(before).await, [1]);
    assert_eq!(store.forget_notifications(3).await.expect("written"), 2);
    assert_eq!(times(NotificationFilter::default()).await, [3]);
}

#[tokio::test]
async fn incidents_are_written_over_and_filtered() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = StateStore::open(&folder.path().join("state.db")).await.expect("opens");
    let incident = |id: &str, started_ms, resolved_ms| IncidentRow {
        id: id.to_owned(),
        started_ms,
        resolved_ms,
        service: "gateway".to_owned(),
        body: "{}".to_owned(),
    };
    store
        .save_incidents(&[incident("a", 1, None), incident("b", 2, None)])
        .await
        .expect("written");
    store
        .save_incidents(&[incident("a", 1, Some(5))])
        .await
        .expect("written");
    let open = IncidentFilter {
        is_resolved: Some(false),
        limit: 10,
        ..IncidentFilter::default()
    };
    let found = store.incidents(&open).await.expect("read");
    assert_eq!(found, [incident("b", 2, None)]);
    let since = IncidentFilter {
        from_ms: Some(1),
        to_ms: Some(2),
        limit: 10,
        ..IncidentFilter::default()
    };
    assert_eq!(
        store.incidents(&since).await.expect("read"),
        [incident("a", 1, Some(5))]
    );
    assert_eq!(store.incident("b").await.expect("read"), Some(incident("b", 2, None)));
    assert_eq!(store.forget_incidents(6).await.expect("written"), 1);
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("state.db");
    let store = StateStore::open(&path).await.expect("opens");
    sqlx::query("PRAGMA user_version = 99")
        .execute(&store.pool)
        .await
        .expect("written");
    store.close().await;
    let error = StateStore::open(&path).await.expect_err("refused");
    assert!(matches!(error, StateError::Newer { found: 99, .. }), "{error}");
    std::fs::write(
        &path,
        "this is no database, but it is long enough to be read as one by mistake",
    )
    .expect("written");
    let error = StateStore::open(&path).await.expect_err("refused");
    assert!(error.to_string().contains("state.db"), "{error}");
}
