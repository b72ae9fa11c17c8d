//! A round of requests from several connections.

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::body::Body;
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;

use crate::kinds::Kind;

const CONNECTIONS: usize = 8;

/// Times of all requests, ascending, and of the round.
pub(crate) struct Round {
    pub(crate) times: Vec<Duration>,
    pub(crate) elapsed: Duration,
}

/// Fails with the first request that is not answered.
pub(crate) async fn round(address: SocketAddr, kind: &Kind, requests: usize) -> hyper::Result<Round> {
    let body = (kind.body)();
    let started = Instant::now();
    let connections: Vec<_> = (0..CONNECTIONS)
        .map(|_| tokio::spawn(connection(address, kind.path, body.clone(), requests / CONNECTIONS)))
        .collect();
    let mut times = Vec::with_capacity(requests);
    for connection in connections {
        times.extend(connection.await.expect("no panic")?);
    }
    let elapsed = started.elapsed();
    times.sort();
    Ok(Round { times, elapsed })
}

async fn connection(
    address: SocketAddr,
    path: &'static str,
    body: axum::body::Bytes,
    requests: usize,
) -> hyper::Result<Vec<Duration>> {
    let socket = tokio::net::TcpStream::connect(address).await.expect("connects");
    let (mut sender, driver) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
    tokio::spawn(driver);
    let mut times = Vec::with_capacity(requests);
    for _ in 0..requests {
        let request = http::Request::post(path)
            .header("host", "bench")
            .header("user-agent", "bench/1")
            .body(Body::from(body.clone()));
        let started = Instant::now();
        let response = sender.send_request(request.expect("a request")).await?;
        assert!(response.status().is_success(), "{path}: {}", response.status());
        black_box(response.into_body().collect().await?);
        times.push(started.elapsed());
    }
    Ok(times)
}
