//! All services together: tasks of each kind end well, and every instrument of the page is on `/metrics`.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::process::{PATIENCE, Service, client, free_port, value};

/// Trades until the books offer a lot that may be traded.
const TRADES: usize = 20;

struct System {
    app: Service,
    payments: Service,
    _peers: Vec<Service>,
}

impl System {
    async fn start(payment_flags: &[&str], app_flags: &[&str]) -> Self {
        let model = Service::start("model-service", free_port(), &[]).await;
        let north = Service::start("marketplace-north", free_port(), &[]).await;
        let south = Service::start("marketplace-south", free_port(), &[]).await;
        let tls_port = free_port();
        let tls_address = format!("127.0.0.1:{tls_port}");
        let payment_flags = [&["--tls-listen", &tls_address], payment_flags].concat();
        let payments = Service::start("payment-provider", free_port(), &payment_flags).await;
        let payments_url = format!("https://localhost:{tls_port}");
        let port = free_port();
        let (north_flag, south_flag) = (
            format!("marketplace-north={}", north.url),
            format!("marketplace-south={}", south.url),
        );
        let own_url = format!("http://127.0.0.1:{port}");
        let flags = [
            "--model",
            &model.url,
            "--marketplace",
            &north_flag,
            "--marketplace",
            &south_flag,
            "--payments",
            &payments_url,
            "--public-url",
            &own_url,
        ];
        let app = Service::start("arbitrage", port, &[&flags[..], app_flags].concat()).await;
        Self {
            app,
            payments,
            _peers: vec![model, north, south],
        }
    }

    async fn run(&self, task: Value) -> Value {
        let client = client();
        let answer = client
            .post(format!("{}/v1/tasks", self.app.url))
            .json(&task)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        let submitted: Value = answer.json().await.expect("JSON");
        let url = format!(
            "{}/v1/tasks/{}",
            self.app.url,
            submitted["task_id"].as_str().expect("an id")
        );
        let started = Instant::now();
        loop {
            let task: Value = client
                .get(&url)
                .send()
                .await
                .expect("an answer")
                .json()
                .await
                .expect("JSON");
            if task["state"] == "done" || task["state"] == "failed" {
                return task;
            }
            assert!(started.elapsed() < PATIENCE, "{task}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn certificate_expiry(&self) -> f64 {
        value(
            &self.payments.metrics().await,
            "tls_certificate_expiry_timestamp_seconds",
            &[],
        )
    }

    async fn trade(&self) -> Value {
        for _ in 0..TRADES {
            let task = self.run(json!({ "type": "trade" })).await;
            if task["state"] == "failed" || task["result"]["traded"] == true {
                return task;
            }
            // Prices move every two seconds.
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        panic!("no lot was worth a trade");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_of_each_kind_end_well_and_are_measured() {
    let system = System::start(&[], &[]).await;
    let watch = system.run(json!({ "type": "price_watch" })).await;
    assert_eq!(watch["state"], "done", "{watch}");
    let trade = system.trade().await;
    assert!(trade["result"]["payment_id"].is_string(), "{trade}");
    let research = json!({ "type": "research", "input": "Where is olive oil cheaper?" });
    let research = system.run(research).await;
    assert!(
        research["result"]["answer"]
            .as_str()
            .expect("an answer")
            .contains("south"),
        "{research}"
    );
    let arena = system.run(json!({ "type": "arena", "input": "7" })).await;
    assert_eq!(arena["result"]["ranking"].as_array().map(Vec::len), Some(3), "{arena}");
    let unreadable = system.run(json!({ "type": "arena", "input": "seven" })).await;
    assert_eq!(unreadable["state"], "failed");
    let text = system.app.metrics().await;
    for (name, labels) in [
        (
            "task_execution_time_milliseconds_count",
            &[("task_type", "trade"), ("status", "success")][..],
        ),
        ("task_completion_total", &[("task_type", "research")]),
        (
            "task_error_total",
            &[("task_type", "arena"), ("error_type", "bad_input")],
        ),
        ("llm_call_duration_milliseconds_count", &[("model", "arbiter-large")]),
        (
            "llm_token_usage_tokens_sum",
            &[("model", "arbiter-large"), ("direction", "input")],
        ),
        (
            "llm_token_usage_tokens_sum",
            &[("model", "arbiter-small"), ("direction", "output")],
        ),
        (
            "marketplace_scan_duration_milliseconds_count",
            &[("marketplace", "marketplace-north")],
        ),
        (
            "marketplace_scan_duration_milliseconds_count",
            &[("marketplace", "marketplace-south")],
        ),
        ("bid_placement_total", &[("outcome", "accepted")]),
        (
            "payment_processing_duration_milliseconds_count",
            &[("outcome", "success")],
        ),
        ("rag_query_duration_milliseconds_count", &[("top_k", "5")]),
        (
            "arena_competition_duration_milliseconds_count",
            &[("outcome", "success")],
        ),
        (
            "http_request_duration_milliseconds_count",
            &[("method", "POST"), ("route", "/v1/tasks"), ("status", "202")],
        ),
        (
            "http_request_total",
            &[
                ("method", "POST"),
                ("route", "/v1/webhooks/payments"),
                ("status", "204"),
            ],
        ),
        ("payment_webhooks_total", &[("result", "accepted")]),
    ] {
        assert!(value(&text, name, labels) >= 1.0, "{name} {labels:?} in\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_did_not_sign_is_no_payment() {
    let faults = ["--fault", "arbitrage-webhook-key"];
    let system = System::start(&faults, &["--fault", "arbitrage-arena-broken"]).await;
    let trade = system.trade().await;
    assert_eq!(trade["state"], "failed", "{trade}");
    let arena = system.run(json!({ "type": "arena", "input": "7" })).await;
    assert_eq!(arena["state"], "failed", "{arena}");
    let text = system.app.metrics().await;
    for (name, labels) in [
        (
            "payment_processing_duration_milliseconds_count",
            &[("outcome", "unconfirmed")][..],
        ),
        ("payment_webhooks_total", &[("result", "bad_signature")]),
        (
            "task_error_total",
            &[("task_type", "trade"), ("error_type", "payment.unconfirmed")],
        ),
        (
            "task_error_total",
            &[("task_type", "arena"), ("error_type", "arena.no_score")],
        ),
    ] {
        assert!(value(&text, name, labels) >= 1.0, "{name} {labels:?} in\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_ends_the_handshake_and_the_payment() {
    let system = System::start(&[], &[]).await;
    let trade = system.trade().await;
    assert_eq!(trade["state"], "done", "{trade}");
    let now = jiff::Timestamp::now().as_second() as f64;
    assert!(system.certificate_expiry().await > now);

    system.payments.order("fault arbitrage-certificate-expired on");
    let started = Instant::now();
    while system.certificate_expiry().await > now {
        assert!(started.elapsed() < PATIENCE, "the fault is not switched");
    }
    let trade = system.trade().await;
    assert_eq!(trade["state"], "failed", "{trade}");
    let error = trade["error"].as_str().expect("an error");
    assert!(
        error.contains("invalid peer certificate: certificate expired"),
        "{error}"
    );
    let text = system.app.metrics().await;
    let kind = "server_certificate_invalid";
    for (name, labels) in [
        (
            "payment_processing_duration_milliseconds_count",
            &[("outcome", "error")][..],
        ),
        (
            "task_error_total",
            &[("task_type", "trade"), ("error_type", &format!("payment.{kind}"))],
        ),
        ("http_client_request_duration_seconds_count", &[("error_type", kind)]),
    ] {
        assert!(value(&text, name, labels) >= 1.0, "{name} {labels:?} in\n{text}");
    }

    system.payments.order("fault arbitrage-certificate-expired off");
    while system.certificate_expiry().await <= now {
        assert!(started.elapsed() < PATIENCE, "the fault is not switched back");
    }
    let trade = system.trade().await;
    assert_eq!(trade["state"], "done", "{trade}");
}
