//! SomaAgent as processes: a project from the door to its result, the marketplace, every metric of the system's table, and
//! one trace across five services.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use self::system::{System, TRACE_ID};
use crate::fleet::{metric, metric_reaches};

mod system;

const PROJECT: &str = "workflow: build-app\n# Harbour\n- tides: the tide table of the harbour\n- cache: the cache with a time to live (after tides)";

#[tokio::test(flavor = "multi_thread")]
async fn a_project_and_a_purchase_go_through_all_services() {
    let mut system = System::start(&[], &[]).await;
    project(&system).await;
    marketplace(&system).await;
    refusals(&system).await;
    metrics(&system).await;
    for service in &mut system.services {
        assert!(service.abandon().await.success());
    }
    one_trace(&system);
}

async fn project(system: &System) {
    let builder = system.login("ada").await;
    let (status, accepted) = system.post(&builder, "/v1/projects", json!({ "text": PROJECT })).await;
    assert_eq!(
        (status, &accepted["tasks"]),
        (StatusCode::ACCEPTED, &json!(7)),
        "{accepted}"
    );
    let path = format!("/v1/projects/{}", accepted["project_id"].as_str().expect("an id"));
    let started = Instant::now();
    let project = loop {
        let (status, project) = system.get(&builder, &path).await;
        assert_eq!(status, StatusCode::OK);
        if project["state"] != "running" {
            break project;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "{project}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(project["state"], "success", "{project}");
    let result = project["result"].as_array().expect("sentences");
    assert!(result.len() >= 2, "{project}");
    let stranger = system.login("ben").await;
    assert_eq!(system.get(&stranger, &path).await.0, StatusCode::NOT_FOUND);
}

async fn marketplace(system: &System) {
    let buyer = system.login("dana").await;
    let (status, found) = system.get(&buyer, "/v1/marketplace/search?q=tide+tables").await;
    assert_eq!(
        (status, &found["capsules"][0]["id"]),
        (StatusCode::OK, &json!("tide-reader"))
    );
    let (path, input) = (
        "/v1/capsules/tide-reader/executions",
        json!({ "input": "high water in the harbour" }),
    );
    assert_eq!(
        system.post(&buyer, path, input.clone()).await.0,
        StatusCode::PAYMENT_REQUIRED
    );
    let (status, receipt) = system
        .post(&buyer, "/v1/marketplace/purchases", json!({ "capsule": "tide-reader" }))
        .await;
    assert_eq!((status, &receipt["price_cents"]), (StatusCode::CREATED, &json!(300)));
    let (status, run) = system.post(&buyer, path, input).await;
    assert_eq!(status, StatusCode::OK);
    assert!(run["output"].as_str().expect("an extract").contains("tide"), "{run}");
    let analyst = system.login("goran").await;
    let (status, report) = system.get(&analyst, "/v1/reports/revenue-by-capsule").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        report["rows"],
        json!([{ "subject": "tide-reader", "count": 1, "value": 300.0 }])
    );
}

async fn refusals(system: &System) {
    let status = |answer: (StatusCode, Value)| answer.0;
    let reports = "/v1/reports/workflow-success";
    assert_eq!(
        status(system.ask(None, Method::GET, reports, None).await),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        status(system.get("not.a.token", reports).await),
        StatusCode::UNAUTHORIZED
    );
    let wrong = json!({ "user": "ada", "password": "guessed" });
    assert_eq!(
        status(system.ask(None, Method::POST, "/v1/login", Some(wrong)).await),
        StatusCode::UNAUTHORIZED
    );
    let (analyst, builder) = (system.login("goran").await, system.login("ada").await);
    assert_eq!(
        status(system.post(&analyst, "/v1/projects", json!({ "text": PROJECT })).await),
        StatusCode::FORBIDDEN
    );
    let circle = json!({ "text": "workflow: build-app\n- a: x (after b)\n- b: y (after a)" });
    let (code, body) = system.post(&builder, "/v1/projects", circle).await;
    assert_eq!(code, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        body["error"]["message"]
            .as_str()
            .expect("a text")
            .contains("circle: a, b"),
        "{body}"
    );
    assert_eq!(
        status(system.get(&analyst, "/v1/reports/..%2F..%2Fmetrics").await),
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

/// Each row of the system's table, with its labels.
#[expect(clippy::too_many_lines, reason = "one table of what each service must show")]
async fn metrics(system: &System) {
    for (service, address) in &system.addresses {
        let text = reqwest::get(format!("http://{address}/metrics")).await.expect("served");
        let text = text.text().await.expect("text");
        for name in [
            "http_server_duration_milliseconds_bucket",
            "http_server_request_size_bytes_count",
            "http_server_response_size_bytes_count",
        ] {
            let has_labels = |line: &str| {
                ["http_method=", "http_route=", "http_status_code="]
                    .iter()
                    .all(|label| line.contains(label))
            };
            let found = text.lines().any(|line| line.starts_with(name) && has_labels(line));
            assert!(found, "{service} lacks {name}");
        }
        for name in [
            "http_server_active_requests{http_method=",
            "process_resident_memory_bytes ",
            "process_cpu_seconds_total ",
            "process_open_fds ",
        ] {
            assert!(
                text.lines().any(|line| line.starts_with(name)),
                "{service} lacks {name}"
            );
        }
    }
    let posts =
        r#"http_server_request_size_bytes_count{http_method="POST",http_route="/v1/projects",http_status_code="202"}"#;
    assert_eq!(metric(system.address("gateway-api"), posts).await, 1.0);
    for (service, series, least) in [
        ("policy-engine", r#"policy_evaluations_total{result="allow"}"#, 10.0),
        ("policy-engine", r#"policy_evaluations_total{result="deny"}"#, 1.0),
        ("policy-engine", "policy_evaluation_latency_seconds_count", 11.0),
        (
            "identity-service",
            r#"identity_verifications_total{result="failure"}"#,
            1.0,
        ),
        (
            "slm-service",
            r#"slm_infer_sync_requests_total{model="soma-extract-1",status="ok"}"#,
            8.0,
        ),
        (
            "slm-service",
            r#"slm_embedding_latency_seconds_count{model="soma-embed-256"}"#,
            7.0,
        ),
        (
            "orchestrator",
            r#"workflow_executions_total{outcome="success",workflow="build-app"}"#,
            1.0,
        ),
        (
            "orchestrator",
            r#"workflow_duration_seconds_count{outcome="success",workflow="build-app"}"#,
            1.0,
        ),
        (
            "orchestrator",
            r#"project_decomposition_latency_seconds_count{outcome="success",workflow="build-app"}"#,
            1.0,
        ),
        (
            "orchestrator",
            r#"agents_spawned_total{stage="design",workflow="build-app"}"#,
            2.0,
        ),
        (
            "orchestrator",
            r#"quality_gate_results_total{gate="relevance",outcome="passed",workflow="build-app"}"#,
            7.0,
        ),
        (
            "gateway-api",
            r#"capsule_executions_total{capsule="tide-reader",outcome="success",tenant="acme"}"#,
            1.0,
        ),
        (
            "gateway-api",
            r#"capsule_executions_total{capsule="tide-reader",outcome="not_licensed",tenant="acme"}"#,
            1.0,
        ),
        (
            "analytics-service",
            r#"marketplace_revenue_cents_total{capsule="tide-reader",tenant="acme"}"#,
            300.0,
        ),
        (
            "analytics-service",
            r#"marketplace_search_latency_seconds_count{tenant="acme"}"#,
            1.0,
        ),
        (
            "analytics-service",
            r#"analytics_query_latency_seconds_count{query="revenue-by-capsule",tenant="acme"}"#,
            1.0,
        ),
        (
            "analytics-service",
            r#"analytics_events_recorded_total{kind="workflow"}"#,
            1.0,
        ),
        (
            "analytics-service",
            r#"analytics_events_recorded_total{kind="capsule"}"#,
            1.0,
        ),
    ] {
        metric_reaches(system.address(service), series, least).await;
    }
}

/// The caller's trace holds the door, who it asked, and the work that went on behind it.
fn one_trace(system: &System) {
    let services = system.receiver.services(TRACE_ID);
    let all: BTreeSet<String> = system.addresses.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(services, all);
    let spans = system.receiver.trace(TRACE_ID);
    let names: BTreeSet<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    for name in [
        "POST /v1/projects",
        "workflow build-app",
        "task.execute design",
        "POST /v1/evaluate",
    ] {
        assert!(names.contains(name), "{name} is not among {names:?}");
    }
    for (name, model, operation) in [
        ("slm soma-extract-1", "soma-extract-1", "text_completion"),
        ("slm soma-embed-256", "soma-embed-256", "embeddings"),
    ] {
        let call = spans.iter().find(|span| span.name == name).expect(name);
        let attribute = |name: &str| call.attributes.get(name).map(String::as_str);
        assert_eq!(call.service, "slm-service");
        assert_eq!(
            (attribute("gen_ai.request.model"), attribute("gen_ai.operation.name")),
            (Some(model), Some(operation))
        );
        let tokens = attribute("gen_ai.usage.input_tokens").and_then(|text| text.parse::<u64>().ok());
        assert!(tokens > Some(0), "{call:?}");
    }
    let workflow = spans
        .iter()
        .find(|span| span.name == "workflow build-app")
        .expect("found above");
    let parent = spans.iter().find(|span| span.span_id == workflow.parent_id);
    assert_eq!(
        parent.map(|span| (span.service.as_str(), span.name.as_str())),
        Some(("orchestrator", "POST /v1/projects"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_end_in_the_errors_that_their_alerts_watch() {
    let system = System::start(&["--fault", "soma-policy-conflict"], &["--fault", "soma-search-cold"]).await;
    let wish = json!({ "capsule": "tide-reader" });
    let (small, usual) = (system.login("tara").await, system.login("dana").await);
    let purchases = "/v1/marketplace/purchases";
    assert_eq!(
        system.post(&small, purchases, wish.clone()).await.0,
        StatusCode::BAD_GATEWAY
    );
    assert_eq!(system.post(&usual, purchases, wish).await.0, StatusCode::CREATED);
    let policy = system.address("policy-engine");
    let failed = r#"http_server_duration_milliseconds_count{http_method="POST",http_route="/v1/evaluate",http_status_code="500"}"#;
    metric_reaches(policy, failed, 1.0).await;
    assert_eq!(metric(policy, r#"policy_evaluations_total{result="error"}"#).await, 1.0);
    assert_eq!(
        system.get(&usual, "/v1/marketplace/search?q=tide").await.0,
        StatusCode::OK
    );
    let analytics = system.address("analytics-service");
    assert_eq!(
        metric(
            analytics,
            r#"marketplace_search_latency_seconds_bucket{tenant="acme",le="0.5"}"#
        )
        .await,
        0.0
    );
    assert_eq!(
        metric(
            analytics,
            r#"marketplace_search_latency_seconds_bucket{tenant="acme",le="+Inf"}"#
        )
        .await,
        1.0
    );
}
