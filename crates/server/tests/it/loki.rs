//! Loki: push in all forms, query back, errors as text.

use std::io::Write;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Answer, Harness};

const SECOND_NS: i64 = 1_000_000_000;

fn now_ns() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("after 1970").as_nanos() as i64
}

async fn push(harness: &Harness, body: &Value) -> Answer {
    Answer::of(harness.post("/loki/api/v1/push").json(body)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pushed_lines_are_found() {
    let harness = Harness::start().await;
    let base = now_ns() - 10 * SECOND_NS;
    let body = json!({ "streams": [{
        "stream": { "job": "api", "system": "demo" },
        "values": [
            [base.to_string(), r#"{"level":"error","msg":"boom","status":500}"#, { "trace_id": "ab12" }],
            [(base + 1).to_string(), r#"{"level":"info","msg":"fine","status":200}"#],
        ],
    }]});
    let answer = push(&harness, &body).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::NO_CONTENT, ""));

    let query = r#"{job="api"} |= "boom" | json | status >= 500"#;
    let found = harness.json("/loki/api/v1/query_range", &[("query", query)]).await;
    assert_eq!(found["data"]["resultType"], "streams");
    let stream = &found["data"]["result"][0];
    assert_eq!(stream["stream"]["service_name"], "api");
    assert_eq!(stream["stream"]["detected_level"], "error");
    assert_eq!(stream["stream"]["trace_id"], "ab12");
    assert_eq!(stream["values"][0][0], base.to_string());
    assert!(found["data"]["stats"]["summary"]["totalLinesProcessed"].is_u64());

    let counted = harness
        .json(
            "/loki/api/v1/query",
            &[("query", r#"sum by (detected_level) (count_over_time({job="api"}[5m]))"#)],
        )
        .await;
    assert_eq!(counted["data"]["result"].as_array().map(Vec::len), Some(2), "{counted}");
    check_metadata(&harness).await;
    harness.stop().await;
}

async fn check_metadata(harness: &Harness) {
    let labels = harness.json("/loki/api/v1/labels", &[]).await;
    assert_eq!(labels["data"], json!(["job", "service_name", "system"]));
    let values = harness.json("/loki/api/v1/label/job/values", &[]).await;
    assert_eq!(values["data"], json!(["api"]));
    let series = harness
        .json("/loki/api/v1/series", &[("match[]", r#"{job="api"}"#)])
        .await;
    let expected = json!([{ "job": "api", "service_name": "api", "system": "demo" }]);
    assert_eq!(series["data"], expected);
    let stats = harness
        .json("/loki/api/v1/index/stats", &[("query", r#"{job="api"}"#)])
        .await;
    assert_eq!((&stats["streams"], &stats["entries"]), (&json!(1), &json!(2)));
    let volume = harness
        .json("/loki/api/v1/index/volume", &[("query", r#"{job="api"}"#)])
        .await;
    assert_eq!(volume["data"]["result"][0]["metric"], json!({ "job": "api" }));
    let detected = harness.json("/loki/api/v1/detected_labels", &[]).await;
    assert_eq!(
        detected["detectedLabels"][0],
        json!({ "label": "job", "cardinality": 1 })
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gzip_and_categorized_labels() {
    let harness = Harness::start().await;
    let body = json!({ "streams": [{
        "stream": { "job": "packed" },
        "values": [[now_ns().to_string(), "level=warn hello", { "trace_id": "cd" }]],
    }]});
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body.to_string().as_bytes()).expect("memory");
    let request = harness
        .post("/loki/api/v1/push")
        .header("Content-Type", "application/json")
        .header("Content-Encoding", "gzip")
        .body(encoder.finish().expect("memory"));
    assert_eq!(Answer::of(request).await.status, StatusCode::NO_CONTENT);

    let request = harness
        .get("/loki/api/v1/query_range")
        .query(&[("query", r#"{job="packed"} | logfmt"#)])
        .header("X-Loki-Response-Encoding-Flags", "categorize-labels");
    let found = Answer::of(request).await.json();
    assert_eq!(found["data"]["encodingFlags"], json!(["categorize-labels"]));
    let stream = &found["data"]["result"][0];
    assert_eq!(stream["stream"], json!({ "job": "packed", "service_name": "packed" }));
    let categories = &stream["values"][0][2];
    assert_eq!(categories["structuredMetadata"]["trace_id"], "cd");
    assert_eq!(categories["parsed"], json!({ "level": "warn" }));
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_are_texts_that_help() {
    let harness = Harness::start().await;
    let broken = harness
        .post("/loki/api/v1/push")
        .header("Content-Type", "application/json")
        .body(r#"{"streams": [{"stream": "#);
    let cases = [
        (
            Answer::of(broken).await,
            StatusCode::BAD_REQUEST,
            "couldn't parse push request",
        ),
        (
            Answer::of(harness.post("/loki/api/v1/push").body("x")).await,
            StatusCode::BAD_REQUEST,
            "mime: no media type",
        ),
        (
            push(&harness, &json!({ "streams": [] })).await,
            StatusCode::UNPROCESSABLE_ENTITY,
            "at least one valid stream",
        ),
        (
            push(
                &harness,
                &json!({ "streams": [{ "stream": {}, "values": [["1", "x"]] }] }),
            )
            .await,
            StatusCode::BAD_REQUEST,
            "at least one label pair is required",
        ),
        (
            Answer::of(harness.get("/loki/api/v1/query_range").query(&[("query", "{job=")])).await,
            StatusCode::BAD_REQUEST,
            "parse error",
        ),
        (
            Answer::of(harness.get("/loki/api/v1/query").query(&[("query", r#"{job="a"}"#)])).await,
            StatusCode::BAD_REQUEST,
            "log queries are not supported as an instant query type",
        ),
        (
            Answer::of(harness.get("/loki/api/v1/series")).await,
            StatusCode::BAD_REQUEST,
            "0 matcher groups supplied",
        ),
    ];
    for (answer, status, text) in cases {
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(answer.body.contains(text), "{:?} lacks {text:?}", answer.body);
        assert!(answer.content_type.starts_with("text/plain"), "{}", answer.content_type);
    }
    let health = harness
        .json("/loki/api/v1/query", &[("query", "vector(1)+vector(1)")])
        .await;
    assert_eq!(
        health["data"]["result"][0]["value"][1], "2",
        "Grafana's health check: {health}"
    );
    harness.stop().await;
}
