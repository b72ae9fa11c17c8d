//! Which events become lines, whatever becomes of spans.

use std::sync::{Arc, Mutex};

use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};
use serde_json::Value;
use skopos_sdk::{ObservabilityBuilder, Settings};

/// The lines and spans of a service with these directives.
fn logged(directives: &str, log: impl FnOnce()) -> (Vec<Value>, Vec<SpanData>) {
    let settings = Settings::from_lookup("shop", "1.0", |name| match name {
        "RUST_LOG" => Some(directives.to_owned()),
        "TRACE_SAMPLE_RATE" => Some("1".to_owned()),
        _ => None,
    });
    let lines: Arc<Mutex<Vec<Value>>> = Arc::default();
    let copy = Arc::clone(&lines);
    let spans = InMemorySpanExporter::default();
    let observability = ObservabilityBuilder::new(settings.expect("valid settings"))
        .log_sink(Arc::new(move |line| {
            let line = serde_json::from_slice(line).expect("JSON");
            copy.lock().expect("no panic while held").push(line);
        }))
        .span_exporter(spans.clone())
        .build()
        .expect("builds");
    tracing::dispatcher::with_default(observability.dispatch(), log);
    observability.flush();
    let lines = lines.lock().expect("no panic while held").clone();
    (lines, spans.get_finished_spans().expect("no panic while held"))
}

fn messages(lines: &[Value]) -> Vec<&str> {
    lines.iter().filter_map(|line| line["message"].as_str()).collect()
}

#[test]
fn an_event_below_the_level_of_lines_is_one_of_its_span_all_the_same() {
    let (lines, spans) = logged("warn", || {
        tracing::info_span!("charge").in_scope(|| {
            tracing::info!("asked");
            tracing::warn!("refused");
            tracing::debug!("nobody wants this");
        });
    });
    assert_eq!(messages(&lines), ["refused"]);
    let [span] = &spans[..] else {
        panic!("{spans:?}");
    };
    let events: Vec<&str> = span.events.iter().map(|event| event.name.as_ref()).collect();
    assert_eq!(events, ["asked", "refused"]);
}

#[test]
fn an_event_above_the_level_of_spans_is_a_line_alone() {
    let (lines, spans) = logged("debug", || {
        tracing::debug_span!("detail").in_scope(|| ());
        tracing::info_span!("charge").in_scope(|| tracing::debug!("detail"));
    });
    assert_eq!(messages(&lines), ["detail"]);
    let [span] = &spans[..] else {
        panic!("{spans:?}");
    };
    assert_eq!((span.name.as_ref(), span.events.len()), ("charge", 0));
}

#[test]
fn a_directive_of_a_target_is_that_of_its_lines() {
    let (lines, _) = logged("info,noisy=off,shop::pay=debug", || {
        tracing::error!(target: "noisy::inner", "off");
        tracing::info!(target: "shop", "info");
        tracing::debug!(target: "shop", "below");
        tracing::debug!(target: "shop::pay", "debug");
        tracing::trace!(target: "shop::pay", "below");
    });
    assert_eq!(messages(&lines), ["info", "debug"]);
}

#[test]
fn a_directive_of_a_span_holds_within_it() {
    let (lines, _) = logged("warn,[charge{tenant=acme}]=debug", || {
        let charge = |tenant: &str| tracing::info_span!("charge", tenant);
        charge("acme").in_scope(|| tracing::debug!("within"));
        charge("other").in_scope(|| tracing::debug!("of another"));
        tracing::debug!("outside");
        let recorded = tracing::info_span!("charge", tenant = tracing::field::Empty);
        recorded.record("tenant", "acme");
        recorded.in_scope(|| tracing::debug!("recorded"));
    });
    assert_eq!(messages(&lines), ["within", "recorded"]);
}

#[tracing::instrument]
fn instrumented() {
    tracing::warn!("refused");
}

#[test]
fn a_line_names_its_function_also_where_the_span_is_below_the_level_of_lines() {
    let (lines, _) = logged("warn", instrumented);
    assert_eq!(lines[0]["function"], "instrumented");
}
