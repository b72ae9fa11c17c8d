//! Kills the server under load, again and again: nothing that was acknowledged may be missing.

mod full;
mod merging;
mod target;
mod torn;
mod write;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;

use crate::program::Program;

const ROUNDS: u64 = 6;
const LOAD: Duration = Duration::from_millis(900);
const IDS_PER_ROUND: u64 = 1_000_000;
const PAGE: usize = 1000;

/// Ids that were acknowledged, by signal.
#[derive(Default)]
struct Acknowledged {
    samples: BTreeSet<u64>,
    lines: BTreeSet<u64>,
    spans: BTreeSet<u64>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut all = Acknowledged::default();
    for round in 0..ROUNDS {
        let program = Program::start(folder.path(), &["--self.scrape-interval", "0s"]).await;
        let sent = load(&program, round).await;
        program.kill();
        all.samples.extend(sent.samples);
        all.lines.extend(sent.lines);
        all.spans.extend(sent.spans);
    }
    assert!(
        all.samples.len() > 50 && all.lines.len() > 50 && all.spans.len() > 50,
        "the load was too small to prove anything"
    );
    compare(folder.path(), &all).await;
}

/// Pushes until the time is over, and keeps what the server acknowledged. The last requests are
/// still under way when the caller kills the server.
async fn load(program: &Program, round: u64) -> Acknowledged {
    let stop = Arc::new(AtomicBool::new(false));
    let first = round * IDS_PER_ROUND;
    let samples = tokio::spawn(push_until(
        program.url.clone(),
        "/api/v1/write",
        first,
        remote_write,
        Arc::clone(&stop),
    ));
    let lines = tokio::spawn(push_until(
        program.url.clone(),
        "/loki/api/v1/push",
        first,
        loki_push,
        Arc::clone(&stop),
    ));
    let spans = tokio::spawn(push_until(
        program.url.clone(),
        "/v1/traces",
        first,
        otlp_traces,
        Arc::clone(&stop),
    ));
    tokio::time::sleep(LOAD).await;
    stop.store(true, Ordering::Relaxed);
    Acknowledged {
        samples: samples.await.expect("the task ends"),
        lines: lines.await.expect("the task ends"),
        spans: spans.await.expect("the task ends"),
    }
}

type Encode = fn(&reqwest::Client, &str, u64) -> reqwest::RequestBuilder;

async fn push_until(
    url: String,
    path: &'static str,
    first: u64,
    encode: Encode,
    stop: Arc<AtomicBool>,
) -> BTreeSet<u64> {
    let client = reqwest::Client::new();
    let mut acknowledged = BTreeSet::new();
    let mut id = first;
    while !stop.load(Ordering::Relaxed) {
        let answer = encode(&client, &format!("{url}{path}"), id).send().await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            acknowledged.insert(id);
        }
        id += 1;
    }
    acknowledged
}

fn now_ns() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_nanos() as u64
}

fn remote_write(client: &reqwest::Client, url: &str, id: u64) -> reqwest::RequestBuilder {
    let now_ms = (now_ns() / 1_000_000) as i64;
    write::request(client, url, "kill_sample", id, now_ms)
}

fn loki_push(client: &reqwest::Client, url: &str, id: u64) -> reqwest::RequestBuilder {
    let entry = serde_json::json!([now_ns().to_string(), format!("id={id}")]);
    client
        .post(url)
        .json(&serde_json::json!({"streams": [{"stream": {"test": "kill"}, "values": [entry]}]}))
}

fn otlp_traces(client: &reqwest::Client, url: &str, id: u64) -> reqwest::RequestBuilder {
    let text = |text: &str| {
        Some(AnyValue {
            value: Some(any_value::Value::StringValue(text.to_owned())),
        })
    };
    let span = Span {
        trace_id: trace_id(id).to_be_bytes().to_vec(),
        span_id: (id + 1).to_be_bytes().to_vec(),
        name: "work".to_owned(),
        start_time_unix_nano: now_ns(),
        end_time_unix_nano: now_ns() + 1000,
        ..Span::default()
    };
    let resource = Resource {
        attributes: vec![KeyValue {
            key: "service.name".to_owned(),
            value: text("kill"),
            ..KeyValue::default()
        }],
        ..Resource::default()
    };
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![ScopeSpans {
                spans: vec![span],
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    };
    client
        .post(url)
        .header("Content-Type", "application/x-protobuf")
        .body(request.encode_to_vec())
}

fn trace_id(id: u64) -> u128 {
    (7 << 100) | u128::from(id)
}

/// Starts once more, reads everything back and compares.
async fn compare(folder: &Path, all: &Acknowledged) {
    let program = Program::start(folder, &["--self.scrape-interval", "0s"]).await;
    let samples: BTreeSet<u64> = write::stored(&program, "kill_sample").await.into_iter().collect();
    let lines = stored_lines(&program).await;
    let spans = stored_spans(&program, &all.spans).await;
    println!(
        "killed {ROUNDS} times; acknowledged {} samples, {} lines, {} spans; stored {} samples, {} lines, {} of those spans",
        all.samples.len(),
        all.lines.len(),
        all.spans.len(),
        samples.len(),
        lines.len(),
        spans.len()
    );
    assert_eq!(
        all.samples.difference(&samples).collect::<Vec<_>>(),
        Vec::<&u64>::new(),
        "samples are missing"
    );
    assert_eq!(
        all.lines.difference(&lines).collect::<Vec<_>>(),
        Vec::<&u64>::new(),
        "lines are missing"
    );
    assert_eq!(
        all.spans.difference(&spans).collect::<Vec<_>>(),
        Vec::<&u64>::new(),
        "spans are missing"
    );
}

/// All lines, page by page from the oldest on.
async fn stored_lines(program: &Program) -> BTreeSet<u64> {
    let mut found = BTreeSet::new();
    let mut start = now_ns() - 3_600_000_000_000;
    loop {
        let parameters = [
            ("query", r#"{test="kill"}"#.to_owned()),
            ("direction", "forward".to_owned()),
            ("start", start.to_string()),
            ("end", now_ns().to_string()),
            ("limit", PAGE.to_string()),
        ];
        let answer = program.get("/loki/api/v1/query_range", &parameters).await;
        let streams = answer["data"]["result"].as_array().expect("streams").clone();
        let entries: Vec<_> = streams
            .iter()
            .flat_map(|stream| stream["values"].as_array().expect("values").clone())
            .collect();
        for entry in &entries {
            start = start.max(entry[0].as_str().expect("text").parse::<u64>().expect("a time") + 1);
            found.insert(
                entry[1]
                    .as_str()
                    .expect("text")
                    .trim_start_matches("id=")
                    .parse()
                    .expect("an id"),
            );
        }
        if entries.len() < PAGE {
            return found;
        }
    }
}

async fn stored_spans(program: &Program, ids: &BTreeSet<u64>) -> BTreeSet<u64> {
    let client = reqwest::Client::new();
    let mut found = BTreeSet::new();
    for id in ids {
        let url = format!("{}/jaeger/api/traces/{:032x}", program.url, trace_id(*id));
        if client.get(url).send().await.expect("an answer").status().is_success() {
            found.insert(*id);
        }
    }
    found
}
