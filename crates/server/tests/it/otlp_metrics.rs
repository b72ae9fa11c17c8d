//! OTLP metrics through the doors, found again by PromQL.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Answer, Harness};

fn ns_ago(seconds: u64) -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = since.expect("after 1970").as_nanos() as u64;
    (now - seconds * 1_000_000_000).to_string()
}

fn request(metrics: &Value) -> Value {
    let attribute = |key: &str, text: &str| json!({ "key": key, "value": { "stringValue": text } });
    json!({ "resourceMetrics": [{
        "resource": { "attributes": [
            attribute("service.namespace", "shop"), attribute("service.name", "cart"),
            attribute("service.instance.id", "cart-1"), attribute("host.name", "node-7"),
        ]},
        "scopeMetrics": [{ "scope": { "name": "meter" }, "metrics": metrics }],
    }]})
}

async fn value(harness: &Harness, query: &str) -> Value {
    harness.json("/api/v1/query", &[("query", query)]).await["data"]["result"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_path_takes_metrics_and_they_are_queryable() {
    let harness = Harness::start().await;
    let on_otlp_port = format!("http://{}/v1/metrics", harness.otlp_http);
    let urls = [
        on_otlp_port,
        harness.url("/v1/metrics"),
        harness.url("/api/v1/otlp/v1/metrics"),
        harness.url("/otlp/v1/metrics"),
    ];
    for (index, url) in urls.iter().enumerate() {
        let point = json!({
            "timeUnixNano": ns_ago(1), "asDouble": 1.5,
            "attributes": [{ "key": "http.path", "value": { "intValue": index.to_string() } }],
        });
        let metrics = json!([{ "name": "load", "unit": "1", "gauge": { "dataPoints": [point] } }]);
        let answer = Answer::of(harness.client.post(url).json(&request(&metrics))).await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "{}"), "{url}");
    }
    let found = value(
        &harness,
        r#"sum(load_ratio{job="shop/cart", instance="cart-1", http_path=~"[0-3]"})"#,
    )
    .await;
    assert_eq!(found[0]["value"][1], "6", "{found}");
    let info = value(&harness, "target_info").await;
    assert_eq!(info[0]["metric"]["host_name"], "node-7", "{info}");
    let metadata = harness.json("/api/v1/metadata", &[("metric", "load_ratio")]).await;
    assert_eq!(metadata["data"]["load_ratio"][0]["type"], "gauge", "{metadata}");
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histograms_arrive_in_their_native_and_classic_forms() {
    let harness = Harness::start().await;
    let metrics = json!([
        { "name": "wait", "unit": "s", "exponentialHistogram": { "aggregationTemporality": 2, "dataPoints": [{
            "timeUnixNano": ns_ago(1), "count": "6", "sum": 9.0, "scale": 0, "zeroCount": "1",
            "positive": { "offset": 0, "bucketCounts": ["2", "3"] },
        }]}},
        { "name": "size", "unit": "By", "histogram": { "aggregationTemporality": 2, "dataPoints": [{
            "timeUnixNano": ns_ago(1), "count": "3", "sum": 9.0, "explicitBounds": [1, 10], "bucketCounts": ["1", "1", "1"],
            "exemplars": [{ "timeUnixNano": ns_ago(1), "asDouble": 5.0, "traceId": "5b8efff798038103d269b633813fc60c" }],
        }]}},
    ]);
    let answer = Answer::of(harness.post("/v1/metrics").json(&request(&metrics))).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "{}"));
    let native = value(&harness, "wait_seconds").await;
    assert_eq!(native[0]["histogram"][1]["count"], "6", "{native}");
    let bucket = value(&harness, r#"size_bytes_bucket{le="10"}"#).await;
    assert_eq!(bucket[0]["value"][1], "2", "{bucket}");
    let exemplars = harness
        .json(
            "/api/v1/query_exemplars",
            &[("query", "size_bytes_bucket"), ("start", "0"), ("end", "99999999999")],
        )
        .await;
    let labels = &exemplars["data"][0]["exemplars"][0]["labels"];
    assert_eq!(labels["trace_id"], "5b8efff798038103d269b633813fc60c", "{exemplars}");
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deltas_add_up_and_what_is_refused_is_told_and_counted() {
    let harness = Harness::start().await;
    let delta = |from: u64, to: u64| {
        let point = json!({ "startTimeUnixNano": ns_ago(from), "timeUnixNano": ns_ago(to), "asInt": "5" });
        request(&json!([
            { "name": "jobs", "sum": { "aggregationTemporality": 1, "isMonotonic": true, "dataPoints": [point] } },
        ]))
    };
    for (from, to) in [(40, 30), (30, 20), (20, 10)] {
        let answer = Answer::of(harness.post("/v1/metrics").json(&delta(from, to))).await;
        assert_eq!(answer.body, "{}");
    }
    let total = value(&harness, "jobs_total").await;
    assert_eq!(total[0]["value"][1], "15", "{total}");
    let begun = value(&harness, "min_over_time(jobs_total[5m])").await;
    assert_eq!(begun[0]["value"][1], "0", "{begun}");

    let answer = Answer::of(harness.post("/v1/metrics").json(&delta(30, 25))).await;
    let partial = &answer.json()["partialSuccess"];
    assert_eq!(partial["rejectedDataPoints"], "1", "{partial}");
    let message = partial["errorMessage"].as_str().expect("text");
    assert!(
        message.contains("1 delta_out_of_order: metric \"jobs_total\""),
        "{message}"
    );
    let ledger = harness.json("/api/skopos/ledger", &[]).await.to_string();
    assert!(ledger.contains("delta_out_of_order"), "{ledger}");
    harness.stop().await;
}
