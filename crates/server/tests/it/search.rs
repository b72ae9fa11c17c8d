//! `/api/v1/search/*`: names that are like a text, as lines of JSON.

use reqwest::StatusCode;
use serde_json::{Value, json};
use skopos_core::metric::{MetricBatch, MetricMetadata, MetricSample, MetricType, MetricValue, SeriesBatch};
use skopos_core::{Clock as _, Labels, SystemClock, TenantId};
use skopos_server::options::SearchApi;
use skopos_server::{Role, ServerOptions, Stores as _};

use crate::harness::{Answer, Harness};

/// A server with one sample of now of each series, and one of old.
async fn harness() -> Harness {
    let harness = Harness::with(ServerOptions {
        search_api: SearchApi::Enabled,
        ..ServerOptions::default()
    })
    .await;
    let now_ms = SystemClock.now_ms();
    let names = ["http_requests_total", "http_request_seconds", "process_http_up", "up"];
    let series = names.into_iter().map(|name| (name, "prod", now_ms));
    let series = series.chain([("old_http", "test", now_ms - 2 * 3_600_000)]);
    let batch = MetricBatch {
        series: series
            .map(|(name, environment, timestamp_ms)| SeriesBatch {
                labels: Labels::from_pairs([("__name__", name), ("env", environment), ("Zone", "a")]),
                samples: vec![MetricSample {
                    timestamp_ms,
                    value: MetricValue::Float(1.0),
                }],
                ..SeriesBatch::default()
            })
            .collect(),
        metadata: vec![MetricMetadata {
            metric: "up".to_owned(),
            metric_type: MetricType::Gauge,
            help: "Whether it is up.".to_owned(),
            unit: String::new(),
        }],
    };
    let sink = harness.stores.tenant(&TenantId::default()).metric_sink;
    assert_eq!(sink.append(batch).expect("the log is writable").stored, 5);
    harness
}

/// The lines of an answer.
async fn lines(harness: &Harness, path: &str, query: &[(&str, &str)]) -> Vec<Value> {
    let answer = Answer::of(harness.get(&format!("/api/v1/search/{path}")).query(query)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.content_type, "application/x-ndjson; charset=utf-8");
    assert!(answer.body.ends_with('\n'));
    let lines = answer.body.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect()
}

fn done(has_more: bool) -> Value {
    json!({ "status": "success", "has_more": has_more })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_found_by_what_they_are_like() {
    let harness = harness().await;
    let found = lines(
        &harness,
        "metric_names",
        &[
            ("search[]", "HTTP"),
            ("case_sensitive", "false"),
            ("sort_by", "score"),
            ("batch_size", "2"),
        ],
    )
    .await;
    assert_eq!(
        found,
        [
            json!({ "results": [{ "name": "http_request_seconds" }, { "name": "http_requests_total" }] }),
            json!({ "results": [{ "name": "process_http_up" }] }),
            done(false),
        ]
    );
    let cut = lines(
        &harness,
        "metric_names",
        &[
            ("sort_by", "alpha"),
            ("sort_dir", "dsc"),
            ("limit", "1"),
            ("include_score", "true"),
            ("include_metadata", "1"),
        ],
    )
    .await;
    let up = json!({ "name": "up", "score": 1.0, "type": "gauge", "help": "Whether it is up." });
    assert_eq!(cut, [json!({ "results": [up] }), done(true)]);
    let like = lines(
        &harness,
        "metric_names",
        &[
            ("search[]", "http_reqeusts_total"),
            ("fuzz_alg", "jarowinkler"),
            ("fuzz_threshold", "95"),
        ],
    )
    .await;
    assert_eq!(
        like,
        [json!({ "results": [{ "name": "http_requests_total" }] }), done(false)]
    );
    let none = lines(&harness, "metric_names", &[("search[]", "HTTP")]).await;
    assert_eq!(none, [json!({ "results": [] }), done(false)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn labels_are_found_in_the_series_asked_for() {
    let harness = harness().await;
    let names = lines(&harness, "label_names", &[("search[]", "n")]).await;
    assert_eq!(
        names[0],
        json!({ "results": [{ "name": "Zone" }, { "name": "__name__" }, { "name": "env" }] })
    );
    let values = lines(&harness, "label_values", &[("label", "env")]).await;
    assert_eq!(
        values[0],
        json!({ "results": [{ "name": "prod" }] }),
        "of the last hour"
    );
    let values = lines(&harness, "label_values", &[("label", "env"), ("start", "0")]).await;
    assert_eq!(
        values[0],
        json!({ "results": [{ "name": "prod" }, { "name": "test" }] })
    );
    let matched = [
        ("label", "__name__"),
        ("match[]", "up"),
        ("match[]", "old_http"),
        ("match[]", "{__name__=~\"u.*\"}"),
        ("start", "0"),
    ];
    let values = lines(&harness, "label_values", &matched).await;
    assert_eq!(
        values[0],
        json!({ "results": [{ "name": "old_http" }, { "name": "up" }] }),
        "each once"
    );
    let form = [("label", "env"), ("search[]", "p")];
    let posted = Answer::of(harness.post("/api/v1/search/label_values").form(&form)).await;
    assert_eq!(posted.body.lines().next(), Some("{\"results\":[{\"name\":\"prod\"}]}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_and_what_is_off_are_told() {
    let harness = harness().await;
    let missing = Answer::of(harness.get("/api/v1/search/label_values")).await;
    assert_eq!(missing.status, StatusCode::BAD_REQUEST);
    assert_eq!(missing.json()["error"], "missing required parameter \"label\"");
    let wrong = Answer::of(harness.get("/api/v1/search/metric_names?match[]=%7B%7D")).await;
    assert_eq!(wrong.json()["errorType"], "bad_data");
    assert_eq!(
        harness.json("/api/v1/features", &[]).await["data"]["api"]["search"],
        true
    );

    let off = Harness::start().await;
    let refused = Answer::of(off.get("/api/v1/search/metric_names")).await;
    assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        refused.json(),
        json!({ "status": "error", "errorType": "unavailable", "error": "search API disabled" })
    );
    let agent = Harness::with(ServerOptions {
        role: Role::Agent,
        search_api: SearchApi::Enabled,
        ..ServerOptions::default()
    })
    .await;
    let refused = Answer::of(agent.get("/api/v1/search/label_names")).await;
    assert_eq!(refused.json()["errorType"], "execution");
}
