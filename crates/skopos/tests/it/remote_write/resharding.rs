//! A queue that gets more shards while it sends.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

use super::{Pusher, Samples, arrive, remote, start, status};
use crate::differential::prometheus::Prometheus;

/// Looks at the load are ten seconds apart, and the first that can tell may be the second.
const PATIENCE: Duration = Duration::from_mins(1);
/// Time between two batches of nine samples.
const PAUSE: Duration = Duration::from_millis(50);
/// How far away the other store is: a shard sends fewer than 50 requests a second.
const LATENCY: Duration = Duration::from_millis(20);

/// The long way to a store; gives the address where it begins.
async fn long_way_to(url: String) -> String {
    let router = Router::new()
        .fallback(pass_on)
        .with_state((url, reqwest::Client::new()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

async fn pass_on(
    State((url, client)): State<(String, reqwest::Client)>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    tokio::time::sleep(LATENCY).await;
    let request = client.post(format!("{url}/api/v1/write")).headers(headers).body(body);
    let answer = request.send().await.expect("an answer");
    (answer.status(), answer.text().await.expect("a text"))
}

/// Prometheus refuses what comes out of order, and a refusal is final: what is there in the end was
/// neither lost nor overtaken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_growing_load_gets_more_shards_and_loses_nothing() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let folder = tempfile::tempdir().expect("a folder");
    let prometheus = Prometheus::start(&folder.path().join("prometheus")).await;
    let rules = ", write_relabel_configs: [{source_labels: [series], regex: s9, action: drop}]";
    // A request for each sample: one shard cannot keep up.
    let narrow = remote("p", &long_way_to(prometheus.url.clone()).await, rules).replace(
        "max_samples_per_send: 300",
        "max_samples_per_send: 1, capacity: 100, min_shards: 1, max_shards: 16",
    );
    let program = start(folder.path(), &[narrow]).await;
    let shards = async || {
        let shown = status(&program, "p").await.expect("a remote");
        shown["shards"].as_u64().expect("a number")
    };
    assert_eq!(shards().await, 1);
    let mut pusher = Pusher::new();
    let deadline = Instant::now() + PATIENCE;
    while shards().await == 1 {
        assert!(Instant::now() < deadline, "no more shards");
        pusher.push_batches(&program.url, 1).await;
        tokio::time::sleep(PAUSE).await;
    }
    let before = pusher.acknowledged.len();
    pusher.push_batches(&program.url, 20).await;
    let mut sent: Samples = pusher.acknowledged.clone();
    sent.retain(|(series, _), _| series != "s9");
    println!(
        "{before} samples until there were {} shards, {} to send in all",
        shards().await,
        sent.len()
    );
    arrive(&prometheus.url, &sent).await;
    let shown = status(&program, "p").await.expect("a remote");
    assert_eq!(shown["failed"], 0, "{shown}");
}
