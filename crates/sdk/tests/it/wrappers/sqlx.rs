//! Queries through a pool of sqlx are observed, whichever way their rows are taken.

use futures_util::TryStreamExt;
use opentelemetry::trace::Status;
use skopos_sdk::database::DatabaseTracer;
use skopos_sdk::database::sqlx::TracedPool;
use sqlx::Row;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::SqlitePoolOptions;

use crate::support::wait_until;

use super::recorded::{Recorded, attribute};
use super::servers::{self, Server};

async fn pool(tracer: DatabaseTracer) -> TracedPool<sqlx::Sqlite> {
    // A database in memory belongs to one connection.
    let options = SqlitePoolOptions::new().max_connections(1);
    TracedPool::new(options.connect("sqlite::memory:").await.expect("opens"), tracer)
}

#[tokio::test]
async fn every_way_of_executing_is_observed_once() {
    let recorded = Recorded::start();
    let pool = pool(DatabaseTracer::with_meter("sqlite", &recorded.meter).namespace("memory")).await;
    sqlx::query("CREATE TABLE agents (name TEXT UNIQUE)")
        .execute(&pool)
        .await
        .expect("created");
    let insert = "INSERT INTO agents VALUES (?)";
    for name in ["secret-a", "secret-b"] {
        sqlx::query(insert).bind(name).execute(&pool).await.expect("inserted");
    }
    let all = sqlx::query("SELECT name FROM agents")
        .fetch_all(&pool)
        .await
        .expect("read");
    assert_eq!(all.len(), 2);
    let one = sqlx::query("SELECT name FROM agents WHERE name = 'secret-b'")
        .fetch_one(&pool)
        .await
        .expect("read");
    assert_eq!(one.get::<String, _>(0), "secret-b");
    let mut rows = sqlx::query("SELECT name FROM agents ORDER BY name").fetch(&pool);
    rows.try_next().await.expect("read").expect("a row");
    drop(rows);
    let twice = sqlx::query(insert).bind("secret-a").execute(&pool).await;
    twice.expect_err("the name exists");

    let count = |labels: &[(&str, &str)]| recorded.count("db_client_operation_duration_seconds", labels);
    assert_eq!(count(&[("db_operation_name", "CREATE")]), 1);
    assert_eq!(count(&[("db_operation_name", "INSERT")]), 3);
    assert_eq!(count(&[("db_operation_name", "SELECT")]), 3);
    assert_eq!(
        count(&[("db_operation_name", "SELECT"), ("error_type", "cancelled")]),
        1,
        "rows left unread"
    );
    // The thread that works for SQLite holds the span a moment longer.
    wait_until("the end of all spans", || recorded.spans().len() == 7);
    let spans = recorded.spans();
    let failed = spans
        .iter()
        .find(|span| span.status != Status::Unset)
        .expect("one has failed");
    assert_eq!(attribute(failed, "db.query.summary").as_deref(), Some("INSERT agents"));
    assert_eq!(
        attribute(failed, "error.type").as_deref(),
        Some("2067"),
        "SQLITE_CONSTRAINT_UNIQUE"
    );
    assert!(!format!("{spans:?}").contains("secret"));
}

#[tokio::test]
async fn a_traced_comment_leaves_the_result_as_it_is() {
    let recorded = Recorded::start();
    let pool = pool(DatabaseTracer::with_meter("sqlite", &recorded.meter).with_trace_comments()).await;
    let row = sqlx::query("SELECT ? + 1")
        .bind(41)
        .fetch_one(&pool)
        .await
        .expect("computed");
    assert_eq!(row.get::<i64, _>(0), 42);
    wait_until("the end of the span", || recorded.spans().len() == 1);
    assert_eq!(
        attribute(&recorded.span("SELECT"), "db.query.text").as_deref(),
        Some("SELECT ? + ?")
    );
}

/// A pool on a real server. It listens before it serves, and the pool asks again until it does.
fn postgres_pool(server: &Server, tracer: DatabaseTracer) -> TracedPool<sqlx::Postgres> {
    let options = PgConnectOptions::new()
        .socket(server.folder())
        .username("postgres")
        .database("postgres");
    let pool = PgPoolOptions::new().max_connections(2).connect_lazy_with(options);
    TracedPool::new(pool, tracer)
}

#[tokio::test]
async fn postgresql_is_observed_with_its_own_codes() {
    let server = servers::postgres();
    let recorded = Recorded::start();
    let tracer = DatabaseTracer::with_meter("postgresql", &recorded.meter).namespace("postgres");
    let pool = postgres_pool(&server, tracer);
    sqlx::query("CREATE TABLE entries (account text PRIMARY KEY, total bigint)")
        .execute(&pool)
        .await
        .expect("created");
    let insert = "INSERT INTO entries VALUES ($1, $2)";
    for account in ["secret-a", "secret-b"] {
        let inserted = sqlx::query(insert).bind(account).bind(17_i64).execute(&pool).await;
        assert_eq!(inserted.expect("inserted").rows_affected(), 1);
    }
    let total: i64 = sqlx::query_scalar("SELECT total FROM entries WHERE account = 'secret-b' AND total > 3")
        .fetch_one(&pool)
        .await
        .expect("read");
    assert_eq!(total, 17);
    let all = sqlx::query("SELECT account FROM entries ORDER BY account")
        .fetch_all(&pool)
        .await;
    assert_eq!(all.expect("read").len(), 2);
    let twice = sqlx::query(insert).bind("secret-a").bind(1_i64).execute(&pool).await;
    twice.expect_err("the account exists");

    let count = |labels: &[(&str, &str)]| recorded.count("db_client_operation_duration_seconds", labels);
    assert_eq!(count(&[("db_operation_name", "CREATE")]), 1);
    assert_eq!(count(&[("db_operation_name", "INSERT")]), 3);
    assert_eq!(count(&[("db_operation_name", "SELECT")]), 2);
    assert_eq!(count(&[("error_type", "23505")]), 1, "unique_violation");
    wait_until("the end of all spans", || recorded.spans().len() == 6);
    let spans = recorded.spans();
    let failed = spans.iter().find(|span| span.status != Status::Unset);
    let failed = failed.expect("one has failed");
    assert_eq!(attribute(failed, "error.type").as_deref(), Some("23505"));
    assert_eq!(attribute(failed, "db.system.name").as_deref(), Some("postgresql"));
    let read = recorded.span("SELECT entries");
    assert_eq!(
        attribute(&read, "db.query.text").as_deref(),
        Some("SELECT total FROM entries WHERE account = ? AND total > ?")
    );
    assert!(!format!("{spans:?}").contains("secret"));
}

#[tokio::test]
async fn postgresql_sees_the_trace_in_a_comment() {
    let server = servers::postgres();
    let recorded = Recorded::start();
    let tracer = DatabaseTracer::with_meter("postgresql", &recorded.meter).with_trace_comments();
    let pool = postgres_pool(&server, tracer);
    let own = "SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid() AND $1 = 1";
    let seen: String = sqlx::query_scalar(own)
        .bind(1_i32)
        .fetch_one(&pool)
        .await
        .expect("one row");
    wait_until("the end of the span", || recorded.spans().len() == 1);
    let span = recorded.span("SELECT pg_stat_activity");
    let (trace_id, span_id) = (span.span_context.trace_id(), span.span_context.span_id());
    assert_eq!(seen, format!("{own} /*traceparent='00-{trace_id}-{span_id}-01'*/"));
}
