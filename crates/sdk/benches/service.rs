//! An axum service under load with and without the SDK, in turns, so that noise of the machine meets both alike.
//!
//! `cargo bench -p skopos-sdk --bench service`; a round is a fixed number of requests over loopback from a fixed number
//! of connections to one server thread. Reported are the medians over the rounds of requests a second, of the 99th
//! percentile and of the server thread's processor time for a request, and the median ratio of the pairs. The processor
//! time says what a server at its limit loses, also on a machine that others keep busy. With `--test` one short round
//! runs.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use hyper_util::rt::TokioIo;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use sha2::{Digest, Sha256};
use skopos_sdk::{Observability, ObservabilityBuilder, Settings};
use tokio::runtime::Runtime;

const CONNECTIONS: usize = 8;
/// Names of the servers' threads.
const SERVERS: [&str; 2] = ["plain", "observed"];

#[derive(Debug)]
struct Sink;

impl SpanExporter for Sink {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        drop(black_box(batch));
        Ok(())
    }
}

fn sdk() -> Observability {
    let settings = Settings::from_lookup("bench", "1", |name| {
        (name == "TRACE_SAMPLE_RATE").then(|| "0.1".to_owned())
    });
    ObservabilityBuilder::new(settings.expect("valid"))
        .log_sink(Arc::new(|line| {
            black_box(line);
        }))
        .span_exporter(Sink)
        .install()
        .expect("the first set-up")
}

/// A hash over 16 KiB: what a small database row or template costs, some tens of microseconds.
async fn work() -> String {
    let digest = tracing::info_span!("digest").in_scope(|| Sha256::digest(black_box(&[7; 16 * 1024])));
    format!("{{\"digest\":\"{:02x}{:02x}\"}}", digest[0], digest[1])
}

fn router() -> Router {
    Router::new()
        .route("/work/{id}", get(work))
        .route("/ping", get(|| async { "pong" }))
}

/// A server on a thread of that name.
fn serve(name: &'static str, router: Router) -> (Runtime, SocketAddr) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name(name)
        .enable_all()
        .build()
        .expect("a runtime");
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .expect("binds");
    let address = listener.local_addr().expect("bound");
    runtime.spawn(async move { axum::serve(listener, router).await });
    (runtime, address)
}

/// Processor time of the thread of that name so far.
fn processor_time(name: &str) -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").expect("Linux");
    let of = |thread: std::fs::DirEntry| {
        let read = |file: &str| std::fs::read_to_string(thread.path().join(file)).ok();
        let nanoseconds = read("schedstat")?.split(' ').next()?.parse().ok()?;
        (read("comm")?.trim_end() == name).then(|| Duration::from_nanos(nanoseconds))
    };
    threads.flatten().filter_map(of).sum()
}

/// Times of all requests of one round, and the time of the round.
async fn load(address: SocketAddr, path: &'static str, requests: usize) -> (Vec<Duration>, Duration) {
    let started = Instant::now();
    let connections: Vec<_> = (0..CONNECTIONS)
        .map(|_| tokio::spawn(connection(address, path, requests / CONNECTIONS)))
        .collect();
    let mut times = Vec::with_capacity(requests);
    for connection in connections {
        times.extend(connection.await.expect("no panic"));
    }
    (times, started.elapsed())
}

async fn connection(address: SocketAddr, path: &'static str, requests: usize) -> Vec<Duration> {
    let socket = tokio::net::TcpStream::connect(address).await.expect("connects");
    let (mut sender, driver) = hyper::client::conn::http1::handshake(TokioIo::new(socket))
        .await
        .expect("handshake");
    tokio::spawn(driver);
    let mut times = Vec::with_capacity(requests);
    for _ in 0..requests {
        let request = http::Request::get(path)
            .header("host", "bench")
            .body(axum::body::Body::empty());
        let started = Instant::now();
        let response = sender
            .send_request(request.expect("a request"))
            .await
            .expect("an answer");
        let body = http_body_util::BodyExt::collect(response.into_body()).await;
        black_box(body.expect("a body"));
        times.push(started.elapsed());
    }
    times
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[expect(clippy::print_stdout, reason = "the result of the program")]
fn compare(
    client: &Runtime,
    plain: SocketAddr,
    observed: SocketAddr,
    path: &'static str,
    requests: usize,
    rounds: usize,
) {
    let mut rate = [Vec::new(), Vec::new()];
    let mut p99 = [Vec::new(), Vec::new()];
    let mut work = [Vec::new(), Vec::new()];
    let mut ratios = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..rounds {
        // The order turns with each round, so that neither is always the second.
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for which in order {
            let address = [plain, observed][which];
            let before = processor_time(SERVERS[which]);
            let (mut times, elapsed) = client.block_on(load(address, path, requests));
            let used = processor_time(SERVERS[which]).saturating_sub(before);
            work[which].push(used.as_secs_f64() * 1e6 / times.len() as f64);
            times.sort();
            rate[which].push(times.len() as f64 / elapsed.as_secs_f64());
            p99[which].push(times[times.len() * 99 / 100].as_secs_f64() * 1e6);
        }
        ratios[0].push(rate[1][round] / rate[0][round]);
        ratios[1].push(p99[1][round] / p99[0][round]);
        ratios[2].push(work[1][round] / work[0][round]);
    }
    println!(
        "{path}: plain {:.0} req/s p99 {:.0} µs server {:.1} µs, with the SDK {:.0} req/s p99 {:.0} µs server {:.1} µs; \
         median ratio of the pairs: throughput {:.3}, p99 {:.3}, server's time {:.3} ({rounds} pairs of {requests} requests)",
        median(rate[0].clone()),
        median(p99[0].clone()),
        median(work[0].clone()),
        median(rate[1].clone()),
        median(p99[1].clone()),
        median(work[1].clone()),
        median(ratios[0].clone()),
        median(ratios[1].clone()),
        median(ratios[2].clone()),
    );
}

fn main() {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let (requests, rounds) = if is_test { (80, 1) } else { (8000, 41) };
    let (_plain, plain) = serve(SERVERS[0], router());
    let observability = sdk();
    let layer = observability.http_layer().expect("metrics register");
    let (_observed, observed) = serve(SERVERS[1], router().layer(layer));
    let client = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    for path in ["/work/7", "/ping"] {
        compare(&client, plain, observed, path, requests, rounds);
    }
    observability.shutdown();
}
