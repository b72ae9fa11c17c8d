//! Every case of `conformance/otlp/receiver.yaml`.

use std::io::Write;

use base64::Engine as _;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use skopos_core::TenantId;
use skopos_core::ledger::{Outcome, Signal};

use crate::harness::{Answer, Harness, shared};

#[derive(Deserialize)]
struct Suite {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    request: Request,
    expect: Expect,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    path: String,
    content_type: Option<String>,
    json: Option<Value>,
    body: Option<String>,
    body_base64: Option<String>,
    body_spaces: Option<usize>,
    encode: Option<String>,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    repeat: Option<usize>,
    json_nested_kvlist: Option<usize>,
}

#[derive(Deserialize)]
struct Expect {
    status: Option<u16>,
    #[serde(default)]
    status_in: Vec<u16>,
    content_type: Option<String>,
    json: Option<Value>,
    #[serde(default)]
    json_has: Vec<String>,
    spans: Option<u64>,
    log_records: Option<u64>,
    data_points: Option<u64>,
    rejected: Option<u64>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_receiver_answers_as_specified() {
    let suite: Suite = serde_saphyr::from_str(&shared("conformance/otlp/receiver.yaml")).expect("the suite is YAML");
    assert!(suite.cases.len() > 40, "all cases are there");
    let mut failures = Vec::new();
    for case in &suite.cases {
        // A server of its own, so that what is stored is the case's.
        let harness = Harness::start().await;
        if let Err(difference) = check(&harness, case).await {
            failures.push(format!("{}: {difference}", case.id));
        }
        harness.stop().await;
    }
    assert!(
        failures.is_empty(),
        "{} cases differ:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

async fn check(harness: &Harness, case: &Case) -> Result<(), String> {
    let mut answer = send(harness, &case.request).await;
    for _ in 1..case.request.repeat.unwrap_or(1) {
        answer = send(harness, &case.request).await;
    }
    let expect = &case.expect;
    let status = answer.status.as_u16();
    if expect.status.is_some_and(|expected| expected != status) {
        return Err(format!(
            "status {status} instead of {:?}: {}",
            expect.status, answer.body
        ));
    }
    if !expect.status_in.is_empty() && !expect.status_in.contains(&status) {
        return Err(format!(
            "status {status} is none of {:?}: {}",
            expect.status_in, answer.body
        ));
    }
    if let Some(content_type) = &expect.content_type
        && !answer.content_type.starts_with(content_type.as_str())
    {
        return Err(format!("content type {:?}", answer.content_type));
    }
    if let Some(expected) = &expect.json
        && answer.json() != *expected
        && answer.json() != json!({ "partialSuccess": {} })
    {
        return Err(format!("body {}", answer.body));
    }
    if let Some(key) = expect.json_has.iter().find(|key| answer.json()[key.as_str()].is_null()) {
        return Err(format!("{} lacks {key}", answer.body));
    }
    stored(harness, expect, &answer)
}

fn stored(harness: &Harness, expect: &Expect, answer: &Answer) -> Result<(), String> {
    // A data point of these cases is one sample.
    let expected = [
        (Signal::Traces, expect.spans),
        (Signal::Logs, expect.log_records),
        (Signal::Metrics, expect.data_points),
    ];
    for (signal, expected) in expected {
        let count = count(harness, signal, Outcome::Stored);
        if expected.is_some_and(|expected| expected != count) {
            return Err(format!("{count} of {} stored instead of {expected:?}", signal.as_str()));
        }
    }
    if let Some(rejected) = expect.rejected {
        let told = &answer.json()["partialSuccess"]["rejectedSpans"];
        if *told != json!(rejected.to_string()) || count(harness, Signal::Traces, Outcome::Rejected) != rejected {
            return Err(format!("rejected {told} instead of {rejected}"));
        }
    }
    Ok(())
}

fn count(harness: &Harness, signal: Signal, outcome: Outcome) -> u64 {
    let lines = harness.ledger.snapshot();
    let matching = lines
        .iter()
        .filter(|(key, _)| key.signal == signal && key.outcome == outcome && key.tenant == TenantId::default());
    matching.map(|(_, count)| count).sum()
}

async fn send(harness: &Harness, request: &Request) -> Answer {
    let method: Method = request.method.parse().expect("a method");
    let url = format!("http://{}{}", harness.otlp_http, request.path);
    let mut builder = harness.client.request(method, url);
    if let Some(content_type) = &request.content_type {
        builder = builder.header("Content-Type", content_type);
    }
    let mut headers = request.headers.clone();
    let body = body(request);
    let body = match request.encode.as_deref() {
        None => body,
        Some(encoding) => {
            headers
                .entry("Content-Encoding".to_owned())
                .or_insert_with(|| encoding.to_owned());
            encode(encoding, &body)
        }
    };
    for (name, value) in &headers {
        builder = builder.header(name, value);
    }
    Answer::of(builder.body(body)).await
}

fn body(request: &Request) -> Vec<u8> {
    if let Some(depth) = request.json_nested_kvlist {
        return nested(depth).into_bytes();
    }
    let mut body = match (&request.json, &request.body, &request.body_base64) {
        (Some(json), _, _) => json.to_string().into_bytes(),
        (_, Some(text), _) => text.clone().into_bytes(),
        (_, _, Some(packed)) => base64::engine::general_purpose::STANDARD
            .decode(packed)
            .expect("base64"),
        _ => Vec::new(),
    };
    if let Some(length) = request.body_spaces {
        body.resize(length, b' ');
    }
    body
}

fn nested(depth: usize) -> String {
    let open = r#"{"kvlistValue":{"values":[{"key":"k","value":"#.repeat(depth);
    let close = "}]}}".repeat(depth);
    format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"5b8efff798038103d269b633813fc60c",
        "spanId":"eee19b7ec3c1b174","name":"op","attributes":[{{"key":"a","value":{open}{{"intValue":"1"}}{close}}}]
        }}]}}]}}]}}"#
    )
}

fn encode(encoding: &str, body: &[u8]) -> Vec<u8> {
    match encoding {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(body).expect("memory");
            encoder.finish().expect("memory")
        }
        "zstd" => zstd::encode_all(body, 1).expect("memory"),
        other => panic!("the suite has no encoding {other}"),
    }
}
