//! DawsOS as processes: patterns over packs, every metric of the system's table, one trace with its attributes, a dead
//! agent, and an error tracker that learns of it without a word about persons.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::fleet::{Service, eventually, metric, metric_reaches};
use crate::receiver::{ReceivedSpan, Receiver};

const SYSTEM: &str = "dawsos";
const TRACE_ID: &str = "6bf92f3577b34da6a3ce929d0e0e4736";
const PARENT_ID: &str = "20f067aa0ba902b7";
/// Traces that their caller has not sampled: all goes well in the first, and not in the second.
const UNSAMPLED: [&str; 2] = ["7af92f3577b34da6a3ce929d0e0e4736", "8bf92f3577b34da6a3ce929d0e0e4736"];
const USER: &str = "analyst-7";
const PORTFOLIO: &str = "harbour-growth";
/// A security that is traded.
const SECURITY: &str = "ALBA";
/// What stands for user and portfolio outside of a process: the start of their SHA-256, by `sha256sum`.
const USER_HASH: &str = "fa821a80";
const PORTFOLIO_HASH: &str = "ee3e6742";
/// Failures in a row that open a breaker.
const TRIP: usize = 5;

/// An error tracker: it keeps the envelopes that it is sent.
#[derive(Clone, Default)]
struct Tracker(Arc<Mutex<String>>);

impl Tracker {
    /// Starts it; its address as a DSN.
    async fn start() -> (Self, String) {
        let tracker = Self::default();
        let kept = tracker.clone();
        let keep = move |body: Bytes| {
            let text = String::from_utf8_lossy(&body).into_owned();
            kept.0.lock().expect("no panic while held").push_str(&text);
            std::future::ready(())
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let router = Router::new().fallback(axum::routing::post(keep));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (tracker, format!("http://key@{address}/7"))
    }

    fn text(&self) -> String {
        self.0.lock().expect("no panic while held").clone()
    }
}

/// An address that nobody has. The services' own lines do not tell it: they leave out all addresses.
fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound")
}

struct System {
    receiver: Receiver,
    collector: SocketAddr,
    tracker: Tracker,
    dsn: String,
    services: Vec<Service>,
    packs: String,
    backend: String,
    jobs: String,
    client: Client,
}

impl System {
    async fn start() -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let (receiver, collector) = Receiver::start().await;
        let (tracker, dsn) = Tracker::start().await;
        let start = |name, flags: &[&str]| {
            let address = free_address().to_string();
            let flags = [&["--listen", &address], flags].concat();
            let service = Service::start_with(SYSTEM, name, &flags, collector, &[("SENTRY_DSN", &dsn)]);
            (service, address)
        };
        let (packs, packs_address) = start("dawsos-packs", &[]);
        let packs_url = format!("http://{packs_address}");
        let (agents, agents_address) = start("dawsos-agents", &["--packs", &packs_url]);
        let agents_url = format!("http://{agents_address}");
        let (backend, backend_address) = start("dawsos-backend", &["--packs", &packs_url, "--agents", &agents_url]);
        let notices = format!("http://{backend_address}/v1/notices");
        let (jobs, jobs_address) = start(
            "dawsos-jobs",
            &[
                "--packs",
                &packs_url,
                "--agents",
                &agents_url,
                "--notices",
                &notices,
                "--every",
                "1",
            ],
        );
        for service in [&packs, &agents, &backend, &jobs] {
            service.listens().await;
        }
        let latest = "dawsos_pack_freshness{pack_id=\"PP_2026-11-20\"}";
        metric_reaches(&packs_address, latest, 1.0).await;
        Self {
            receiver,
            collector,
            tracker,
            dsn,
            packs: packs_address,
            backend: backend_address,
            jobs: jobs_address,
            services: vec![agents, backend, packs, jobs],
            client: Client::new(),
        }
    }

    async fn run(&self, pattern_id: &str, inputs: Value) -> (StatusCode, Value) {
        let parent = format!("00-{TRACE_ID}-{PARENT_ID}-01");
        self.run_below(&parent, pattern_id, inputs).await
    }

    async fn run_below(&self, parent: &str, pattern_id: &str, inputs: Value) -> (StatusCode, Value) {
        let answer = self
            .client
            .post(format!("http://{}/v1/execute", self.backend))
            .header("x-user-id", USER)
            .header("x-request-id", "the-test")
            .header("traceparent", parent)
            .json(&json!({ "pattern_id": pattern_id, "inputs": inputs }))
            .send()
            .await
            .expect("the backend answers");
        let status = answer.status();
        (status, answer.json().await.expect("answers are JSON"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_run_over_packs_and_a_dead_agent_is_cut_off() {
    let mut system = System::start().await;
    let commit = patterns(&system).await;
    rejections(&system).await;
    metrics(&system).await;
    jobs(&system).await;
    unsampled(&system, UNSAMPLED[0], StatusCode::OK).await;
    assert!(system.services[0].abandon().await.success());
    dead_agent(&system).await;
    unsampled(&system, UNSAMPLED[1], StatusCode::SERVICE_UNAVAILABLE).await;
    broken_build(&mut system).await;
    errors_are_tracked(&system).await;
    for service in &mut system.services[1..] {
        assert!(service.abandon().await.success());
    }
    one_trace(&system, &commit);
    broken_build_is_a_span(&system);
    let kept = UNSAMPLED.map(|trace_id| !system.receiver.trace(trace_id).is_empty());
    assert_eq!(kept, [false, true], "what fails is exported, sampled or not");
    let lines = system.services[1].lines();
    let failed = lines.iter().find(|line| line["message"] == "pattern failed");
    assert!(
        failed.is_some_and(|line| line["trace_id"] == TRACE_ID),
        "the error is logged with its trace"
    );
}

/// Each job has ended well, the books agree, and who watches a security that moved far was told of it once for a build.
async fn jobs(system: &System) {
    for job in ["reconciliation", "macro", "alert_delivery"] {
        let runs = format!("dawsos_job_runs_total{{job_name=\"{job}\",status=\"success\"}}");
        metric_reaches(&system.jobs, &runs, 2.0).await;
    }
    metric_reaches(&system.jobs, "dawsos_reconciliation_positions_total", 15.0).await;
    assert!(metric(&system.jobs, "dawsos_reconciliation_breaks").await.abs() < f64::EPSILON);
    metric_reaches(&system.jobs, "dawsos_alert_deliveries_total{status=\"delivered\"}", 1.0).await;
    let request = system.client.get(format!("http://{}/v1/notices", system.backend));
    let answer = request
        .header("x-user-id", "analyst-2")
        .send()
        .await
        .expect("an answer");
    let notices: Value = answer.json().await.expect("answers are JSON");
    let notices = notices.as_array().expect("a list");
    let versions: BTreeSet<u64> = notices.iter().filter_map(|notice| notice["version"].as_u64()).collect();
    assert_eq!(notices[0]["security"], "DUNE");
    assert_eq!(versions.len(), notices.len(), "one for each build: {notices:?}");
}

/// Each pattern once; the commit of the booked trade.
async fn patterns(system: &System) -> String {
    let portfolio = json!({ "portfolio_id": PORTFOLIO, "require_fresh": true });
    let (status, body) = system.run("portfolio_overview", portfolio.clone()).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(body["pricing_pack_id"], "PP_2026-11-20");
    let total = body["outputs"]["valuation"]["total"].as_f64().expect("a number");
    assert!(total > 100_000.0, "{body}");
    let (status, body) = system.run("risk_review", portfolio.clone()).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert!(
        body["outputs"]["risk"]["value_at_risk_95"]
            .as_f64()
            .is_some_and(|loss| loss > 0.0 && loss < total)
    );
    for (pattern, inputs) in [("macro_outlook", json!({})), ("stress_test", portfolio)] {
        let (status, body) = system.run(pattern, inputs).await;
        assert_eq!(status, StatusCode::OK, "{pattern}: {body}");
    }
    let before = body["ledger_commit_hash"].clone();
    let trade = json!({ "portfolio_id": PORTFOLIO, "security": SECURITY, "quantity": 10, "asof_date": "2026-11-19" });
    let (status, body) = system.run("record_trade", trade).await;
    assert_eq!(
        (status, &body["pricing_pack_id"]),
        (StatusCode::OK, &json!("PP_2026-11-19")),
        "{body}"
    );
    assert_eq!(body["ledger_commit_hash"], body["outputs"]["entry"]["commit"]);
    assert_ne!(body["ledger_commit_hash"], before);
    body["ledger_commit_hash"].as_str().expect("64 digits").to_owned()
}

async fn rejections(system: &System) {
    for (pattern, inputs, expected, code) in [
        ("unheard_of", json!({}), StatusCode::NOT_FOUND, "unknown_pattern"),
        (
            "risk_review",
            json!({ "portfolio_id": "nobody" }),
            StatusCode::UNPROCESSABLE_ENTITY,
            "refused",
        ),
        (
            "macro_outlook",
            json!({ "asof_date": "1999-01-01" }),
            StatusCode::NOT_FOUND,
            "no_such_pack",
        ),
    ] {
        let (status, body) = system.run(pattern, inputs).await;
        assert_eq!((status, &body["error"]["code"]), (expected, &json!(code)), "{body}");
    }
    let nobody = system.client.post(format!("http://{}/v1/execute", system.backend));
    let answer = nobody
        .json(&json!({ "pattern_id": "macro_outlook" }))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

async fn metrics(system: &System) {
    for (series, value) in [
        (
            "dawsos_api_request_duration_seconds_count{pattern_id=\"risk_review\",status=\"success\"}",
            1.0,
        ),
        (
            "dawsos_requests_total{pattern_id=\"risk_review\",status=\"success\"}",
            1.0,
        ),
        ("dawsos_requests_total{pattern_id=\"unknown\",status=\"rejected\"}", 1.0),
        (
            "dawsos_pattern_executions_total{pattern_id=\"risk_review\",status=\"rejected\"}",
            1.0,
        ),
        (
            "dawsos_pattern_step_duration_seconds_count{capability=\"pricing.risk\",pattern_id=\"risk_review\",step_index=\"2\"}",
            1.0,
        ),
        (
            "dawsos_agent_invocations_total{agent_name=\"pricing\",capability=\"pricing.value\",status=\"success\"}",
            3.0,
        ),
        (
            "dawsos_agent_latency_seconds_count{agent_name=\"macro\",capability=\"macro.regime\"}",
            1.0,
        ),
    ] {
        assert!(
            (metric(&system.backend, series).await - value).abs() < f64::EPSILON,
            "{series}"
        );
    }
    for agent in ["ledger", "pricing", "macro", "reports"] {
        let series = format!("dawsos_circuit_breaker_state{{agent_name=\"{agent}\"}}");
        assert!(
            metric(&system.backend, &series).await.abs() < f64::EPSILON,
            "{agent} is closed"
        );
    }
    for pack in ["PP_2026-11-19", "PP_2026-11-20"] {
        let built = format!("dawsos_pack_build_duration_seconds_count{{pack_id=\"{pack}\"}}");
        metric_reaches(&system.packs, &built, 1.0).await;
    }
    let over = "dawsos_pack_build_duration_seconds_bucket{pack_id=\"PP_2026-11-20\",le=\"900\"}";
    metric_reaches(&system.packs, over, 1.0).await;
}

/// A request whose caller has decided that its trace is not sampled.
async fn unsampled(system: &System, trace_id: &str, expected: StatusCode) {
    let parent = format!("00-{trace_id}-{PARENT_ID}-00");
    let (status, body) = system.run_below(&parent, "macro_outlook", json!({})).await;
    assert_eq!(status, expected, "{body}");
}

/// Another job of packs, whose price file is cut off.
async fn broken_build(system: &mut System) {
    let flags = ["--listen", "127.0.0.1:0", "--fault", "dawsos-price-file-truncated"];
    let environment = [("SENTRY_DSN", system.dsn.as_str())];
    let service = Service::start_with(SYSTEM, "dawsos-packs", &flags, system.collector, &environment);
    let failed = |line: &Value| line["message"] == "pack build failed";
    eventually("a build that fails", || {
        service.lines().iter().any(failed).then_some(())
    })
    .await;
    system.services.push(service);
}

fn broken_build_is_a_span(system: &System) {
    let spans = system.receiver.of_service("dawsos-packs");
    let mut builds = spans.iter().filter(|span| span.name == "pack.build");
    let failed = builds.find(|span| span.is_error).expect("a build failed");
    is_told_as_error(failed, "pack_build_failed");
}

/// `error`, `error.type`, `error.message` and the status of a span that failed.
fn is_told_as_error(span: &ReceivedSpan, error_type: &str) {
    let told = ["error", "error.type"].map(|key| span.attributes.get(key).map(String::as_str));
    assert_eq!(told, [Some("true"), Some(error_type)], "{span:?}");
    let message = span.attributes.get("error.message");
    assert!(
        message.is_some_and(|text| !text.is_empty()) && span.is_error,
        "{span:?}"
    );
}

async fn dead_agent(system: &System) {
    for _ in 0..TRIP {
        let (status, body) = system.run("macro_outlook", json!({})).await;
        assert_eq!(
            (status, &body["error"]["code"]),
            (StatusCode::BAD_GATEWAY, &json!("agent_failed")),
            "{body}"
        );
    }
    let trade = json!({ "portfolio_id": PORTFOLIO, "security": SECURITY, "quantity": 1 });
    let (status, body) = system.run("record_trade", trade).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY, "{body}");
    let (status, body) = system.run("macro_outlook", json!({})).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("circuit_open")),
        "{body}"
    );
    for (series, value) in [
        ("dawsos_circuit_breaker_state{agent_name=\"macro\"}", 1.0),
        ("dawsos_circuit_breaker_failures_total{agent_name=\"macro\"}", 5.0),
        (
            "dawsos_request_errors_total{error_type=\"agent_failed\",pattern_id=\"macro_outlook\"}",
            5.0,
        ),
        (
            "dawsos_request_errors_total{error_type=\"circuit_open\",pattern_id=\"macro_outlook\"}",
            1.0,
        ),
        (
            "dawsos_agent_invocations_total{agent_name=\"macro\",capability=\"macro.regime\",status=\"circuit_open\"}",
            1.0,
        ),
    ] {
        assert!(
            (metric(&system.backend, series).await - value).abs() < f64::EPSILON,
            "{series}"
        );
    }
}

/// The failed patterns and builds are events, with their trace; neither they nor spans nor lines name the user, the portfolio
/// or the security.
async fn errors_are_tracked(system: &System) {
    let text = eventually("an event of the failed pattern", || {
        let text = system.tracker.text();
        let both = text.contains("pattern failed") && text.contains("pack build failed");
        (both && text.contains(TRACE_ID)).then_some(text)
    })
    .await;
    assert!(text.contains(USER_HASH), "{text}");
    let spans = format!("{:?}", system.receiver.trace(TRACE_ID));
    let lines: String = system
        .services
        .iter()
        .flat_map(Service::lines)
        .map(|line| line.to_string())
        .collect();
    assert!(lines.contains(USER_HASH), "{lines}");
    for (place, text) in [("events", &text), ("spans", &spans), ("lines", &lines)] {
        for name in [USER, PORTFOLIO, SECURITY] {
            assert!(!text.contains(name), "{name} in {place}: {text}");
        }
    }
}

/// All requests share one trace; its spans say whose request it was, over what, and what went wrong.
fn one_trace(system: &System, commit: &str) {
    let services = system.receiver.services(TRACE_ID);
    assert!(
        services
            .iter()
            .map(String::as_str)
            .eq(["dawsos-agents", "dawsos-backend", "dawsos-packs"]),
        "{services:?}"
    );
    let spans = system.receiver.trace(TRACE_ID);
    let repeated: Vec<&ReceivedSpan> = spans.iter().filter(|span| !span.has_unique_keys).collect();
    assert!(repeated.is_empty(), "a key twice: {repeated:?}");
    let find = |name: &str, key: &str, value: &str| {
        let mut found = spans.iter().filter(|span| span.name == name);
        let span = found.find(|span| span.attributes.get(key).is_some_and(|text| text == value));
        span.unwrap_or_else(|| panic!("no {name} with {key}={value}"))
    };
    let trade = find("pattern.execute", "pattern_id", "record_trade");
    for (key, value) in [
        ("pricing_pack_id", "PP_2026-11-19"),
        ("ledger_commit_hash", commit),
        ("user_id", USER_HASH),
        ("request_id", "the-test"),
        ("trace_id", TRACE_ID),
        ("asof_date", "2026-11-19"),
        ("portfolio_id", PORTFOLIO_HASH),
        ("require_fresh", "false"),
        ("pattern_inputs_count", "4"),
        ("pattern_input_keys", "portfolio_id,security,quantity,asof_date"),
    ] {
        assert_eq!(trade.attributes.get(key).map(String::as_str), Some(value), "{key}");
    }
    find("agent.invoke", "capability", "pricing.risk");
    let failed = find("agent.invoke", "error.type", "circuit_open");
    assert_eq!(failed.attributes.get("agent_name").map(String::as_str), Some("macro"));
    is_told_as_error(failed, "circuit_open");
    is_told_as_error(find("pattern.execute", "error.type", "circuit_open"), "circuit_open");
}
