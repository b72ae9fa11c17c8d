//! Commands of a real Redis are observed by name, and neither keys nor values are shown.

use opentelemetry::trace::{SpanKind, Status};
use redis::AsyncCommands;
use skopos_sdk::redis::TracedRedis;

use super::recorded::{Recorded, attribute};
use super::servers;

const DURATION: &str = "db_client_operation_duration_seconds";

#[tokio::test]
async fn commands_pipelines_and_errors_have_spans_and_durations() {
    let server = servers::redis();
    let recorded = Recorded::start();
    let url = format!("redis+unix://{}", server.folder().join("redis.sock").display());
    let client = redis::Client::open(url).expect("a valid address");
    let connection = client.get_connection_manager().await.expect("connects");
    let mut cache = TracedRedis::with_meter(connection, &recorded.meter).server("cache", 6379);

    cache
        .set::<_, _, ()>("secret-key", "secret-value")
        .await
        .expect("stored");
    let value: String = cache.get("secret-key").await.expect("found");
    assert_eq!(value, "secret-value");
    let mut pipeline = redis::pipe();
    pipeline.atomic().incr("n", 1).incr("n", 1);
    let counts: Vec<i64> = pipeline.query_async(&mut cache).await.expect("counted");
    assert_eq!(counts, [1, 2]);
    let wrong: redis::RedisResult<i64> = cache.lpush("secret-key", "x").await;
    wrong.expect_err("a string is no list");

    let mut pipeline = redis::pipe();
    pipeline.incr("n", 1).incr("secret-key", 1);
    pipeline
        .query_async::<Vec<i64>>(&mut cache)
        .await
        .expect_err("a text is no number");

    let span = recorded.span("GET");
    assert_eq!(span.span_kind, SpanKind::Client);
    let expected = [
        ("db.system.name", "redis"),
        ("db.namespace", "0"),
        ("db.operation.name", "GET"),
        ("server.address", "cache"),
        ("server.port", "6379"),
    ];
    for (key, value) in expected {
        assert_eq!(attribute(&span, key).as_deref(), Some(value), "{key}");
    }
    let transaction = recorded.span("MULTI INCRBY");
    assert_eq!(attribute(&transaction, "db.operation.batch.size").as_deref(), Some("2"));
    let failed = recorded.span("LPUSH");
    assert!(matches!(failed.status, Status::Error { .. }));
    assert_eq!(attribute(&failed, "error.type").as_deref(), Some("WRONGTYPE"));
    assert_eq!(
        attribute(&recorded.span("PIPELINE INCRBY"), "error.type").as_deref(),
        Some("ERR")
    );
    let labels = [("db_operation_name", "LPUSH"), ("error_type", "WRONGTYPE")];
    assert_eq!(recorded.count(DURATION, &labels), 1);
    assert_eq!(
        recorded.count(DURATION, &[("db_operation_name", "SET"), ("db_system_name", "redis")]),
        1
    );
    assert!(!format!("{:?}", recorded.spans()).contains("secret"));
}
