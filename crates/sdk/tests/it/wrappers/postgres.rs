//! Queries of a real PostgreSQL are observed without their values, and its log leads to the trace.

use opentelemetry::trace::{SpanKind, Status};
use skopos_sdk::database::DatabaseTracer;
use skopos_sdk::database::postgres::TracedClient;
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

use super::recorded::{Recorded, attribute};
use super::servers::{self, Server};

async fn connect(server: &Server, tracer: DatabaseTracer) -> TracedClient {
    let config = format!("host={} user=postgres dbname=postgres", server.folder().display());
    // It listens before it serves.
    let (client, connection) = loop {
        match tokio_postgres::connect(&config, NoTls).await {
            Err(error) if error.code() == Some(&SqlState::CANNOT_CONNECT_NOW) => tokio::task::yield_now().await,
            connected => break connected.expect("connects"),
        }
    };
    tokio::spawn(connection);
    TracedClient::new(client, tracer)
}

#[tokio::test]
async fn queries_and_transactions_have_spans_and_durations() {
    let server = servers::postgres();
    let recorded = Recorded::start();
    let tracer = DatabaseTracer::with_meter("postgresql", &recorded.meter).namespace("postgres");
    let mut ledger = connect(&server, tracer).await;
    let table = "CREATE TABLE entries (account text PRIMARY KEY, total bigint)";
    ledger.batch_execute(table).await.expect("created");
    let transaction = ledger.transaction().await.expect("begins");
    let insert = "INSERT INTO entries VALUES ($1, $2)";
    assert_eq!(
        transaction
            .execute(insert, &[&"secret", &17_i64])
            .await
            .expect("inserted"),
        1
    );
    transaction.commit().await.expect("committed");
    let select = "SELECT total FROM entries WHERE account = 'secret' AND total > 3";
    let total: i64 = ledger.query_one(select, &[]).await.expect("one row").get(0);
    assert_eq!(total, 17);
    let twice = ledger.execute(insert, &[&"secret", &18_i64]).await;
    twice.expect_err("the account exists");

    let span = recorded.span("SELECT entries");
    assert_eq!(span.span_kind, SpanKind::Client);
    let text = attribute(&span, "db.query.text");
    assert_eq!(
        text.as_deref(),
        Some("SELECT total FROM entries WHERE account = ? AND total > ?")
    );
    assert_eq!(attribute(&span, "db.namespace").as_deref(), Some("postgres"));
    for name in ["BEGIN", "COMMIT", "CREATE entries"] {
        assert_eq!(recorded.span(name).status, Status::Unset, "{name}");
    }
    let spans = recorded.spans();
    let failed = spans
        .iter()
        .find(|span| span.status != Status::Unset)
        .expect("one has failed");
    assert_eq!(attribute(failed, "error.type").as_deref(), Some("23505"));
    assert_eq!(
        attribute(failed, "error.message").as_deref(),
        Some("ERROR 23505 entries_pkey")
    );
    let labels = [("db_operation_name", "INSERT"), ("error_type", "23505")];
    assert_eq!(recorded.count("db_client_operation_duration_seconds", &labels), 1);
    assert!(!format!("{spans:?}").contains("secret"));
}

#[tokio::test]
async fn the_server_sees_the_trace_in_a_comment() {
    let server = servers::postgres();
    let recorded = Recorded::start();
    let tracer = DatabaseTracer::with_meter("postgresql", &recorded.meter).with_trace_comments();
    let ledger = connect(&server, tracer).await;
    let own = "SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()";
    let seen: String = ledger.query_one(own, &[]).await.expect("one row").get(0);
    let span = recorded.span("SELECT pg_stat_activity");
    let (trace_id, span_id) = (span.span_context.trace_id(), span.span_context.span_id());
    assert_eq!(seen, format!("{own} /*traceparent='00-{trace_id}-{span_id}-01'*/"));
}
