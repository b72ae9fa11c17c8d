//! A conversation through all services: replies, metrics, dead letters, and one trace across the bus.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;
use skopos_bus::{BusConfig, BusMetrics, Producer};

use crate::fleet::{Service, eventually, metric, metric_reaches};
use crate::receiver::{ReceivedSpan, Receiver};

mod metrics;

const SECRET: &str = "a secret of the test";
const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT_ID: &str = "b7ad6b7169203331";

/// A token as any JWT library would make it.
fn token(claims: &Value) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let signed = format!(
        "{}.{}",
        part(r#"{"typ":"JWT","alg":"HS256"}"#),
        part(&claims.to_string())
    );
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())
        .expect("any length")
        .chain_update(&signed);
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn agent(tenant: &str) -> String {
    token(&json!({ "sub": "test", "tenant": tenant, "role": "agent", "exp": 4_000_000_000_i64 }))
}

struct System {
    receiver: Receiver,
    services: Vec<Service>,
    broker: String,
    executor: String,
    worker: String,
    gateway: String,
    client: Client,
}

impl System {
    async fn start() -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let (receiver, collector) = Receiver::start().await;
        let listen = ["--listen", "127.0.0.1:0"];
        let broker = Service::start("broker", &listen, collector);
        let broker_address = broker.address().await;
        let bus = format!("kafka://{broker_address}");
        let flags = [listen[0], listen[1], "--bus", &bus];
        // On a busy machine CPU time passes slower than wall time: only its limit may end a tool here.
        let limits = ["--tool-cpu", "1", "--tool-timeout", "50"];
        let executor = Service::start("tool-executor", &[&flags[..], &limits[..]].concat(), collector);
        let worker = Service::start("conversation-worker", &flags, collector);
        let flags = [listen[0], listen[1], "--bus", &bus, "--auth-secret", SECRET];
        let gateway = Service::start("gateway", &flags, collector);
        Self {
            receiver,
            broker: broker_address,
            executor: executor.address().await,
            worker: worker.address().await,
            gateway: gateway.address().await,
            services: vec![gateway, worker, executor, broker],
            client: Client::new(),
        }
    }

    async fn open(&self, token: &str) -> String {
        let answer = self
            .client
            .post(format!("http://{}/v1/sessions", self.gateway))
            .bearer_auth(token)
            .json(&json!({}))
            .send()
            .await
            .expect("the gateway answers");
        assert_eq!(answer.status(), StatusCode::CREATED);
        let body: Value = answer.json().await.expect("JSON");
        body["session_id"].as_str().expect("a session id").to_owned()
    }

    async fn send(&self, token: &str, session: &str, text: &str) -> reqwest::Response {
        self.client
            .post(format!("http://{}/v1/sessions/{session}/messages", self.gateway))
            .bearer_auth(token)
            .header("traceparent", format!("00-{TRACE_ID}-{PARENT_ID}-01"))
            .json(&json!({ "text": text }))
            .send()
            .await
            .expect("the gateway answers")
    }

    /// Sends a message and reads the session until its reply is there.
    async fn ask(&self, token: &str, session: &str, text: &str) -> Value {
        let answer = self.send(token, session, text).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED, "{text}");
        let accepted: Value = answer.json().await.expect("JSON");
        let started = Instant::now();
        loop {
            let read: Value = self
                .client
                .get(format!("http://{}/v1/sessions/{session}", self.gateway))
                .bearer_auth(token)
                .send()
                .await
                .expect("the gateway answers")
                .json()
                .await
                .expect("JSON");
            let turns = read["turns"].as_array().expect("turns");
            let turn = turns.iter().find(|turn| turn["message_id"] == accepted["event_id"]);
            let reply = &turn.expect("the message is kept")["reply"];
            if !reply.is_null() {
                return reply.clone();
            }
            assert!(started.elapsed() < Duration::from_mins(1), "no reply to {text}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_crosses_all_services() {
    let mut system = System::start().await;
    answers(&system).await;
    failures(&system).await;
    refusals(&system).await;
    poison(&system).await;
    metrics::each_row_is_exposed(&system).await;
    metrics::each_topic_has_its_dead_letters(&system).await;
    end(&mut system).await;
    one_trace(&system).await;
    lines(&system);
}

async fn answers(system: &System) {
    let token = agent("acme");
    let session = system.open(&token).await;
    let reply = system.ask(&token, &session, "what is 12 * (3 + 4)?").await;
    assert_eq!(
        (&reply["status"], &reply["tool"]),
        (&json!("answered"), &json!("calculator"))
    );
    assert!(
        reply["text"].as_str().is_some_and(|text| text.starts_with("84\n")),
        "{reply}"
    );
    let reply = system.ask(&token, &session, "why does the pile of baskets grow?").await;
    assert_eq!(
        (&reply["status"], &reply["intent"]),
        (&json!("answered"), &json!("question"))
    );
    assert!(
        reply["text"].as_str().is_some_and(|text| text.split(' ').count() > 10),
        "{reply}"
    );

    for (address, series, value) in [
        (&system.gateway, "sessions_created_total", 1.0),
        (&system.gateway, "policy_evaluations_total{result=\"allow\"}", 3.0),
        (&system.worker, "conversation_requests_total", 2.0),
        (&system.worker, "conversation_processing_duration_seconds_count", 2.0),
        (&system.worker, "slm_requests_total{model=\"harbour-trigram\"}", 2.0),
        (&system.worker, "intent_classification_total{intent=\"calculate\"}", 1.0),
        (
            &system.executor,
            "tool_execution_total{status=\"success\",tool_name=\"calculator\"}",
            1.0,
        ),
        (
            &system.executor,
            "resource_usage_memory_bytes_count{tool_name=\"calculator\"}",
            1.0,
        ),
    ] {
        assert!(metric(address, series).await >= value, "{series}");
    }
    let spent = "budget_tokens_consumed_total{persona_id=\"assistant\",tenant=\"acme\"}";
    assert!(metric(&system.worker, spent).await > 20.0);
}

/// Tools that fail for real, and what the user is told of it.
async fn failures(system: &System) {
    let token = agent("acme");
    let session = system.open(&token).await;
    for (text, status, part, error_type) in [
        (
            "what is 7 / (3 - 3)?",
            "tool_failed",
            "division by zero",
            "division_by_zero",
        ),
        (
            "hash with 1 rounds and 2048 MiB: salt",
            "tool_failed",
            "2048 MiB",
            "memory_limit",
        ),
        (
            "hash with 90000000 rounds and 8 MiB: salt",
            "tool_failed",
            "CPU time",
            "cpu_limit",
        ),
        (
            "use the tool translate: guten Tag",
            "tool_failed",
            "no tool",
            "unknown_tool",
        ),
    ] {
        let reply = system.ask(&token, &session, text).await;
        let told = reply["text"].as_str().is_some_and(|text| text.contains(part));
        assert!(reply["status"] == status && told, "{text}: {reply}");
        let tool = reply["tool"]
            .as_str()
            .filter(|_| error_type != "unknown_tool")
            .unwrap_or("unknown");
        let series = format!("tool_execution_failures_total{{error_type=\"{error_type}\",tool_name=\"{tool}\"}}");
        assert_eq!(metric(&system.executor, &series).await, 1.0, "{series}");
    }
    assert_eq!(
        metric(&system.worker, "conversation_errors_total{error_type=\"tool_failed\"}").await,
        4.0
    );
    let small = agent("tinyshop");
    let session = system.open(&small).await;
    let reply = system.ask(&small, &session, "compress this text: aaaa aaaa aaaa").await;
    assert_eq!(reply["status"], "tool_blocked", "{reply}");
    let blocked = "policy_blocked_total{tenant=\"tinyshop\",tool_name=\"compress\"}";
    assert_eq!(metric(&system.executor, blocked).await, 1.0);
}

async fn refusals(system: &System) {
    let token_of = |role: &str, exp: i64| token(&json!({"sub": "t", "tenant": "acme", "role": role, "exp": exp}));
    let good = agent("acme");
    let session = system.open(&good).await;
    let too_long = "x".repeat(4001);
    let far = 4_000_000_000;
    for (token, session, text, status, code) in [
        ("", session.as_str(), "hello", 401, "unauthenticated"),
        (&token_of("agent", 1), &session, "hello", 401, "unauthenticated"),
        (&token_of("reader", far), &session, "hello", 403, "policy_denied"),
        (&good, &session, &too_long, 403, "policy_denied"),
        (&good, &session, &too_long.repeat(5), 413, "body_too_large"),
        (&good, "nowhere", "hello", 404, "session_not_found"),
        (&agent("globex"), &session, "hello", 404, "session_not_found"),
    ] {
        let answer = system.send(token, session, text).await;
        assert_eq!(answer.status().as_u16(), status, "{code}");
        let body: Value = answer.json().await.expect("errors are JSON");
        assert_eq!(body["error"]["code"], code);
        assert!(body["error"]["hint"].as_str().is_some_and(|hint| !hint.is_empty()));
    }
    let auditor = token_of("auditor", far);
    let url = format!("http://{}/v1/sessions/{session}", system.gateway);
    let answer = system
        .client
        .get(url)
        .bearer_auth(auditor)
        .send()
        .await
        .expect("answers");
    let body: Value = answer.json().await.expect("errors are JSON");
    assert_eq!(body["error"]["code"], "policy_not_evaluated");
    assert!(metric(&system.gateway, "policy_evaluations_total{result=\"error\"}").await >= 1.0);
}

/// An event that nobody can read goes to the dead letters and is counted.
async fn poison(system: &System) {
    let bus = BusConfig::parse(&format!("kafka://{}", system.broker), "test").expect("an address");
    let metrics = BusMetrics::register(&prometheus::Registry::new()).expect("a new registry");
    let producer = Producer::new(&bus, metrics).expect("a producer");
    let context = opentelemetry::Context::new();
    let taken = metric(&system.worker, "conversation_requests_total").await;
    producer
        .publish_raw("conversation.inbound", "k", "stray", b"{\"half\": ", &context)
        .await
        .expect("the broker takes bytes");
    let dead = "dead_letters_total{error_type=\"decode\",topic=\"conversation.inbound\"}";
    metric_reaches(&system.worker, dead, 1.0).await;
    assert_eq!(
        metric(&system.worker, "conversation_errors_total{error_type=\"decode\"}").await,
        1.0
    );
    // A share of failures has both sides: what failed was taken.
    assert_eq!(metric(&system.worker, "conversation_requests_total").await, taken + 1.0);
    let mut letters = 0.0;
    for partition in 0..2 {
        let series = format!(
            "kafka_topic_partition_current_offset{{partition=\"{partition}\",topic=\"conversation.inbound.dlq\"}}"
        );
        letters += metric(&system.broker, &series).await;
    }
    assert_eq!(letters, 1.0);
}

/// Every service ends by itself when its parent is gone, also when the bus is gone first, and sends what it still holds.
async fn end(system: &mut System) {
    for service in system.services.iter_mut().rev() {
        assert!(service.abandon().await.success());
    }
}

async fn one_trace(system: &System) {
    let receiver = &system.receiver;
    eventually("all services are in the trace", || {
        (receiver.services(TRACE_ID).len() == 3).then_some(())
    })
    .await;
    let spans = receiver.trace(TRACE_ID);
    assert!(spans.iter().all(|span| span.environment == "LOCAL"));
    // From the reply on the bus back to the caller of the gateway, for the message that needed a tool.
    let tool = spans
        .iter()
        .find(|span| span.name == "tool calculator")
        .expect("the tool's span");
    let mut path = vec![(tool.service.as_str(), tool.name.as_str())];
    let mut at = tool;
    while let Some(parent) = spans.iter().find(|span| span.span_id == at.parent_id) {
        path.push((parent.service.as_str(), parent.name.as_str()));
        at = parent;
    }
    assert_eq!(
        path,
        [
            ("tool-executor", "tool calculator"),
            ("tool-executor", "process tool.requests"),
            ("conversation-worker", "publish tool.requests"),
            ("conversation-worker", "process conversation.inbound"),
            ("gateway", "publish conversation.inbound"),
            ("gateway", "POST /v1/sessions/{id}/messages"),
        ]
    );
    assert_eq!(at.parent_id, PARENT_ID);
    for (service, name) in [
        ("conversation-worker", "process tool.results"),
        ("conversation-worker", "slm harbour-trigram"),
        ("gateway", "process conversation.outbound"),
    ] {
        assert!(
            spans.iter().any(|s| s.service == service && s.name == name),
            "{service}: {name}"
        );
    }
    manual_spans(&spans);
    let ids: Vec<&str> = spans.iter().map(|span| span.span_id.as_str()).collect();
    for line in system.services.iter().flat_map(Service::lines) {
        if line["trace_id"] == TRACE_ID {
            assert!(ids.contains(&line["span_id"].as_str().expect("a span id")), "{line}");
        }
    }
    let accepted = |line: &Value| line["message"] == "message accepted" && line["trace_id"] == TRACE_ID;
    assert!(system.services[0].lines().iter().any(accepted));
}

/// The spans that the services make themselves say what they did.
fn manual_spans(spans: &[ReceivedSpan]) {
    for (name, wanted) in [
        (
            "tool calculator",
            &[
                "tool.name",
                "process.pid",
                "process.exit.code",
                "tool.cpu_ms",
                "tool.peak_resident_bytes",
            ][..],
        ),
        (
            "slm harbour-trigram",
            &[
                "gen_ai.operation.name",
                "gen_ai.request.model",
                "gen_ai.usage.input_tokens",
                "gen_ai.usage.output_tokens",
            ],
        ),
        (
            "process tool.requests",
            &[
                "messaging.system",
                "messaging.destination.name",
                "messaging.consumer.group.name",
                "messaging.message.id",
            ],
        ),
    ] {
        let span = spans.iter().find(|span| span.name == name).expect(name);
        for attribute in wanted {
            assert!(span.attributes.contains_key(*attribute), "{attribute}: {span:?}");
        }
    }
}

/// What a line of the fleet's own code says, in whatever span it was written; and an error as such.
fn lines(system: &System) {
    let lines: Vec<Value> = system.services.iter().flat_map(Service::lines).collect();
    let own = |line: &&Value| {
        let logger = line["logger"].as_str().unwrap_or_default();
        logger.starts_with("skopos_fleet") || logger.starts_with("skopos_bus")
    };
    let own: Vec<&Value> = lines.iter().filter(own).collect();
    assert!(!own.is_empty());
    for line in &own {
        for member in [
            "timestamp",
            "level",
            "logger",
            "message",
            "module",
            "function",
            "service",
        ] {
            assert!(
                line[member].as_str().is_some_and(|text| !text.is_empty()),
                "{member}: {line}"
            );
        }
        assert!(line["line"].as_u64() > Some(0), "{line}");
    }
    let accepted = own.iter().find(|line| line["message"] == "message accepted");
    assert!(accepted.expect("said above")["session_id"].is_string());
    let handed_over = own
        .iter()
        .find(|line| line["message"] == "event handed over to the dead-letter topic")
        .expect("the poison of above");
    assert_eq!(handed_over["original_event"], "\"{\\\"half\\\": \"");
    assert_eq!(handed_over["function"], "hand_over");
}
