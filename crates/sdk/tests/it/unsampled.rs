//! What is left of an unsampled request: its ids in logs and in what it sends on, and no inner spans.

use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::support::set_up;

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
                let ids = |span: &Span| {
                    use opentelemetry::trace::TraceContextExt;
                    span.context().span().span_context().trace_id()
                };
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
