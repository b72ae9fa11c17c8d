//! Spans, sampled and not, by `tracing` and by the tracer; and log lines.

use std::hint::black_box;

use opentelemetry::trace::{Span, SpanBuilder, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SdkTracer};
use tracing::Dispatch;
use tracing_subscriber::prelude::*;

use crate::case::{Case, Run, case, plain_tracers, sdk};

const UNSAMPLED: &str = "span_unsampled";
const SAMPLED: &str = "span_sampled_three_attributes";
const LINE: &str = "log_line";

/// A span of three fields by `tracing`, with what must live as long.
fn by_tracing<K: 'static>(kept: K, dispatch: Dispatch) -> Run {
    Box::new(move |count| {
        black_box(&kept);
        tracing::dispatcher::with_default(&dispatch, || {
            for _ in 0..count {
                tracing::info_span!("step", a = 1, b = 2, c = "three").in_scope(|| black_box(()));
            }
        });
    })
}

fn unsampled_by_tracer<K: 'static>(kept: K, tracer: SdkTracer) -> Run {
    let none = Context::new();
    Box::new(move |count| {
        black_box(&kept);
        for _ in 0..count {
            tracer.start_with_context("step", &none).end();
        }
    })
}

fn three() -> SpanBuilder {
    SpanBuilder::from_name("step").with_attributes([
        KeyValue::new("a", 1),
        KeyValue::new("b", 2),
        KeyValue::new("c", "three"),
    ])
}

fn sampled_by_tracer<K: 'static>(kept: K, tracer: SdkTracer) -> Run {
    let none = Context::new();
    Box::new(move |count| {
        black_box(&kept);
        for _ in 0..count {
            three().start_with_context(&tracer, &none).end();
        }
    })
}

/// `tracing-opentelemetry` alone.
fn layered(sampler: Sampler) -> Run {
    let tracers = plain_tracers(sampler);
    let layer = tracing_opentelemetry::layer().with_tracer(tracers.tracer("bench"));
    by_tracing(tracers, Dispatch::new(tracing_subscriber::registry().with(layer)))
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case(UNSAMPLED, "skopos-sdk/child, tracing", || {
            let observability = sdk("0");
            let dispatch = observability.dispatch().clone();
            let root = tracing::dispatcher::with_default(&dispatch, || tracing::info_span!("request"));
            let mut inner = by_tracing(observability, dispatch.clone());
            Box::new(move |count| {
                let count = black_box(count);
                tracing::dispatcher::with_default(&dispatch, || root.in_scope(|| inner(count)));
            })
        }),
        case(UNSAMPLED, "skopos-sdk/root, tracing", || {
            let observability = sdk("0");
            let dispatch = observability.dispatch().clone();
            by_tracing(observability, dispatch)
        }),
        case(UNSAMPLED, "skopos-sdk/root, tracer", || {
            let observability = sdk("0");
            let tracer = observability.tracer();
            unsampled_by_tracer(observability, tracer)
        }),
        case(UNSAMPLED, "opentelemetry/root", || {
            let tracers = plain_tracers(Sampler::AlwaysOff);
            let tracer = tracers.tracer("bench");
            unsampled_by_tracer(tracers, tracer)
        }),
        case(UNSAMPLED, "tracing-opentelemetry/root", || layered(Sampler::AlwaysOff)),
        case(UNSAMPLED, "tracing-subscriber/registry alone", || {
            by_tracing((), Dispatch::new(tracing_subscriber::registry()))
        }),
        case(SAMPLED, "skopos-sdk/tracing", || {
            let observability = sdk("1");
            let dispatch = observability.dispatch().clone();
            by_tracing(observability, dispatch)
        }),
        case(SAMPLED, "skopos-sdk/tracer", || {
            let observability = sdk("1");
            let tracer = observability.tracer();
            sampled_by_tracer(observability, tracer)
        }),
        case(SAMPLED, "opentelemetry", || {
            let tracers = plain_tracers(Sampler::AlwaysOn);
            let tracer = tracers.tracer("bench");
            sampled_by_tracer(tracers, tracer)
        }),
        case(SAMPLED, "tracing-opentelemetry", || layered(Sampler::AlwaysOn)),
    ]
}

/// A line of two fields, within a span where one is given.
fn line<K: 'static>(kept: K, dispatch: Dispatch, span: tracing::Span) -> Run {
    Box::new(move |count| {
        black_box(&kept);
        tracing::dispatcher::with_default(&dispatch, || {
            span.in_scope(|| {
                for _ in 0..count {
                    tracing::info!(tenant = "acme", attempt = 3, "invoice sent");
                }
            });
        });
    })
}

pub(crate) fn log_lines() -> Vec<Case> {
    vec![
        case(LINE, "skopos-sdk", || {
            let observability = sdk("1");
            let dispatch = observability.dispatch().clone();
            line(observability, dispatch, tracing::Span::none())
        }),
        case(LINE, "skopos-sdk/in a sampled span", || in_a_span("1")),
        case(LINE, "skopos-sdk/in an unsampled span", || in_a_span("0")),
        case(LINE, "tracing-subscriber json", || {
            let json = tracing_subscriber::fmt::layer().json().with_writer(std::io::sink);
            let dispatch = Dispatch::new(tracing_subscriber::registry().with(json));
            line((), dispatch, tracing::Span::none())
        }),
    ]
}

fn in_a_span(rate: &'static str) -> Run {
    let observability = sdk(rate);
    let dispatch = observability.dispatch().clone();
    let span = tracing::dispatcher::with_default(&dispatch, || tracing::info_span!("request"));
    line(observability, dispatch, span)
}
