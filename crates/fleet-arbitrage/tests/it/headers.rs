//! What the agents' requests carry: W3C trace context and both forms of B3, all of one trace, which is the caller's.

use std::time::Instant;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use serde_json::json;
use tokio::sync::mpsc;

use crate::process::{PATIENCE, Service, client, free_port};

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN_ID: &str = "00f067aa0ba902b7";
const STATE: &str = "vendor=1,other=2";

/// By what is set where nothing is, by what the pack sets, and by an order in which W3C is read first.
#[tokio::test(flavor = "multi_thread")]
async fn a_scan_carries_w3c_and_b3() {
    a_scan_carries_all(&[]).await;
    a_scan_carries_all(&[("OTEL_PROPAGATORS", "b3multi,b3,baggage,tracecontext")]).await;
    a_scan_carries_all(&[("OTEL_PROPAGATORS", "tracecontext,baggage,b3,b3multi")]).await;
}

async fn a_scan_carries_all(environment: &[(&str, &str)]) {
    let (sender, mut seen) = mpsc::unbounded_channel();
    let market = Router::new().fallback(move |headers: HeaderMap| {
        let sender = sender.clone();
        async move {
            drop(sender.send(headers));
            StatusCode::SERVICE_UNAVAILABLE
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let flag = format!("bazaar=http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move { axum::serve(listener, market).await });
    let app = Service::start_with("arbitrage", free_port(), &["--marketplace", &flag], environment).await;
    let task = client()
        .post(format!("{}/v1/tasks", app.url))
        .header("traceparent", format!("00-{TRACE_ID}-{SPAN_ID}-01"))
        .header("tracestate", STATE)
        .header("b3", format!("{TRACE_ID}-{SPAN_ID}-1"))
        .json(&json!({ "type": "price_watch" }));
    assert_eq!(task.send().await.expect("an answer").status(), StatusCode::ACCEPTED);
    let headers = tokio::time::timeout(PATIENCE, seen.recv())
        .await
        .expect("in time")
        .expect("a scan");
    let header = |name: &str| headers[name].to_str().expect("a text").to_owned();
    let traceparent = header("traceparent");
    let parts: Vec<&str> = traceparent.split('-').collect();
    assert_eq!(
        (parts[1], header("tracestate").as_str()),
        (TRACE_ID, STATE),
        "{environment:?}"
    );
    assert_eq!(header("b3"), format!("{}-{}-1", parts[1], parts[2]));
    assert_eq!(
        (header("x-b3-traceid"), header("x-b3-spanid")),
        (parts[1].to_owned(), parts[2].to_owned())
    );
    assert_eq!(header("x-b3-sampled"), "1");
    assert!(header("host").starts_with("bazaar:"));
    let started = Instant::now();
    let failed = [("task_type", "price_watch"), ("error_type", "marketplace.503")];
    while crate::process::value(&app.metrics().await, "task_error_total", &failed) < 1.0 {
        assert!(started.elapsed() < PATIENCE, "the failed scan is not counted");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
