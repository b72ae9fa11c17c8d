//! StatsD over UDP and TCP.

use std::time::Duration;

use skopos_server::ServerOptions;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UdpSocket};

use crate::harness::Harness;

async fn quick() -> Harness {
    Harness::with(ServerOptions {
        statsd_flush_interval: Duration::from_millis(30),
        ..ServerOptions::default()
    })
    .await
}

async fn datagram(harness: &Harness, text: &str) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    socket.send_to(text.as_bytes(), harness.statsd).await.expect("sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_transports_add_up_to_series() {
    let harness = quick().await;
    datagram(
        &harness,
        "app.requests:2|c|#path:/a,env:x\napp.depth:5|g\napp.depth:+2|g\n",
    )
    .await;
    harness.until("app_requests{path=\"/a\",env=\"x\"}", "2").await;
    harness.until("app_depth", "7").await;
    let mut stream = TcpStream::connect(harness.statsd).await.expect("connects");
    stream
        .write_all(b"app.requests:1|c|@0.5|#path:/a,env:x\napp.wait:200|ms\n")
        .await
        .expect("sent");
    harness.until("app_requests", "4").await;
    harness.until("app_wait_bucket{le=\"0.25\"}", "1").await;
    harness.until("app_wait_sum", "0.2").await;
    harness.until("increase(app_requests[5m]) > bool 0", "1").await;
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_in_the_ledger() {
    let harness = quick().await;
    datagram(&harness, "no value\n_e{1,1}:a|b\nok:1|c\nok:1|g\n").await;
    harness.until("ok", "1").await;
    let ledger = harness.json("/api/skopos/ledger", &[]).await.to_string();
    for reason in ["invalid_line", "not_a_metric", "type_conflict"] {
        assert!(ledger.contains(reason), "{reason}: {ledger}");
    }
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_last_is_written_at_the_end() {
    let harness = Harness::start().await;
    datagram(&harness, "first:1|c\n").await;
    let stores = std::sync::Arc::clone(&harness.stores);
    let mut stream = TcpStream::connect(harness.statsd).await.expect("connects");
    stream.write_all(b"last:1|c\nbad\n").await.expect("sent");
    // The ledger tells that the line before was read; the flush is ten seconds away.
    let ledger = std::sync::Arc::clone(&harness.ledger);
    while ledger.snapshot().iter().all(|(key, _)| key.reason != "invalid_line") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let _folder = harness.stop().await;
    let tenant = skopos_server::Stores::tenant(stores.as_ref(), &skopos_core::TenantId::default());
    let everything = skopos_core::TimeRange {
        start_ms: 0,
        end_ms: i64::MAX,
    };
    let names = tenant
        .metric_source
        .label_values("__name__", &[], everything)
        .expect("readable");
    assert!(names.iter().any(|name| name == "last"), "{names:?}");
}
