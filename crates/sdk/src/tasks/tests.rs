//! Every operation measures itself under the exported names, and errors reach spans and counts as the alerts expect.

use std::sync::Arc;

use opentelemetry::trace::{Status, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tracing_subscriber::prelude::*;

use super::*;
use crate::{Observability, ObservabilityBuilder, Settings};

struct Bench {
    observability: Observability,
    tasks: TaskTracer,
    spans: InMemorySpanExporter,
    _guard: tracing::subscriber::DefaultGuard,
}

fn bench() -> Bench {
    let settings = Settings::from_lookup("arbitrage", "1", |name| {
        (name == "ENABLE_OBSERVABILITY").then(|| "false".to_owned())
    });
    let observability = ObservabilityBuilder::new(settings.expect("valid"))
        .log_sink(Arc::new(|_| {}))
        .build()
        .expect("builds");
    let spans = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    Bench {
        tasks: TaskTracer::new(&observability.meter("test")),
        observability,
        spans,
        _guard: tracing::subscriber::set_default(tracing_subscriber::registry().with(layer)),
    }
}

impl Bench {
    /// The value of the series with this name and all these labels.
    fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let text = self.observability.render_metrics();
        let line = text.lines().find(|line| {
            line.starts_with(&format!("{name}{{")) && labels.iter().all(|(k, v)| line.contains(&format!("{k}=\"{v}\"")))
        })?;
        line.rsplit_once(' ')?.1.parse().ok()
    }

    fn span(&self, name: &str) -> SpanData {
        let spans = self.spans.get_finished_spans().expect("kept");
        spans
            .into_iter()
            .find(|span| span.name == name)
            .unwrap_or_else(|| panic!("a span {name}"))
    }
}

fn attribute(span: &SpanData, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|a| a.key.as_str() == key)?;
    Some(found.value.to_string())
}

fn timed_out() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer in 3 s")
}

#[tokio::test]
async fn the_instruments_bear_the_names_that_the_alerts_ask_for() {
    let bench = bench();
    let tasks = &bench.tasks;
    tasks
        .task_execution("t1", "watch")
        .run(async { Ok::<_, String>(()) })
        .await
        .expect("works");
    tasks.task_execution("t2", "watch").fail_as("broken", "it broke");
    tasks.llm_call("m", "http://llm.test/v1/chat").usage(Usage {
        input_tokens: 40,
        output_tokens: 2,
        ..Usage::default()
    });
    drop(tasks.marketplace_scan("https://ebay.test/search?q=secret"));
    tasks.bid("ebay.test", "rejected");
    tasks.payment_processing("p", 12).outcome("declined");
    drop(tasks.rag_query("how", 5));
    drop(tasks.arena_competition("a"));

    let counts: [(&str, &[(&str, &str)]); 9] = [
        (
            "task_execution_time_milliseconds_count",
            &[("task_type", "watch"), ("status", "success")],
        ),
        ("task_completion_total", &[("task_type", "watch")]),
        ("task_error_total", &[("task_type", "watch"), ("error_type", "broken")]),
        (
            "llm_call_duration_milliseconds_count",
            &[("model", "m"), ("endpoint", "http://llm.test/v1/chat")],
        ),
        (
            "marketplace_scan_duration_milliseconds_count",
            &[("marketplace", "ebay.test")],
        ),
        (
            "bid_placement_total",
            &[("marketplace", "ebay.test"), ("outcome", "rejected")],
        ),
        (
            "payment_processing_duration_milliseconds_count",
            &[("outcome", "declined")],
        ),
        ("rag_query_duration_milliseconds_count", &[("top_k", "5")]),
        (
            "arena_competition_duration_milliseconds_count",
            &[("outcome", "success")],
        ),
    ];
    for (name, labels) in counts {
        assert_eq!(bench.value(name, labels), Some(1.0), "{name} {labels:?}");
    }
    let input = bench.value("llm_token_usage_tokens_sum", &[("model", "m"), ("direction", "input")]);
    assert_eq!(input, Some(40.0));
    assert!(!bench.observability.render_metrics().contains("secret"));
}

#[tokio::test]
async fn a_task_that_fails_at_a_model_call_counts_once_and_says_so() {
    let bench = bench();
    let result = bench
        .tasks
        .task_execution("t1", "watch")
        .run(async {
            let scan = bench.tasks.marketplace_scan("https://ebay.test/");
            scan.run(async { Err::<(), _>("moved away") })
                .await
                .expect_err("is borne");
            let call = bench.tasks.llm_call("m", "https://api.openai.com/v1");
            call.run(async { Err::<(), _>(timed_out()) }).await
        })
        .await;
    assert!(result.is_err());
    let text = bench.observability.render_metrics();
    let errors: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("task_error_total{"))
        .collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let labels = [("task_type", "watch"), ("error_type", "llm.TimedOut")];
    assert_eq!(bench.value("task_error_total", &labels), Some(1.0));
    let span = bench.span("chat m");
    assert_eq!(attribute(&span, "error.type").as_deref(), Some("TimedOut"));
    assert_eq!(attribute(&span, "error.message").as_deref(), Some("no answer in 3 s"));
    assert!(matches!(span.status, Status::Error { .. }));
    assert_eq!(
        attribute(&bench.span("task.execute watch"), "task.status").as_deref(),
        Some("error")
    );
}

#[tokio::test]
async fn a_failure_outside_of_any_task_counts_under_its_area() {
    let bench = bench();
    let payment = bench.tasks.payment_processing("p", "9.99");
    payment.run_sync(|| Err::<(), _>(timed_out())).expect_err("fails");
    let labels = [("task_type", "payment"), ("error_type", "payment.TimedOut")];
    assert_eq!(bench.value("task_error_total", &labels), Some(1.0));
    let outcome = [("outcome", "error")];
    assert_eq!(
        bench.value("payment_processing_duration_milliseconds_count", &outcome),
        Some(1.0)
    );
}

#[tokio::test]
async fn a_dropped_future_counts_as_cancelled_and_not_as_done() {
    let bench = bench();
    {
        let task = bench.tasks.task_execution("t", "watch");
        let run = task.run(std::future::pending::<Result<(), String>>());
        assert!(futures_util::FutureExt::now_or_never(run).is_none());
    }
    let labels = [("status", "cancelled")];
    assert_eq!(
        bench.value("task_execution_time_milliseconds_count", &labels),
        Some(1.0)
    );
    assert_eq!(bench.value("task_completion_total", &[]), None);
}

#[test]
fn a_panic_is_an_error_of_the_operation() {
    let bench = bench();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _competition = bench.tasks.arena_competition("a");
        panic!("bug");
    }));
    assert!(caught.is_err());
    let labels = [("outcome", "error")];
    assert_eq!(
        bench.value("arena_competition_duration_milliseconds_count", &labels),
        Some(1.0)
    );
    assert_eq!(
        attribute(&bench.span("arena.compete"), "error.type").as_deref(),
        Some("panic")
    );
}

#[test]
fn a_model_call_follows_the_conventions_and_hides_the_key() {
    let bench = bench();
    let call = bench
        .tasks
        .llm_call("gpt-4o-mini", "https://api.openai.com/v1/chat/completions?key=k");
    call.usage(Usage {
        input_tokens: 52,
        output_tokens: 17,
        cache_read_input_tokens: Some(32),
        reasoning_output_tokens: None,
    });
    call.cost_usd(0.0125);
    call.response("gpt-4o-mini-2024-07-18", "chatcmpl-1", &["tool_calls"]);
    drop(call);
    let span = bench.span("chat gpt-4o-mini");
    assert_eq!(span.span_kind, opentelemetry::trace::SpanKind::Client);
    let expected = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "openai"),
        ("gen_ai.request.model", "gpt-4o-mini"),
        ("gen_ai.response.model", "gpt-4o-mini-2024-07-18"),
        ("gen_ai.response.finish_reasons", "[\"tool_calls\"]"),
        ("gen_ai.usage.input_tokens", "52"),
        ("gen_ai.usage.output_tokens", "17"),
        ("gen_ai.usage.cache_read.input_tokens", "32"),
        ("gen_ai.usage.cost", "0.0125"),
        ("server.address", "api.openai.com"),
        ("server.port", "443"),
    ];
    for (key, value) in expected {
        assert_eq!(attribute(&span, key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(attribute(&span, "gen_ai.usage.reasoning.output_tokens"), None);
    drop(
        bench
            .tasks
            .llm_call("e", "http://localhost")
            .operation_name("embeddings")
            .provider("cohere"),
    );
    assert_eq!(
        attribute(&bench.span("embeddings e"), "gen_ai.provider.name").as_deref(),
        Some("cohere")
    );
}

#[test]
fn amounts_and_queries_stay_out_of_spans_unless_asked_for() {
    let bench = bench();
    drop(bench.tasks.payment_processing("p1", "99.50"));
    assert_eq!(attribute(&bench.span("payment.process"), "payment.amount"), None);
    bench.spans.reset();
    drop(bench.tasks.clone().with_amounts(true).payment_processing("p2", "99.50"));
    assert_eq!(
        attribute(&bench.span("payment.process"), "payment.amount").as_deref(),
        Some("99.50")
    );
    drop(bench.tasks.rag_query("my own illness", 3));
    let span = bench.span("rag.query");
    assert!(!format!("{span:?}").contains("illness"));
    assert_eq!(attribute(&span, "rag.query.length").as_deref(), Some("14"));
}
