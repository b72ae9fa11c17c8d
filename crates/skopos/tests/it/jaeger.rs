//! Jaeger's collector in the built program: what clients of Jaeger and our own services send is found again.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use skopos_wire::jaeger::{Batch, PostSpansRequest, PostSpansResponse, Process, Span};
use tonic::client::Grpc;
use tonic_prost::ProstCodec;

use crate::program::{Program, command};
use crate::webhook::eventually;

/// A batch of jaeger.thrift by hand: process `by-thrift` and the span `op` of trace 1, which began at some microsecond.
fn thrift(start: i64) -> Vec<u8> {
    let mut batch = vec![12, 0, 1, 11, 0, 1, 0, 0, 0, 9]; // process, serviceName
    batch.extend(b"by-thrift\0");
    batch.extend([15, 0, 2, 12, 0, 0, 0, 1]); // a list of one span
    // The ids of the trace (low and high), the span and its parent, start and duration.
    for (field, value) in [(1, 1), (2, 0), (3, 2), (4, 0), (8, start), (9, 5)] {
        batch.extend([10, 0, field]);
        batch.extend(i64::to_be_bytes(value));
    }
    batch.extend([11, 0, 5, 0, 0, 0, 2, b'o', b'p']); // operationName
    batch.extend([8, 0, 7, 0, 0, 0, 1, 0, 0]); // flags, and the ends of span and batch
    batch
}

/// A server with the ports of Jaeger open.
async fn server(folder: &tempfile::TempDir) -> Program {
    let flags = ["jaeger-collector", "jaeger-grpc", "jaeger-query"]
        .map(|name| format!("--compat-ports.{name}-address=127.0.0.1:0"));
    let mut flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    flags.extend(["--self.scrape-interval", "0s"]);
    Program::start(folder.path(), &flags).await
}

fn url(program: &Program, name: &str) -> String {
    program
        .url_of(name)
        .unwrap_or_else(|| panic!("{name} is not in the banner"))
}

/// The JSON that Jaeger's query API gives for a path.
async fn query(program: &Program, path: &str) -> Value {
    let answer = reqwest::get(format!("{}{path}", url(program, "jaeger-query"))).await;
    answer.expect("an answer").json().await.expect("JSON")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_of_thrift_and_grpc_are_found_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = server(&folder).await;
    let now = jiff::Timestamp::now();
    let posted = reqwest::Client::new()
        .post(format!("{}/api/traces", url(&program, "jaeger-collector")))
        .header("Content-Type", "application/x-thrift")
        .body(thrift(now.as_microsecond()))
        .send()
        .await
        .expect("an answer");
    assert_eq!(posted.status(), 202);
    let trace = query(&program, "/api/traces/1").await;
    assert_eq!(
        trace["data"][0]["processes"]["p1"]["serviceName"], "by-thrift",
        "{trace}"
    );
    assert_eq!(trace["data"][0]["spans"][0]["operationName"], "op", "{trace}");

    let span = Span {
        trace_id: 2_u128.to_be_bytes().to_vec(),
        span_id: vec![2; 8],
        operation_name: "op".to_owned(),
        start_time: Some(prost_types::Timestamp {
            seconds: now.as_second(),
            nanos: 0,
        }),
        ..Span::default()
    };
    let process = Process {
        service_name: "by-grpc".to_owned(),
        tags: vec![],
    };
    let batch = Batch {
        spans: vec![span],
        process: Some(process),
    };
    let endpoint = tonic::transport::Endpoint::new(url(&program, "jaeger-grpc")).expect("a URL");
    let mut client = Grpc::new(endpoint.connect().await.expect("connects"));
    client.ready().await.expect("a connection");
    let path = http::uri::PathAndQuery::from_static("/jaeger.api_v2.CollectorService/PostSpans");
    let codec = ProstCodec::<PostSpansRequest, PostSpansResponse>::default();
    let request = tonic::Request::new(PostSpansRequest { batch: Some(batch) });
    client.unary(request, path, codec).await.expect("taken");
    let trace = query(&program, "/api/traces/2").await;
    assert_eq!(trace["data"][0]["processes"]["p1"]["serviceName"], "by-grpc", "{trace}");
    program.stop().await;
}

/// A service that is killed when the test ends.
struct Service {
    child: Child,
}

impl Drop for Service {
    fn drop(&mut self) {
        // Fails where it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A service of Arbitrage AI with Jaeger as its back end, which the SDK's exporter writes to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arbitrage_sends_its_spans_as_to_jaeger() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = server(&folder).await;
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address = free.expect("a free port").to_string();
    let mut service: Command = command();
    service
        .args([
            "fleet",
            "arbitrage",
            "marketplace-north",
            "--exit-with-parent",
            "--listen",
            &address,
        ])
        .env("APM_BACKEND", "jaeger")
        .env("JAEGER_ENDPOINT", url(&program, "jaeger-collector"))
        .env("TRACE_SAMPLE_RATE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    let _service = Service {
        child: service.spawn().expect("the service starts"),
    };
    eventually("the service answers", async || {
        let answer = reqwest::get(format!("http://{address}/v1/listings")).await.ok()?;
        answer.status().is_success().then_some(())
    })
    .await;
    let trace = eventually("its spans are there", async || {
        let found = query(&program, "/api/traces?service=marketplace-north&limit=1").await;
        found["data"].get(0).cloned()
    })
    .await;
    let spans = trace["spans"].as_array().expect("spans").iter();
    let tag = |span: &Value, key: &str| {
        let tags = span["tags"].as_array().expect("tags").iter();
        let mut tags = tags.filter(|tag| tag["key"] == key);
        tags.next().map(|tag| tag["value"].clone())
    };
    let mut served = spans.filter(|span| tag(span, "span.kind") == Some("server".into()));
    let served = served
        .next()
        .unwrap_or_else(|| panic!("no span of a server in {trace}"));
    assert_eq!(tag(served, "http.route"), Some("/v1/listings".into()), "{served}");
    assert!(tag(served, "otel.scope.name").is_some(), "{served}");
    let process = &trace["processes"][served["processID"].as_str().expect("a process")];
    let tags = process["tags"].as_array().expect("tags");
    assert!(tags.iter().any(|tag| tag["key"] == "service.version"), "{process}");
    program.stop().await;
}
