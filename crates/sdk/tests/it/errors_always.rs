//! `ERRORS_ALWAYS`: an unsampled request that fails is exported as a whole, one that succeeds is not.

use opentelemetry::trace::TraceContextExt;
use opentelemetry::trace::{Span, Status, Tracer};
use opentelemetry::{Context, KeyValue};

use crate::support::{set_up, value};

/// One unsampled request with a step; the step or nothing fails.
fn request(tracer: &impl Tracer<Span = opentelemetry_sdk::trace::Span>, fails: bool) {
    let root = Context::new().with_span(tracer.start_with_context("serve", &Context::new()));
    assert!(!root.span().span_context().is_sampled());
    let mut step = tracer.start_with_context("step", &root);
    step.set_attribute(KeyValue::new("attempt", 1));
    if fails {
        step.set_status(Status::error("no stock"));
    }
    step.end();
    root.span().end();
}

fn spans_of(vars: &[(&str, &str)], outcomes: &[bool]) -> f64 {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("bound");
    let endpoint = format!("http://{closed}");
    let mut all = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("TRACE_SAMPLE_RATE", "0"),
    ];
    all.extend(vars);
    let (observability, _) = set_up(&all);
    for fails in outcomes {
        request(&observability.tracer(), *fails);
    }
    observability.flush();
    // Nobody listens, so what would have been exported is what failed to be.
    value(
        &observability.render_metrics(),
        "otel_spans_dropped_total{reason=\"export_failed\"}",
    )
}

#[test]
fn failed_requests_are_exported_whole() {
    let outcomes = [false, true, false, true, false];
    assert_eq!(spans_of(&[("ERRORS_ALWAYS", "true")], &outcomes), 4.0);
    assert_eq!(spans_of(&[], &outcomes), 0.0);
}
