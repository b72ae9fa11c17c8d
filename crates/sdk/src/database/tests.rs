//! No value of a statement is shown, in any dialect; names and measures follow the conventions.

use opentelemetry::trace::{SpanKind, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tracing_subscriber::prelude::*;

use super::*;

#[track_caller]
fn check(system: &'static str, sql: &str, summary: &str, text: &str) {
    let statement = Statement::read(system, sql);
    assert_eq!(statement.summary.as_deref(), Some(summary), "{sql}");
    assert_eq!(statement.text.as_deref(), Some(text), "{sql}");
}

#[test]
fn literals_of_every_dialect_become_question_marks() {
    check(
        "postgresql",
        "SELECT a, b FROM public.users u JOIN orders o ON o.uid = u.id WHERE u.name = 'O''Brien' AND o.sum > 12.5e3",
        "SELECT public.users orders",
        "SELECT a, b FROM public.users u JOIN orders o ON o.uid = u.id WHERE u.name = ? AND o.sum > ?",
    );
    check(
        "postgresql",
        "select $tag$it's secret$tag$, E'a\\'b', $1",
        "SELECT",
        "select ?, $1",
    );
    check(
        "postgresql",
        "INSERT INTO t (a) VALUES (1, 'x', X'1F', 3) -- for bob@example.test",
        "INSERT t",
        "INSERT INTO t (a) VALUES (?)",
    );
    check(
        "mysql",
        "UPDATE `t` SET a = \"secret\" WHERE b = 0x1F",
        "UPDATE `t`",
        "UPDATE `t` SET a = ? WHERE b = ?",
    );
    check(
        "sqlite",
        "/* by bob */ DELETE FROM t\n  WHERE a IN (1,2,3)",
        "DELETE t",
        "DELETE FROM t WHERE a IN (?)",
    );
    check(
        "postgresql",
        "WITH x AS (SELECT 1 FROM a) INSERT INTO b SELECT * FROM x",
        "INSERT a b x",
        "WITH x AS (SELECT ? FROM a) INSERT INTO b SELECT * FROM x",
    );
}

#[test]
fn what_cannot_be_read_is_not_shown() {
    for sql in ["SELECT 'never closed", "SELECT $a$ never closed"] {
        assert_eq!(Statement::read("postgresql", sql), Statement::default(), "{sql}");
    }
    let long = format!("SELECT '{}'", "x".repeat(64 * 1024));
    assert_eq!(Statement::read("postgresql", &long), Statement::default());
}

#[tokio::test]
async fn a_query_has_a_client_span_and_is_measured() {
    let spans = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let (registry, _provider, meter) = crate::metrics::test_meter();
    let database = DatabaseTracer::with_meter("postgresql", &meter)
        .namespace("ledger")
        .server("db", 5432);
    database
        .query("SELECT 1 FROM t", async { Ok::<_, String>(()) })
        .await
        .expect("works");
    database
        .query("DELETE FROM t", async { Err::<(), _>("locked") })
        .await
        .expect_err("fails");

    let finished = spans.get_finished_spans().expect("kept");
    let span = finished
        .iter()
        .find(|span| span.name == "SELECT t")
        .expect("named by its summary");
    assert_eq!(span.span_kind, SpanKind::Client);
    let attribute = |key: &str| {
        let found = span.attributes.iter().find(|a| a.key.as_str() == key);
        found.map(|a| a.value.to_string()).unwrap_or_default()
    };
    assert_eq!(attribute("db.system.name"), "postgresql");
    assert_eq!(attribute("db.operation.name"), "SELECT");
    assert_eq!(attribute("db.query.text"), "SELECT ? FROM t");
    assert_eq!(attribute("server.port"), "5432");

    let text = crate::metrics::render(&registry);
    let line = |operation: &str| {
        let wanted = format!(r#"db_operation_name="{operation}""#);
        text.lines()
            .find(|line| line.starts_with("db_client_operation_duration_seconds_count") && line.contains(&wanted))
            .unwrap_or_else(|| panic!("{text}"))
    };
    assert!(line("SELECT").ends_with(" 1") && !line("SELECT").contains("error_type"));
    assert!(line("DELETE").contains(r#"error_type="_OTHER""#), "{}", line("DELETE"));
}

#[test]
fn the_trace_goes_into_a_comment_behind_the_query() {
    assert_eq!(comment_with_trace("SELECT 1"), "SELECT 1", "no trace, no comment");
    let provider = SdkTracerProvider::builder().build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    tracing::info_span!("request").in_scope(|| {
        let (trace_id, span_id) = crate::active_span_ids().expect("a span is active");
        let wanted = format!("SELECT 1 /*traceparent='00-{trace_id}-{span_id}-01'*/");
        assert_eq!(comment_with_trace("SELECT 1"), wanted);
        assert_eq!(comment_with_trace("SELECT 1;"), format!("{wanted};"));
        assert_eq!(comment_with_trace("SELECT 1 /* hint */"), "SELECT 1 /* hint */");
    });
}
