//! Replays requests that were put to a real Prometheus over the same samples.

use std::collections::BTreeMap;

use reqwest::{Client, Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use skopos_core::metric::{MetricBatch, MetricSample, MetricValue, SeriesBatch};
use skopos_core::sample::STALE_NAN;
use skopos_core::{Labels, TenantId};
use skopos_server::Stores as _;

use crate::harness::{Answer, Harness, shared, without_lifecycle};

#[derive(Deserialize)]
struct Probe {
    method: String,
    path: String,
    params: Vec<(String, String)>,
    status: u16,
    content_type: Option<String>,
    body: Option<Value>,
    body_text: Option<String>,
    body_keys: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct DatasetHead {
    t0_ms: i64,
    step_ms: i64,
}

#[derive(Deserialize)]
struct DatasetSeries {
    labels: BTreeMap<String, String>,
    values: Vec<Value>,
}

/// Every probe of `conformance/promql/http_probes.json`: status, content type and body.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_are_answered_as_by_prometheus() {
    let harness = Harness::with(without_lifecycle()).await;
    load_dataset(&harness);
    let probes: Vec<Probe> =
        serde_json::from_str(&shared("conformance/promql/http_probes.json")).expect("probes are JSON");
    assert!(probes.len() > 50, "all probes are there");
    let mut failures = Vec::new();
    for probe in &probes {
        if let Err(difference) = check(&harness, probe).await {
            failures.push(format!(
                "{} {} {:?}\n  {difference}",
                probe.method, probe.path, probe.params
            ));
        }
    }
    assert!(
        failures.is_empty(),
        "{} probes differ:\n{}",
        failures.len(),
        failures.join("\n")
    );
    harness.stop().await;
}

async fn check(harness: &Harness, probe: &Probe) -> Result<(), String> {
    let method: Method = probe.method.parse().expect("a method");
    let request = harness.client.request(method.clone(), harness.url(&probe.path));
    let request = match method {
        Method::POST => request.form(&probe.params),
        _ => request.query(&probe.params),
    };
    let answer = Answer::of(request).await;
    if answer.status.as_u16() != probe.status {
        return Err(format!(
            "status {} instead of {}: {}",
            answer.status, probe.status, answer.body
        ));
    }
    if let Some(content_type) = &probe.content_type
        && *content_type != answer.content_type
    {
        return Err(format!(
            "content type {:?} instead of {content_type:?}",
            answer.content_type
        ));
    }
    match probe {
        Probe { body: Some(body), .. } => same_json(body, &answer),
        Probe {
            body_text: Some(text), ..
        } if *text != answer.body => Err(format!("body {:?} instead of {text:?}", answer.body)),
        Probe {
            body_keys: Some(keys), ..
        } => same_keys(keys, &answer),
        _ => Ok(()),
    }
}

/// The answers were recorded before Prometheus named the two series of a many-to-many match in the
/// order of their labels, as its `operators.test` asks now: recorded ones are put in that order, ours
/// must have it.
fn sort_named_duplicates(body: &mut Value) {
    let Some(text) = body.get("error").and_then(Value::as_str) else {
        return;
    };
    let Some((before, pair, after)) = text
        .starts_with("found duplicate series")
        .then(|| text.split_once(": [").zip(text.split_once("];")))
        .flatten()
        .and_then(|((before, rest), (_, after))| Some((before, rest.split_once("];")?.0, after)))
    else {
        return;
    };
    let mut named: Vec<&str> = pair.split("}, ").map(|series| series.trim_end_matches('}')).collect();
    named.sort_unstable();
    body["error"] = format!("{before}: [{}}}];{after}", named.join("}, ")).into();
}

fn same_json(expected: &Value, answer: &Answer) -> Result<(), String> {
    let (mut expected, mut body) = (expected.clone(), answer.json());
    sort_named_duplicates(&mut expected);
    // Timings differ from run to run, and engines load different samples: only that they are told
    // counts.
    for value in [&mut expected, &mut body] {
        for stats in ["/data/stats/timings", "/data/stats/samples"] {
            if let Some(stats) = value.pointer_mut(stats) {
                let keys: Option<Vec<String>> = stats.as_object().map(|stats| stats.keys().cloned().collect());
                *stats = Value::from(keys.unwrap_or_default());
            }
        }
    }
    if expected == body {
        return Ok(());
    }
    Err(format!("body {body}\n  instead of {expected}"))
}

fn same_keys(expected: &[String], answer: &Answer) -> Result<(), String> {
    let body = answer.json();
    let data = body["data"].as_object().ok_or("data is no object")?;
    let mut keys: Vec<&String> = data.keys().collect();
    keys.sort();
    if keys == expected.iter().collect::<Vec<_>>() {
        return Ok(());
    }
    Err(format!("keys {keys:?} instead of {expected:?}"))
}

/// Loads `conformance/promql/diff/dataset.jsonl`, over which the probes were put.
fn load_dataset(harness: &Harness) {
    let text = shared("conformance/promql/diff/dataset.jsonl");
    let mut lines = text.lines();
    let head: DatasetHead = serde_json::from_str(lines.next().expect("a head")).expect("JSON");
    let series = lines.map(|line| serde_json::from_str::<DatasetSeries>(line).expect("JSON"));
    let batch = MetricBatch {
        series: series.map(|series| series_batch(&head, &series)).collect(),
        metadata: Vec::new(),
    };
    let sink = harness.stores.tenant(&TenantId::default()).metric_sink;
    let report = sink.append(batch).expect("the log takes it");
    assert_eq!(report.refused_count(), 0, "{:?}", report.refused);
}

fn series_batch(head: &DatasetHead, series: &DatasetSeries) -> SeriesBatch {
    let value = |value: &Value| match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) if text == "stale" => Some(STALE_NAN),
        Value::String(text) => text.replace("Inf", "inf").parse().ok(),
        _ => None,
    };
    let samples = series.values.iter().enumerate().filter_map(|(index, json)| {
        Some(MetricSample {
            timestamp_ms: head.t0_ms + index as i64 * head.step_ms,
            value: MetricValue::Float(value(json)?),
        })
    });
    SeriesBatch {
        labels: Labels::from_pairs(&series.labels),
        samples: samples.collect(),
        ..SeriesBatch::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_tenant_and_a_large_answer_are_handled() {
    let harness = Harness::start().await;
    load_dataset(&harness);
    let refused = Answer::of(harness.get("/api/v1/labels").header("X-Scope-OrgID", "a/b")).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.body.contains("unsupported character"), "{}", refused.body);
    let other = Answer::of(harness.get("/api/v1/labels").header("X-Scope-OrgID", "team-a")).await;
    assert_eq!(other.json()["data"], serde_json::json!([]));
    let plain_client = Client::builder().no_proxy().no_gzip().build().expect("a client");
    let packed = plain_client
        .get(harness.url("/api/v1/series?match[]=demo_cpu_usage_seconds_total"))
        .header("Accept-Encoding", "gzip")
        .send()
        .await
        .expect("an answer");
    let encoding = packed.headers().get("content-encoding");
    assert_eq!(encoding.map(reqwest::header::HeaderValue::as_bytes), Some(&b"gzip"[..]));
    harness.stop().await;
}

/// The two forms of an expression: text and tree.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expressions_are_formatted_and_parsed() {
    let harness = Harness::start().await;
    let long =
        "sum by(job)(rate(http_requests_total{code=~\"5..\"}[5m])) / sum by(job)(rate(http_requests_total[5m])) > 0.01";
    let formatted = harness.json("/api/v1/format_query", &[("query", long)]).await;
    let expected = "    sum by (job) (rate(http_requests_total{code=~\"5..\"}[5m]))\n  /\n    sum by (job) (rate(http_requests_total[5m]))\n>\n  0.01";
    assert_eq!(formatted["data"], expected);

    let query = "topk(2, foo{a!=\"b\"} @ start() offset -1m) + on (x) group_left (y) rate(bar[5m])";
    let parsed = harness.json("/api/v1/parse_query", &[("query", query)]).await;
    let tree = &parsed["data"];
    assert_eq!(tree["type"], "binaryExpr");
    assert_eq!(tree["matching"]["card"], "many-to-one");
    assert_eq!(tree["matching"]["fillValues"]["lhs"], Value::Null);
    assert_eq!(tree["lhs"]["param"]["val"], "2");
    let selector = &tree["lhs"]["expr"];
    assert_eq!(selector["startOrEnd"], "start");
    assert_eq!(selector["offset"], -60_000);
    assert_eq!(selector["matchers"][1]["name"], "__name__");
    let call = &tree["rhs"];
    assert_eq!(call["func"]["argTypes"][0], "matrix");
    assert_eq!(call["args"][0]["range"], 300_000);

    let refused = Answer::of(harness.post("/api/v1/parse_query").form(&[("query", "sum(")])).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        refused.json()["error"],
        "invalid parameter \"query\": 1:5: parse error: unclosed left parenthesis"
    );
    harness.stop().await;
}
