//! The proof: secrets planted in events, breadcrumbs, spans, headers and logs are in no outgoing request and in no line.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Request, StatusCode, Uri};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use skopos_sdk::Observability;
use skopos_sdk::context::RequestContextLayer;
use tokio::runtime::Runtime;
use tower::ServiceExt;

use crate::support::{NOBODY, set_up, wait_until};

type Received = Arc<Mutex<Vec<(String, Bytes)>>>;

/// One for each way in which it is planted, so that a leak tells where it came from.
const SECRETS: [&str; 9] = [
    "zq1Password77",
    "zq2Bearer8812",
    "zq3Cookie9934",
    "zq4Nested4411",
    "zq5Encoded553",
    "zq6Database66",
    "zq7Panicking7",
    "zq8Truncated8",
    "zq9-user-id-9",
];

/// Start of the SHA-256 of the last, by `sha256sum`.
const USER_HASH: &str = "401eada0";

/// Receives envelopes and OTLP on one port.
fn receiver(runtime: &Runtime) -> (String, Received) {
    async fn keep(State(received): State<Received>, uri: Uri, body: Bytes) -> StatusCode {
        let mut received = received.lock().expect("no panic while held");
        received.push((uri.path().to_owned(), body));
        StatusCode::OK
    }
    let received = Received::default();
    let router = Router::new().fallback(keep).with_state(Arc::clone(&received));
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .expect("binds");
    let address = listener.local_addr().expect("bound").to_string();
    runtime.spawn(async move { axum::serve(listener, router).await });
    (address, received)
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// A handler that does everything wrong that can be done wrong.
async fn careless(headers: axum::http::HeaderMap) -> StatusCode {
    let [password, _, _, nested, encoded, database, panicking, truncated, user] = SECRETS;
    let payload = STANDARD.encode(format!(r#"{{"password":"{encoded}"}}"#));
    let span = tracing::info_span!("work", db.password = password, body = %format!(r#"{{"apiKey":"{nested}"}}"#));
    span.in_scope(|| {
        tracing::info!(user_id = user, amount = 12.5, "headers are {headers:?}");
        tracing::warn!(%payload, "retry of postgres://app:{database}@db/x");
        tracing::error!(
            error = %format!("login failed: password={password}"),
            body = %format!(r#"{{"a":{{"access_token":"{nested}"}}}}"#),
            cut = %format!("Authorization: Bearer {truncated}"),
            "call of https://x/y?token={panicking} failed"
        );
    });
    StatusCode::INTERNAL_SERVER_ERROR
}

fn serve(observability: &Observability, requests: usize) {
    let layer = observability.http_layer().expect("metrics register");
    let router = Router::new()
        .route("/v1/execute", post(careless))
        .layer(layer)
        .layer(RequestContextLayer);
    tracing::dispatcher::with_default(observability.dispatch(), || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            for _ in 0..requests {
                let request = Request::post("/v1/execute")
                    .header("authorization", format!("Bearer {}", SECRETS[1]))
                    .header("cookie", format!("sid={}", SECRETS[2]))
                    .header("x-user-id", SECRETS[8])
                    .body(Body::empty())
                    .expect("a request");
                let response = router.clone().oneshot(request).await.expect("infallible");
                assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            }
        });
    });
}

#[test]
fn planted_secrets_leave_by_no_way() {
    let outside = runtime();
    let (address, received) = receiver(&outside);
    let (observability, lines) = set_up(&[
        ("SENTRY_DSN", &format!("http://key@{address}/7")),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{address}")),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("TRACE_SAMPLE_RATE", "1"),
        ("PII_FILTER", "strict"),
    ]);
    serve(&observability, 1);
    observability.flush();
    let arrived = |path: &str| {
        let received = received.lock().expect("no panic while held");
        let bodies = received.iter().filter(|(at, _)| at == path);
        bodies
            .map(|(_, body)| String::from_utf8_lossy(body).into_owned())
            .collect::<String>()
    };
    wait_until("the arrival of events and spans", || {
        !arrived("/api/7/envelope/").is_empty() && !arrived("/v1/traces").is_empty()
    });
    let (events, spans) = (arrived("/api/7/envelope/"), arrived("/v1/traces"));
    let lines = lines.lock().expect("no panic while held").clone();
    for (name, text) in [("events", &events), ("spans", &spans), ("lines", &lines)] {
        assert!(text.contains("[REDACTED]"), "{name}: {text}");
        for secret in SECRETS {
            for form in [
                secret.to_owned(),
                STANDARD.encode(format!(r#"{{"password":"{secret}"}}"#)),
            ] {
                assert!(!text.contains(&form), "{form} in {name}: {text}");
            }
        }
    }
    // What is there instead: the hash of the user, the trace, the request and what went before.
    let hash = USER_HASH;
    let event: serde_json::Value = events
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .find(|item: &serde_json::Value| item.get("contexts").is_some())
        .expect("an event");
    assert_eq!(event["user"]["id"], hash);
    assert_eq!(event["transaction"], "POST /v1/execute");
    assert_eq!(
        event["contexts"]["trace"]["trace_id"].as_str().map(str::len),
        Some(32),
        "{event}"
    );
    assert_eq!(
        event["breadcrumbs"]["values"].as_array().map(Vec::len),
        Some(2),
        "{event}"
    );
    assert!(lines.contains(hash) && spans.contains(hash));
    observability.shutdown();
}

/// Nobody listens: requests are answered as ever, envelopes are dropped and counted, and the end comes.
#[test]
fn a_dead_endpoint_costs_envelopes_alone() {
    let (observability, _) = set_up(&[("SENTRY_DSN", &format!("http://key@{NOBODY}/7"))]);
    serve(&observability, 200);
    observability.shutdown();
    let dropped = |reason: &str| {
        let sample = format!("sentry_envelopes_dropped_total{{reason=\"{reason}\"");
        let metrics = observability.render_metrics();
        let line = metrics
            .lines()
            .find(|line| line.starts_with(&sample))
            .map(str::to_owned);
        line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .unwrap_or_default()
    };
    wait_until("the end of all envelopes", || {
        dropped("send_failed") + dropped("queue_full") >= 200.0
    });
}
