//! The recommender as processes: what tenants ask and get, every metric of the system's table, the bill, one trace.

mod system;

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use skopos_bus::{BusConfig, BusMetrics, Producer};

use self::system::{System, TRACE_ID};
use crate::fleet::{eventually, metric, metric_reaches};

/// A user whom nobody has warmed the cache for.
const STRANGER: u32 = 150;

#[tokio::test(flavor = "multi_thread")]
async fn shops_are_served_measured_and_billed() {
    let mut system = System::start().await;
    system.ready().await;
    recommendations(&system).await;
    interactions(&system).await;
    refusals(&system).await;
    metrics_of_training(&system).await;
    bill(&system).await;
    for service in system.services.iter_mut().rev() {
        assert!(service.abandon().await.success());
    }
    one_trace(&system).await;
    log_lines(&system);
}

async fn recommendations(system: &System) {
    let path = format!("/v1/recommendations?user={STRANGER}");
    for cached in [false, true] {
        let (status, body) = system.get("acme-video", &path).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert_eq!((&body["algorithm"], &body["cached"]), (&json!("als"), &json!(cached)));
        assert_eq!(body["items"].as_array().map(Vec::len), Some(10));
    }
    let (status, body) = system.get("acme-video", "/v1/items/3/similar").await;
    assert_eq!((status, &body["algorithm"]), (StatusCode::OK, &json!("similar_items")));
    // A tenant without a model yet: what is popular, and a model is on its way.
    let sign_up = system.client.post(system.url("/v1/tenants"));
    let (status, _) = system.ask("", sign_up.json(&json!({ "tenant_id": "cafe-luna" }))).await;
    assert_eq!(status, StatusCode::CREATED);
    let (status, body) = system.get("cafe-luna", "/v1/recommendations?user=1").await;
    assert_eq!((status, &body["algorithm"]), (StatusCode::OK, &json!("popular")));
    let deployed = "model_version_deployed{model_name=\"als-10\",tenant_id=\"cafe-luna\"}";
    metric_reaches(&system.engine, deployed, 1.0).await;
    for (series, value) in [
        (
            "http_requests_total{endpoint=\"/v1/recommendations\",method=\"GET\",status=\"200\",tenant_id=\"acme-video\"}",
            2.0,
        ),
        (
            "http_request_duration_seconds_count{endpoint=\"/v1/recommendations\",method=\"GET\"}",
            3.0,
        ),
        (
            "recommendations_served_total{algorithm=\"als\",tenant_id=\"acme-video\"}",
            20.0,
        ),
        (
            "recommendations_served_total{algorithm=\"similar_items\",tenant_id=\"acme-video\"}",
            10.0,
        ),
        (
            "recommendations_served_total{algorithm=\"popular\",tenant_id=\"cafe-luna\"}",
            10.0,
        ),
        ("cache_hits_total{cache_type=\"recommendations\"}", 1.0),
        ("cache_misses_total{cache_type=\"recommendations\"}", 2.0),
        (
            "api_requests_total{endpoint=\"/v1/recommendations\",tenant_id=\"acme-video\"}",
            2.0,
        ),
        ("tenants_registered{plan=\"trial\"}", 1.0),
    ] {
        assert!(metric(&system.backend, series).await >= value, "{series}");
    }
    exposed(&system.backend, "http_server_response_size_bytes_count{").await;
    exposed(
        &system.backend,
        "operation_duration_seconds_count{operation=\"warm_cache\"",
    )
    .await;
    // The client keeps the connections of its requests.
    metric_reaches(&system.backend, "http_connections_active", 1.0).await;
}

async fn interactions(system: &System) {
    let body = json!({ "interactions": [
        { "user": 7, "item": 1, "action": "click" },
        { "user": 7, "item": 2, "action": "purchase" },
    ] });
    let request = system.client.post(system.url("/v1/interactions")).json(&body);
    let (status, body) = system.ask("acme-video", request).await;
    assert_eq!((status, &body["accepted"]), (StatusCode::ACCEPTED, &json!(2)));
    let loaded = "etl_records_processed_total{job_name=\"load_interactions\",source=\"kafka\"}";
    metric_reaches(&system.pipeline, loaded, 2.0).await;
    let url = format!("http://{}/v1/interactions/acme-video", system.pipeline);
    let found: Value = reqwest::get(url).await.expect("it answers").json().await.expect("JSON");
    let purchase = json!({ "tenant_id": "acme-video", "user": 7, "item": 2, "action": "purchase" });
    assert!(found.as_array().is_some_and(|all| all.contains(&purchase)), "{found}");
    poison(system).await;
    for (series, value) in [
        ("etl_job_duration_seconds_count{job_name=\"load_interactions\"}", 1.0),
        ("kafka_messages_consumed_total{topic=\"recommender.interactions\"}", 3.0),
        ("service_disk_quota_bytes{volume=\"landing\"}", 1.0),
    ] {
        assert!(metric(&system.pipeline, series).await >= value, "{series}");
    }
    exposed(
        &system.pipeline,
        "etl_job_failures_total{job_name=\"load_interactions\",reason=\"io\"} 0",
    )
    .await;
    exposed(
        &system.pipeline,
        "kafka_consumer_lag{group=\"data-pipeline\",partition=\"0\",topic=\"recommender.interactions\"}",
    )
    .await;
}

/// An interaction with an item that does not exist is counted and goes to the dead letters.
async fn poison(system: &System) {
    let bus = BusConfig::parse(&format!("kafka://{}", system.broker), "test").expect("an address");
    let metrics = BusMetrics::register(&prometheus::Registry::new()).expect("a new registry");
    let producer = Producer::new(&bus, metrics).expect("a producer");
    let data = json!({ "tenant_id": "acme-video", "user": 7, "item": 5000, "action": "view" });
    let event = skopos_bus::Event::new("recommender.interaction", data);
    producer
        .publish("recommender.interactions", "k", event)
        .await
        .expect("the broker takes it");
    let errors = "kafka_processing_errors_total{error_type=\"unknown_item\",topic=\"recommender.interactions\"}";
    metric_reaches(&system.pipeline, errors, 1.0).await;
}

async fn refusals(system: &System) {
    let (status, body) = system.get("nobody", "/v1/recommendations?user=1").await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (StatusCode::UNAUTHORIZED, &json!("unknown_tenant"))
    );
    let (status, body) = system.get("acme-video", "/v1/recommendations?user=99999").await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("invalid_request"))
    );
    // The plan of pixel-games allows ten a second; a hundred at once are too many for any machine's pace.
    let all = (0..100).map(|_| system.get("pixel-games", "/v1/usage"));
    let statuses: Vec<StatusCode> = futures_util::future::join_all(all)
        .await
        .into_iter()
        .map(|one| one.0)
        .collect();
    let refused = statuses
        .iter()
        .filter(|status| **status == StatusCode::TOO_MANY_REQUESTS)
        .count();
    assert!(refused > 0 && refused <= 90, "{refused}");
    let series = "api_requests_rate_limited_total{tenant_id=\"pixel-games\"}";
    assert_eq!(metric(&system.backend, series).await, refused as f64);
}

async fn metrics_of_training(system: &System) {
    for series in [
        "training_job_status{job_id=\"acme-video-1\",tenant_id=\"acme-video\"} 2",
        "training_job_completed_total{tenant_id=\"acme-video\"} 1",
        "training_job_failures_total{reason=\"diverged\",tenant_id=\"acme-video\"} 0",
        "model_version_deployed{model_name=\"als-10\",tenant_id=\"acme-video\"} 1",
    ] {
        exposed(&system.engine, series).await;
    }
    for figure in ["ndcg", "map", "precision", "recall"] {
        let series = format!("model_quality_{figure}_at_10{{model_version=\"v1\",tenant_id=\"acme-video\"}}");
        let value = metric(&system.engine, &series).await;
        assert!(value > 0.01 && value < 1.0, "{series} {value}");
    }
    for series in [
        "embedding_generation_duration_seconds_count{model_name=\"als-10\"}",
        "faiss_search_duration_seconds_count{index_type=\"ivf_flat\"}",
        "faiss_search_duration_seconds_count{index_type=\"flat\"}",
        "embedding_cache_misses_total",
    ] {
        assert!(metric(&system.engine, series).await >= 1.0, "{series}");
    }
    exposed(&system.engine, "embedding_cache_hits_total").await;
}

/// Two lists, one of similar items and a batch of interactions, at the prices of the business plan.
async fn bill(system: &System) {
    let (status, body) = system.get("acme-video", "/v1/usage").await;
    assert_eq!(
        (status, &body["micro_usd"]),
        (StatusCode::OK, &json!(2 * 800 + 400 + 30))
    );
    let revenue = metric(&system.backend, "revenue_usd_total{tenant_id=\"acme-video\"}").await;
    assert!((revenue - 0.00203).abs() < 1e-9, "{revenue}");
    let series = "billable_events_total{kind=\"recommendations\",tenant_id=\"acme-video\"}";
    assert_eq!(metric(&system.backend, series).await, 2.0);
}

/// Waits for a line of `/metrics` that begins so.
async fn exposed(address: &str, line: &str) {
    let started = Instant::now();
    loop {
        let text = reqwest::get(format!("http://{address}/metrics"))
            .await
            .expect("metrics are served");
        let text = text.text().await.expect("metrics are text");
        if text.lines().any(|one| one.starts_with(line)) {
            return;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "{line}\nis not in\n{text}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn one_trace(system: &System) {
    eventually("all services are in the trace", || {
        (system.receiver.services(TRACE_ID).len() == 3).then_some(())
    })
    .await;
    let spans = system.receiver.trace(TRACE_ID);
    for (service, name) in [
        ("backend-api", "GET /v1/recommendations"),
        ("backend-api", "cache.get recommendations"),
        ("backend-api", "GET"),
        ("ml-engine", "GET /v1/models/{tenant}/recommendations"),
        ("ml-engine", "ml.inference als-10"),
        ("backend-api", "publish recommender.interactions"),
        ("data-pipeline", "process recommender.interactions"),
    ] {
        let found = spans.iter().any(|span| span.service == service && span.name == name);
        let names: Vec<(&str, &str)> = spans
            .iter()
            .map(|span| (span.service.as_str(), span.name.as_str()))
            .collect();
        assert!(found, "{service}: {name} is not among {names:?}");
    }
    let repeated: Vec<_> = spans.iter().filter(|span| !span.has_unique_keys).collect();
    assert!(repeated.is_empty(), "a key twice: {repeated:?}");
    // Models are trained, and the ledger is made, before anyone asks.
    let trained = system.receiver.of_service("ml-engine");
    assert!(
        trained.iter().any(|span| span.name == "ml.training als-10"),
        "{trained:?}"
    );
    let billed = spans.iter().filter(|span| span.service == "backend-api");
    let mut queries = billed.filter_map(|span| span.attributes.get("db.system.name"));
    assert!(
        queries.any(|system| system == "sqlite"),
        "no query of the ledger in {spans:?}"
    );
}

fn log_lines(system: &System) {
    let lines = system.services[0].lines();
    let served = lines
        .iter()
        .find(|line| line["message"] == "request served" && line["trace_id"] == TRACE_ID);
    let served = served.expect("each request has a line");
    assert_eq!(
        (
            &served["service"],
            &served["request_id"],
            &served["tenant_id"],
            &served["user_id"]
        ),
        (
            &json!("backend-api"),
            &json!("the-test"),
            &json!("acme-video"),
            &json!("user-7")
        )
    );
    assert!(
        served["duration_ms"].as_f64().is_some_and(|duration| duration > 0.0),
        "{served}"
    );
    assert_eq!(
        (&served["success"], &served["status_code"]),
        (&json!(true), &json!(200))
    );
}
