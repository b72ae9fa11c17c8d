//! The classic ports: each API at the root of a port of its own.

use std::net::SocketAddr;

use axum::http::StatusCode;
use serde_json::json;
use skopos_server::{CLASSIC_PORTS, ClassicAddress, ClassicApi, ListenOptions, Listeners};

use crate::harness::{Answer, Harness};

fn address(server: &Harness, api: ClassicApi) -> SocketAddr {
    let found = server.classic.iter().find(|(other, _)| *other == api);
    found.expect("the port is open").1
}

async fn get(server: &Harness, api: ClassicApi, path: &str) -> Answer {
    let url = format!("http://{}{path}", address(server, api));
    Answer::of(server.client.get(url)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_port_serves_its_api_at_the_root() {
    let server = Harness::start().await;
    for (api, path, word) in [
        (ClassicApi::Alertmanager, "/api/v2/status", "versionInfo"),
        (ClassicApi::Alertmanager, "/-/healthy", "OK"),
        (ClassicApi::Alertmanager, "/-/ready", "OK"),
        (ClassicApi::Alertmanager, "/metrics", "alertmanager_config_hash"),
        (ClassicApi::Loki, "/ready", "ready"),
        (ClassicApi::Loki, "/loki/api/v1/labels", "success"),
        (ClassicApi::Loki, "/metrics", "skopos_http_requests_total"),
        (ClassicApi::JaegerQuery, "/api/services", "data"),
        // What the page that is there, too, asks.
        (ClassicApi::JaegerQuery, "/jaeger/api/services", "data"),
        (ClassicApi::JaegerAdmin, "/", "Server available"),
        (ClassicApi::JaegerAdmin, "/metrics", "skopos_http_requests_total"),
    ] {
        let answer = get(&server, api, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{api:?} {path}: {}", answer.body);
        assert!(answer.body.contains(word), "{api:?} {path}: {}", answer.body);
    }
    for (api, path) in [
        (ClassicApi::Alertmanager, "/loki/api/v1/labels"),
        (ClassicApi::Loki, "/api/v2/status"),
        (ClassicApi::JaegerCollector, "/api/services"),
        (ClassicApi::JaegerAdmin, "/api/services"),
    ] {
        let answer = get(&server, api, path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{api:?} {path}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alertmanagers_port_takes_alerts_and_reloads() {
    let server = Harness::start().await;
    let base = format!("http://{}", address(&server, ClassicApi::Alertmanager));
    let posted = server.client.post(format!("{base}/api/v2/alerts"));
    let posted = Answer::of(posted.json(&json!([{"labels": {"alertname": "x"}}]))).await;
    assert_eq!(posted.status, StatusCode::OK, "{}", posted.body);
    let reloaded = Answer::of(server.client.post(format!("{base}/-/reload"))).await;
    assert_eq!(reloaded.status, StatusCode::OK, "{}", reloaded.body);
    // What came in by one door is counted on the page of every other, once.
    let page = Answer::of(server.get("/metrics")).await.body;
    for line in [
        "alertmanager_alerts_received_total{status=\"firing\",version=\"v2\"} 1",
        "alertmanager_config_last_reload_successful 1",
        "alertmanager_dispatcher_alert_processing_duration_seconds_count 1",
        "alertmanager_silences_queries_total 0",
        "alertmanager_cluster_members 1",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is not in:\n{page}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_family_is_told_twice() {
    let server = Harness::start().await;
    let page = Answer::of(server.get("/metrics")).await.body;
    let mut families: Vec<&str> = page.lines().filter(|line| line.starts_with("# TYPE ")).collect();
    let all = families.len();
    families.sort_unstable();
    families.dedup();
    assert_eq!(families.len(), all, "{page}");
    server.stop().await;
}

#[tokio::test]
async fn a_taken_classic_port_names_the_flag() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    for port in CLASSIC_PORTS {
        let options = ListenOptions {
            http: "127.0.0.1:0".to_owned(),
            otlp_http: None,
            otlp_grpc: None,
            statsd: None,
            classic: vec![ClassicAddress {
                api: port.api,
                address: address.clone(),
            }],
        };
        let error = Listeners::bind(&options)
            .await
            .expect_err("the port is taken")
            .to_string();
        assert!(error.contains(&address) && error.contains(port.flag), "{error}");
    }
}
