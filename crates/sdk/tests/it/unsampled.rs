//! What is left of an unsampled request: its ids in logs and in what it sends on, and no inner spans.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use opentelemetry::trace::{SpanContext, SpanKind, TraceContextExt};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, ShouldSample};
use skopos_sdk::Observability;
use skopos_sdk::kafka::{KafkaTracer, Received};
use tower::ServiceExt;
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::support::{active_span, set_up, value};

#[test]
fn inner_spans_are_not_made_but_identity_goes_on() {
    let (observability, lines) = set_up(&[("OTEL_TRACES_EXPORTER", "none"), ("TRACE_SAMPLE_RATE", "0")]);
    tracing::dispatcher::with_default(observability.dispatch(), || {
        let request = tracing::info_span!("request", otel.kind = "server");
        request.in_scope(|| {
            let inner = tracing::info_span!("step");
            assert!(inner.is_disabled());
            inner.in_scope(|| {
                tracing::info!("within");
                assert_eq!(Span::current().id(), request.id());
                let call = tracing::info_span!("call", otel.kind = "client");
                assert!(!call.is_disabled());
                let ids = |span: &Span| span.context().span().span_context().trace_id();
                assert_eq!(ids(&call), ids(&request));
            });
        });
    });
    let lines = lines.lock().expect("no panic while held").clone();
    let line: serde_json::Value = serde_json::from_str(lines.trim()).expect("one line");
    assert_eq!(line["trace_id"].as_str().map(str::len), Some(32));
}

#[test]
fn samplers_that_ask_for_each_span_make_each_span() {
    let each = [
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0"),
    ];
    let kept = [("TRACE_SAMPLE_RATE", "0"), ("ERRORS_ALWAYS", "true")];
    for vars in [each, kept] {
        let (observability, _) = set_up(&vars);
        tracing::dispatcher::with_default(observability.dispatch(), || {
            tracing::info_span!("request").in_scope(|| assert!(!tracing::info_span!("step").is_disabled()));
        });
    }
}

/// What a handler sees of its request, inside and in a task that it hands its span to.
#[derive(Debug, Default, Clone)]
struct Seen {
    here: Option<SpanContext>,
    in_task: Option<SpanContext>,
    inner_is_made: bool,
}

/// Answers one request through the layer, with the caller's `traceparent`.
fn served(observability: &Observability, traceparent: Option<&str>) -> Seen {
    opentelemetry::global::set_text_map_propagator(skopos_sdk::W3cPropagator);
    let seen: Arc<Mutex<Seen>> = Arc::default();
    let copy = Arc::clone(&seen);
    let handler = async move || {
        tracing::info!("within");
        let in_task = tokio::spawn(async move { active_span() }.in_current_span()).await;
        *copy.lock().expect("no panic while held") = Seen {
            here: Some(active_span()),
            in_task: in_task.ok(),
            inner_is_made: !tracing::info_span!("step").is_disabled(),
        };
    };
    let router = Router::new()
        .route("/orders/{id}", get(handler))
        .layer(observability.http_layer().expect("metrics register"));
    let request = Request::get("/orders/7").header("traceparent", traceparent.unwrap_or_default());
    let request = request.body(Body::empty()).expect("a request");
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    tracing::dispatcher::with_default(observability.dispatch(), || {
        let answered = runtime.expect("a runtime").block_on(router.oneshot(request));
        answered.expect("infallible")
    });
    let seen = seen.lock().expect("no panic while held");
    seen.clone()
}

#[test]
fn an_unsampled_request_has_its_identity_in_handler_task_and_log() {
    let (observability, lines) = set_up(&[("OTEL_TRACES_EXPORTER", "none"), ("TRACE_SAMPLE_RATE", "0")]);
    let seen = served(&observability, None);
    let here = seen.here.expect("served");
    assert!(here.is_valid() && !here.is_sampled() && !here.is_remote());
    assert_eq!(seen.in_task.as_ref(), Some(&here));
    assert!(!seen.inner_is_made);
    let lines = lines.lock().expect("no panic while held").clone();
    let line: serde_json::Value = serde_json::from_str(lines.trim()).expect("one line");
    assert_eq!(line["trace_id"], here.trace_id().to_string());
    assert_eq!(line["span_id"], here.span_id().to_string());
    assert!(skopos_sdk::active_span_ids().is_none(), "nothing stays active");
}

#[test]
fn a_request_follows_its_caller_whatever_the_share_of_roots() {
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0";
    for (rate, flag, sampled) in [("1", "0", false), ("0", "1", true)] {
        let (observability, _) = set_up(&[("OTEL_TRACES_EXPORTER", "none"), ("TRACE_SAMPLE_RATE", rate)]);
        let seen = served(&observability, Some(&format!("{parent}{flag}")));
        let here = seen.here.expect("served");
        assert_eq!(here.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_ne!(here.span_id().to_string(), "b7ad6b7169203331");
        assert_eq!((here.is_sampled(), seen.inner_is_made), (sampled, sampled));
        assert_eq!(seen.in_task.map(|task| task.span_id()), Some(here.span_id()));
    }
}

#[test]
fn the_trace_id_of_a_request_is_the_one_that_was_judged() {
    let (observability, _) = set_up(&[("OTEL_TRACES_EXPORTER", "none"), ("TRACE_SAMPLE_RATE", "0.5")]);
    let ratio = Sampler::TraceIdRatioBased(0.5);
    let mut counts = [0, 0];
    for _ in 0..64 {
        let here = served(&observability, None).here.expect("served");
        let again = ratio.should_sample(None, here.trace_id(), "", &SpanKind::Server, &[], &[]);
        assert_eq!(here.is_sampled(), again.decision == SamplingDecision::RecordAndSample);
        counts[usize::from(here.is_sampled())] += 1;
    }
    // A fair coin shows one side 64 times in a row once in 2^63 runs.
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}

#[tokio::test]
async fn a_message_follows_its_producer_as_a_request_its_caller() {
    opentelemetry::global::set_text_map_propagator(skopos_sdk::W3cPropagator);
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0";
    for (rate, flag, sampled) in [("1", "0", false), ("0", "1", true)] {
        let (observability, _) = set_up(&[("OTEL_TRACES_EXPORTER", "none"), ("TRACE_SAMPLE_RATE", rate)]);
        let _guard = tracing::dispatcher::set_default(observability.dispatch());
        let headers = HashMap::from([("traceparent".to_owned(), format!("{parent}{flag}"))]);
        let message = Received {
            topic: "orders",
            group: "billing",
            partition: 0,
            offset: 41,
            headers: &headers,
        };
        let look = async { Ok::<_, String>((active_span(), !tracing::info_span!("step").is_disabled())) };
        let kafka = KafkaTracer::with_meter(&observability.meter("test"));
        let (here, inner_is_made) = kafka.process(message, look).await.expect("processed");
        assert_eq!(here.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_ne!(here.span_id().to_string(), "b7ad6b7169203331");
        assert_eq!((here.is_sampled(), inner_is_made), (sampled, sampled));
        assert!(!active_span().is_valid(), "nothing stays active");
        let series = "messaging_process_duration_seconds_count{messaging_consumer_group_name=\"billing\",\
                      messaging_destination_name=\"orders\",messaging_operation_name=\"process\",\
                      messaging_system=\"kafka\",otel_scope_name=\"test\"}";
        assert_eq!(value(&observability.render_metrics(), series), 1.0);
    }
}

#[test]
fn what_is_below_the_level_is_not_asked_about() {
    let (observability, _) = set_up(&[("OTEL_TRACES_EXPORTER", "none"), ("LOG_LEVEL", "info")]);
    tracing::dispatcher::with_default(observability.dispatch(), || {
        assert!(tracing::enabled!(tracing::Level::INFO));
        assert!(!tracing::enabled!(tracing::Level::DEBUG));
    });
}
