//! The page, health, own metrics, Skopos' API, limits of the listeners.

use reqwest::StatusCode;
use skopos_server::{ListenOptions, Listeners};

use crate::harness::{Answer, Harness};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_site_may_read_but_not_change() {
    let harness = Harness::start().await;
    let foreign = |request: reqwest::RequestBuilder| request.header("Origin", "https://evil.example");
    let path = "/api/skopos/dlq/discard";
    let refused = Answer::of(foreign(harness.post(path))).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.body);
    let own = harness.url("");
    let taken = Answer::of(harness.post(path).header("Origin", own)).await;
    assert_ne!(taken.status, StatusCode::FORBIDDEN, "{}", taken.body);
    let read = Answer::of(foreign(harness.get("/api/skopos/status"))).await;
    assert_eq!(read.status, StatusCode::OK, "{}", read.body);
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_version_is_told_without_an_envelope() {
    let harness = Harness::start().await;
    let version = harness.json("/version", &[]).await;
    let told = harness.json("/api/v1/status/buildinfo", &[]).await;
    assert_eq!(version, told["data"]);
    assert!(version["version"].is_string(), "{version}");
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_answers_its_own_routes_only() {
    let harness = Harness::start().await;
    for path in ["/", "/explore/metrics?query=up", "/dashboards/abc"] {
        let page = Answer::of(harness.get(path)).await;
        assert_eq!(
            (page.status, page.content_type.as_str()),
            (StatusCode::OK, "text/html"),
            "{path}"
        );
    }
    for path in ["/api/v9/nothing", "/loki/api/v9", "/assets/no.js", "/-/nothing"] {
        let missing = Answer::of(harness.get(path)).await;
        assert_eq!(
            (missing.status, missing.body.as_str()),
            (StatusCode::NOT_FOUND, "404 page not found\n")
        );
    }
    let index = harness.get("/").send().await.expect("an answer");
    let etag = index.headers().get("etag").expect("an etag").clone();
    let again = Answer::of(harness.get("/").header("If-None-Match", etag)).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn own_metrics_count_requests() {
    let harness = Harness::start().await;
    assert_eq!(
        harness.json("/api/v1/status/buildinfo", &[]).await["data"]["version"],
        "1.2.3"
    );
    let metrics = Answer::of(harness.get("/metrics")).await.body;
    let counted = r#"skopos_http_requests_total{code="200",handler="/api/v1/status/buildinfo",method="GET"}"#;
    assert!(metrics.contains(counted), "{metrics}");
    assert!(
        metrics.contains("# TYPE skopos_ledger_items_total counter"),
        "{metrics}"
    );
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn own_metrics_are_told_as_json() {
    let harness = Harness::start().await;
    harness.json("/api/v1/status/buildinfo", &[]).await;
    let path = "/api/v1/status/self_metrics";
    let all = harness.json(path, &[]).await;
    let names = |answer: &serde_json::Value| -> Vec<String> {
        let families = answer["data"].as_array().expect("a list").iter();
        families
            .filter_map(|family| family["name"].as_str().map(str::to_owned))
            .collect()
    };
    assert!(names(&all).contains(&"skopos_ledger_items_total".to_owned()), "{all}");
    assert!(
        names(&all).contains(&"skopos_http_requests_in_flight".to_owned()),
        "{all}"
    );
    let some = harness
        .json(path, &[("metric_name_pattern", "skopos_http_request_.*|requests")])
        .await;
    assert_eq!(
        names(&some),
        ["skopos_http_request_duration_seconds"],
        "whole names match"
    );
    let family = &some["data"][0];
    assert_eq!(family["type"], "HISTOGRAM");
    let mut metrics = family["metric"].as_array().expect("a list").iter();
    let asked = metrics.find(|metric| metric["label"][0]["value"] == "/api/v1/status/buildinfo");
    let asked = asked.and_then(|metric| metric["histogram"]["sampleCount"].as_str());
    assert!(
        asked.is_some_and(|count| count.parse::<u64>().is_ok_and(|count| count > 0)),
        "{family}"
    );
    let refused = Answer::of(harness.get(&format!("{path}?metric_name_pattern=("))).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let refused = refused.json();
    assert_eq!(refused["errorType"], "bad_data");
    let error = refused["error"].as_str().expect("a text");
    assert!(
        error.starts_with("invalid parameter \"metric_name_pattern\": error parsing regexp: "),
        "{error}"
    );
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_reload_says_where() {
    let harness = Harness::start().await;
    let answer = Answer::of(harness.post("/-/reload")).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(answer.body.contains("prometheus.yml:3"), "{}", answer.body);
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn skopos_tells_of_itself() {
    let harness = Harness::start().await;
    let status = harness.json("/api/skopos/status", &[]).await;
    assert_eq!(status["version"], "1.2.3");
    assert!(status["process"]["residentBytes"].as_u64() > Some(0), "{status}");
    for (signal, keys) in [
        ("metrics", ["series", "samples"]),
        ("logs", ["streams", "entries"]),
        ("traces", ["traces", "spans"]),
    ] {
        let stats = &status["storage"]["signals"][signal];
        assert!(keys.iter().all(|key| stats[key].is_u64()), "{signal}: {stats}");
    }
    assert_eq!(harness.json("/api/skopos/dashboards", &[]).await, serde_json::json!([]));
    let missing = Answer::of(harness.get("/api/skopos/dashboards/none")).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert_eq!(missing.json()["errorType"], "not_found");
    let connect = harness.json("/api/skopos/connect", &[]).await;
    assert!(connect.as_array().is_some_and(|lines| lines.len() > 4), "{connect}");
    let at_host = format!("http://{}/api/v1/write", harness.http);
    assert!(connect.to_string().contains(&at_host), "{connect}");
    for (origin, expected) in [
        ("https://skopos.example", "https://skopos.example/api/v1/write"),
        ("http://[::1]:9090", "http://[::1]:9090/api/v1/write"),
        ("https://[::1]", "https://[::1]/api/v1/write"),
        // What is no origin changes nothing.
        ("javascript:alert(1)", at_host.as_str()),
        ("ftp://skopos.example", at_host.as_str()),
    ] {
        let connect = harness.json("/api/skopos/connect", &[("origin", origin)]).await;
        assert!(connect.to_string().contains(expected), "{origin}: {connect}");
    }
    harness.stop().await;
}

#[tokio::test]
async fn a_taken_port_names_the_flag() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    let options = ListenOptions {
        http: address.clone(),
        otlp_http: None,
        otlp_grpc: None,
        statsd: None,
        classic: Vec::new(),
    };
    let error = Listeners::bind(&options)
        .await
        .expect_err("the port is taken")
        .to_string();
    assert!(
        error.contains(&address) && error.contains("--web.listen-address"),
        "{error}"
    );
}
