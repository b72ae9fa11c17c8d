//! What sampling at 10 % saves: bytes of spans that reach a collector, for the same tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use reqwest::Client;
use serde_json::json;

use crate::process::{PATIENCE, Service, client, free_port, value};

/// Tasks of a run. Of so many traces fewer than a fifth are sampled at 10 % but for once in a hundred million runs.
const TASKS: usize = 300;

#[tokio::test(flavor = "multi_thread")]
async fn a_tenth_of_the_traces_costs_a_tenth_of_the_bytes() {
    let (all, tenth) = (bytes_of_spans("1").await, bytes_of_spans("0.1").await);
    assert!(all > 0, "nothing was exported");
    let share = tenth as f64 / all as f64;
    assert!((0.02..0.2).contains(&share), "{tenth} bytes of {all}: {share:.3}");
}

/// Bytes that a collector is sent for the tasks, from the first to the last span.
async fn bytes_of_spans(rate: &str) -> u64 {
    let received = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&received);
    let collector = Router::new().fallback(move |body: Bytes| {
        counted.fetch_add(body.len() as u64, Ordering::Relaxed);
        std::future::ready(StatusCode::OK)
    });
    let endpoint = format!("http://{}", serve(collector).await);
    let market = serve(Router::new().fallback(|| async { StatusCode::SERVICE_UNAVAILABLE })).await;
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("TRACE_SAMPLE_RATE", rate),
    ];
    let market = format!("bazaar=http://{market}");
    let app = Service::start_with("arbitrage", free_port(), &["--marketplace", &market], &environment).await;
    let (client, started) = (client(), Instant::now());
    for _ in 0..TASKS {
        submit(&client, &app.url).await;
    }
    while value(
        &app.metrics().await,
        "task_error_total",
        &[("task_type", "price_watch")],
    ) < TASKS as f64
    {
        assert!(started.elapsed() < PATIENCE, "the tasks do not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // What waits is sent at the end.
    app.end().await;
    received.load(Ordering::Relaxed)
}

/// A task that begins a trace. A full queue refuses, which costs another try and no task.
async fn submit(client: &Client, url: &str) {
    loop {
        let request = client.post(format!("{url}/v1/tasks"));
        let answer = request
            .json(&json!({ "type": "price_watch" }))
            .send()
            .await
            .expect("an answer");
        if answer.status() == StatusCode::ACCEPTED {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn serve(router: Router) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}
