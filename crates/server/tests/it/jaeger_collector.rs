//! Jaeger's collector: batches of thrift over HTTP, of protobuf over gRPC, and the ways of its pages.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, StatusCode, redirect};
use serde::Deserialize;
use serde_json::{Value, json};
use skopos_server::{ClassicApi, Role, ServerOptions};
use skopos_wire::jaeger::{Batch, KeyValue, PostSpansRequest, PostSpansResponse, Process, Span, SpanRef, SpanRefType};
use tonic::client::Grpc;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use crate::harness::{Answer, Harness, shared};

const X_THRIFT: &str = "application/x-thrift";

#[derive(Deserialize)]
struct Suite {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    content_type: String,
    body_base64: String,
    expect: Expect,
}

#[derive(Deserialize)]
struct Expect {
    status: u16,
    #[serde(default)]
    spans: Vec<ExpectedSpan>,
}

#[derive(Deserialize)]
struct ExpectedSpan {
    trace_id: String,
    span_id: String,
    operation: String,
    start_us: i64,
    duration_us: i64,
    references: Vec<ExpectedReference>,
    service: String,
    #[serde(default)]
    tags: serde_json::Map<String, Value>,
}

#[derive(Deserialize)]
struct ExpectedReference {
    r#type: String,
    trace_id: String,
    span_id: String,
}

fn cases() -> Vec<Case> {
    let suite: Suite = serde_saphyr::from_str(&shared("conformance/jaeger/thrift_http.yaml")).expect("YAML");
    suite.cases
}

/// The body of the first case that is taken: two spans of the service `api`.
fn thrift() -> Vec<u8> {
    let case = cases().into_iter().find(|case| case.expect.status == 202);
    STANDARD.decode(case.expect("a case").body_base64).expect("base64")
}

fn port(harness: &Harness, api: ClassicApi) -> String {
    let open = harness.classic.iter().find(|(other, _)| *other == api);
    format!("http://{}", open.expect("the port is open").1)
}

async fn post(harness: &Harness, url: &str, content_type: &str, body: Vec<u8>) -> Answer {
    let request = harness.client.post(url).header("Content-Type", content_type).body(body);
    Answer::of(request).await
}

/// A trace id or span id as Jaeger shows trace ids.
fn short(id: &str) -> &str {
    id.strip_prefix("0000000000000000").unwrap_or(id)
}

/// The tags of a span of the query API but those that its fields give.
fn shown_tags(span: &Value) -> serde_json::Map<String, Value> {
    let tags = span["tags"].as_array().expect("tags").iter();
    tags.map(|tag| {
        let key = tag["key"].as_str().expect("a key").to_owned();
        (key, json!({ "type": tag["type"], "value": tag["value"] }))
    })
    .collect()
}

/// `conformance/jaeger/thrift_http.yaml`, in by the collector's port and out by the query API's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_of_thrift_come_back_as_jaeger_shows_them() {
    let harness = Harness::start().await;
    let collector = port(&harness, ClassicApi::JaegerCollector);
    for case in cases() {
        let body = STANDARD.decode(&case.body_base64).expect("base64");
        let answer = post(&harness, &format!("{collector}/api/traces"), &case.content_type, body).await;
        assert_eq!(
            answer.status.as_u16(),
            case.expect.status,
            "{}: {}",
            case.id,
            answer.body
        );
        for expected in case.expect.spans {
            let query = port(&harness, ClassicApi::JaegerQuery);
            let url = format!("{query}/api/traces/{}?raw=true", expected.trace_id);
            let trace = Answer::of(harness.client.get(url)).await.json()["data"][0].clone();
            let spans = trace["spans"].as_array().expect("spans").iter();
            let mut spans = spans.filter(|span| span["spanID"] == expected.span_id.as_str());
            let span = spans.next().expect("the span");
            assert_eq!(span["operationName"], expected.operation.as_str());
            assert_eq!(span["startTime"], expected.start_us);
            assert_eq!(span["duration"], expected.duration_us);
            let process = span["processID"].as_str().expect("a process");
            assert_eq!(trace["processes"][process]["serviceName"], expected.service.as_str());
            let references = expected.references.iter().map(|reference| {
                json!({
                    "refType": reference.r#type.to_uppercase(),
                    "traceID": short(&reference.trace_id),
                    "spanID": reference.span_id,
                })
            });
            assert_eq!(span["references"], references.collect::<Value>(), "{}", case.id);
            assert_eq!(shown_tags(span), expected.tags, "{}", case.id);
        }
    }
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thrift_is_taken_packed_for_a_tenant_and_on_the_main_port() {
    let harness = Harness::start().await;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&thrift()).expect("in memory");
    let request = harness
        .post("/api/traces?format=jaeger.thrift")
        .header("Content-Type", format!("{X_THRIFT}; charset=x"))
        .header("Content-Encoding", "gzip")
        .header("X-Scope-OrgID", "acme")
        .body(packed.finish().expect("in memory"));
    let answer = Answer::of(request).await;
    assert_eq!(
        (answer.status, answer.bytes.len()),
        (StatusCode::ACCEPTED, 0),
        "{}",
        answer.body
    );
    let services = async |tenant: &str| {
        let asked = harness.get("/jaeger/api/services").header("X-Scope-OrgID", tenant);
        Answer::of(asked).await.json()["data"].clone()
    };
    assert_eq!(services("acme").await, json!(["api"]));
    assert_eq!(services("other").await, json!([]));
    let ledger = harness.json("/api/skopos/ledger", &[]).await;
    let entry = &ledger["entries"][0];
    assert_eq!(
        (&entry["tenant"], &entry["door"], &entry["outcome"], &entry["count"]),
        (&json!("acme"), &json!("jaeger_http"), &json!("stored"), &json!(2)),
        "{ledger}"
    );
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_is_told_in_jaegers_words_and_counted() {
    let harness = Harness::with(ServerOptions {
        max_body_bytes: 1000,
        ..ServerOptions::default()
    })
    .await;
    let url = format!("{}/api/traces", port(&harness, ClassicApi::JaegerCollector));
    for (content_type, body, status, text) in [
        (
            "application/json",
            vec![],
            400,
            "Unsupported content type: application/json\n",
        ),
        ("", vec![], 400, "Cannot parse content type: mime: no media type\n"),
        (
            X_THRIFT,
            vec![],
            400,
            "Unable to process request body: unexpected end of the body\n",
        ),
        (
            X_THRIFT,
            vec![0],
            400,
            "Unable to process request body: Required field Process is not set\n",
        ),
        (
            X_THRIFT,
            vec![0; 1001],
            413,
            "Unable to process request body: request body too large: limit 1000 bytes\n",
        ),
    ] {
        let answer = post(&harness, &url, content_type, body).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (status, text));
    }
    let ledger = harness.json("/api/skopos/ledger", &[]).await;
    assert_eq!(ledger["entries"][0]["reason"], "invalid_body", "{ledger}");
    assert_eq!(ledger["entries"][0]["count"], 2, "{ledger}");
    let got = Answer::of(harness.client.get(&url)).await;
    assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED);
    harness.stop().await;
}

fn batch(spans: Vec<Span>) -> PostSpansRequest {
    PostSpansRequest {
        batch: Some(Batch {
            spans,
            process: Some(Process {
                service_name: "shop".to_owned(),
                tags: vec![],
            }),
        }),
    }
}

fn span(id: u8) -> Span {
    Span {
        trace_id: vec![7; 16],
        span_id: vec![id; 8],
        operation_name: format!("op-{id}"),
        start_time: Some(prost_types::Timestamp {
            seconds: 1_700_000_000,
            nanos: 1000,
        }),
        ..Span::default()
    }
}

async fn post_spans(url: &str, request: Request<PostSpansRequest>) -> Result<PostSpansResponse, Status> {
    let channel = tonic::transport::Endpoint::new(url.to_owned()).expect("a URL");
    let mut client = Grpc::new(channel.connect().await.expect("connects"));
    client.ready().await.expect("a connection");
    let path = http::uri::PathAndQuery::from_static("/jaeger.api_v2.CollectorService/PostSpans");
    let codec = ProstCodec::<PostSpansRequest, PostSpansResponse>::default();
    client
        .unary(request, path, codec)
        .await
        .map(tonic::Response::into_inner)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpc_takes_batches() {
    let harness = Harness::start().await;
    let url = port(&harness, ClassicApi::JaegerGrpc);
    let child = Span {
        references: vec![SpanRef {
            trace_id: vec![7; 16],
            span_id: vec![1; 8],
            ref_type: SpanRefType::ChildOf.into(),
        }],
        tags: vec![KeyValue {
            key: "error".to_owned(),
            v_type: 1,
            v_bool: true,
            ..KeyValue::default()
        }],
        ..span(2)
    };
    let without_id = Span {
        span_id: vec![],
        ..span(3)
    };
    let request = Request::new(batch(vec![span(1), child, without_id]));
    post_spans(&url, request).await.expect("taken");
    let trace = harness
        .json("/jaeger/api/traces/07070707070707070707070707070707?raw=true", &[])
        .await;
    let spans = trace["data"][0]["spans"].as_array().expect("spans");
    assert_eq!(spans.len(), 2, "{trace}");
    assert_eq!(spans[0]["startTime"], 1_700_000_000_000_001_i64);
    let child = spans
        .iter()
        .find(|span| span["operationName"] == "op-2")
        .expect("the child");
    assert_eq!(child["references"][0]["spanID"], "0101010101010101");
    assert_eq!(shown_tags(child)["otel.status_code"]["value"], "ERROR");
    let ledger = harness.json("/api/skopos/ledger", &[]).await;
    let entries = ledger["entries"].as_array().expect("entries").iter();
    let counted: Vec<(&str, &Value)> = entries
        .map(|entry| (entry["outcome"].as_str().expect("a word"), &entry["count"]))
        .collect();
    assert!(counted.contains(&("stored", &json!(2))), "{ledger}");
    assert!(counted.contains(&("rejected", &json!(1))), "{ledger}");

    let mut request = Request::new(batch(vec![span(4)]));
    let tenant = "a/b".parse().expect("ASCII");
    request.metadata_mut().insert("x-scope-orgid", tenant);
    let refused = post_spans(&url, request).await.expect_err("no tenant");
    assert_eq!(refused.code(), Code::InvalidArgument);
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_takes_no_spans() {
    let harness = Harness::with(ServerOptions {
        role: Role::Agent,
        ..ServerOptions::default()
    })
    .await;
    let url = format!("{}/api/traces", port(&harness, ClassicApi::JaegerCollector));
    let answer = post(&harness, &url, X_THRIFT, thrift()).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
    let refused = post_spans(
        &port(&harness, ClassicApi::JaegerGrpc),
        Request::new(batch(vec![span(1)])),
    )
    .await;
    assert_eq!(refused.expect_err("an agent").code(), Code::Unimplemented);
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_of_jaeger_lead_to_ours() {
    let client = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .build()
        .expect("a client");
    let harness = Harness::start().await;
    let jaeger = port(&harness, ClassicApi::JaegerQuery);
    for (asked, ours) in [
        ("/", "/explore/traces"),
        (
            "/search?service=shop&lookback=1h",
            "/explore/traces?service=shop&from=now-1h&to=now",
        ),
        ("/trace/ab12?uiFind=a+b&x=1", "/trace/ab12?find=a+b"),
    ] {
        let answer = client.get(format!("{jaeger}{asked}")).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
        assert_eq!(answer.headers()["location"], ours);
    }
    for path in ["", "/trace/ab12"] {
        let page = Answer::of(harness.client.get(format!("{jaeger}{path}"))).await;
        assert_eq!((page.status, page.content_type.as_str()), (StatusCode::OK, "text/html"));
    }
    harness.stop().await;
}
