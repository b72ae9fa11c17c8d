//! What one counter update, span or log line costs, beside plain `opentelemetry`, `prometheus-client` and `metrics`.
//!
//! `cargo bench -p skopos-sdk --bench cost`; the bars and figures are in docs/sdk-cost.md. As a test
//! (`cargo test -p skopos-sdk --benches`) each case runs once.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{Span, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::{ManualReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData, SpanExporter};
use skopos_sdk::family::CounterFamily;
use skopos_sdk::{Observability, ObservabilityBuilder, Settings};
use tracing_subscriber::prelude::*;

/// Takes spans and does nothing, so that the cost is that of the caller.
#[derive(Debug)]
struct Sink;

impl SpanExporter for Sink {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        drop(black_box(batch));
        Ok(())
    }
}

fn sdk(rate: &str) -> Observability {
    let settings = Settings::from_lookup("bench", "1", |name| match name {
        "TRACE_SAMPLE_RATE" => Some(rate.to_owned()),
        _ => None,
    });
    ObservabilityBuilder::new(settings.expect("valid"))
        .log_sink(Arc::new(|line| {
            black_box(line);
        }))
        .span_exporter(Sink)
        .build()
        .expect("builds")
}

fn plain_tracers(sampler: Sampler) -> SdkTracerProvider {
    let processor = BatchSpanProcessor::builder(Sink).build();
    SdkTracerProvider::builder()
        .with_sampler(sampler)
        .with_span_processor(processor)
        .build()
}

const LABELS: [&str; 3] = ["GET", "/v1/sessions/{id}", "200"];

fn attributes() -> [KeyValue; 3] {
    [
        KeyValue::new("method", LABELS[0]),
        KeyValue::new("endpoint", LABELS[1]),
        KeyValue::new("status", LABELS[2]),
    ]
}

type ClientLabels = Vec<(&'static str, &'static str)>;
type ClientCounter = prometheus_client::metrics::counter::Counter;

fn prebound_counter(c: &mut Criterion) {
    let mut group = c.benchmark_group("counter_prebound");
    let family = CounterFamily::register(&prometheus::Registry::new(), "a_total", "A.", ["a", "b", "c"]);
    let counter = family.expect("a valid name").get(LABELS);
    group.bench_function("skopos-sdk", |b| b.iter(|| counter.inc()));
    let meters = SdkMeterProvider::builder()
        .with_reader(ManualReader::builder().build())
        .build();
    let otel = meters.meter("bench").u64_counter("a").build();
    group.bench_function("opentelemetry", |b| b.iter(|| otel.add(1, &[])));
    let client = ClientCounter::default();
    group.bench_function("prometheus-client", |b| b.iter(|| client.inc()));
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || {
        let counter = metrics::counter!("a_total");
        group.bench_function("metrics", |b| b.iter(|| counter.increment(1)));
    });
    group.finish();
}

fn labelled_counter(c: &mut Criterion) {
    let mut group = c.benchmark_group("counter_three_labels");
    let registry = prometheus::Registry::new();
    let family = CounterFamily::register(&registry, "a_total", "A.", ["method", "endpoint", "status"]);
    let family = family.expect("a valid name");
    group.bench_function("skopos-sdk", |b| b.iter(|| family.inc(black_box(LABELS))));
    let vector = prometheus::IntCounterVec::new(
        prometheus::Opts::new("b_total", "B."),
        &["method", "endpoint", "status"],
    );
    let vector = vector.expect("a valid name");
    group.bench_function("prometheus", |b| {
        b.iter(|| vector.with_label_values(&black_box(LABELS)).inc());
    });
    let meters = SdkMeterProvider::builder()
        .with_reader(ManualReader::builder().build())
        .build();
    let otel = meters.meter("bench").u64_counter("a").build();
    group.bench_function("opentelemetry", |b| b.iter(|| otel.add(1, &black_box(attributes()))));
    let client = prometheus_client::metrics::family::Family::<ClientLabels, ClientCounter>::default();
    group.bench_function("prometheus-client", |b| {
        b.iter(|| {
            let [method, endpoint, status] = black_box(LABELS);
            let labels = vec![("method", method), ("endpoint", endpoint), ("status", status)];
            client.get_or_create(&labels).inc();
        });
    });
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || {
        group.bench_function("metrics", |b| {
            b.iter(|| {
                let [method, endpoint, status] = black_box(LABELS);
                metrics::counter!("a_total", "method" => method, "endpoint" => endpoint, "status" => status)
                    .increment(1);
            });
        });
    });
    group.finish();
}

fn unsampled_span(c: &mut Criterion) {
    let mut group = c.benchmark_group("span_unsampled");
    let observability = sdk("0");
    let tracer = observability.tracer();
    tracing::dispatcher::with_default(observability.dispatch(), || {
        let root = tracing::info_span!("request");
        root.in_scope(|| {
            group.bench_function("skopos-sdk/child, tracing", |b| {
                b.iter(|| tracing::info_span!("step", a = 1, b = 2, c = "three").in_scope(|| black_box(())));
            });
        });
        group.bench_function("skopos-sdk/root, tracing", |b| {
            b.iter(|| tracing::info_span!("step", a = 1, b = 2, c = "three").in_scope(|| black_box(())));
        });
    });
    let none = Context::new();
    group.bench_function("skopos-sdk/root, tracer", |b| {
        b.iter(|| tracer.start_with_context("step", &none).end());
    });
    let plain = plain_tracers(Sampler::ParentBased(Box::new(Sampler::AlwaysOff)));
    let tracer = plain.tracer("bench");
    group.bench_function("opentelemetry/root", |b| {
        b.iter(|| tracer.start_with_context("step", &none).end());
    });
    let layered = tracing_subscriber::registry().with(tracing_opentelemetry::layer().with_tracer(tracer));
    tracing::subscriber::with_default(layered, || {
        group.bench_function("tracing-opentelemetry/root", |b| {
            b.iter(|| tracing::info_span!("step", a = 1, b = 2, c = "three").in_scope(|| black_box(())));
        });
    });
    tracing::subscriber::with_default(tracing_subscriber::registry(), || {
        group.bench_function("tracing-subscriber/registry alone", |b| {
            b.iter(|| tracing::info_span!("step", a = 1, b = 2, c = "three").in_scope(|| black_box(())));
        });
    });
    group.finish();
}

fn sampled_span(c: &mut Criterion) {
    let mut group = c.benchmark_group("span_sampled_three_attributes");
    let observability = sdk("1");
    let tracer = observability.tracer();
    let none = Context::new();
    let three = || {
        vec![
            KeyValue::new("a", 1),
            KeyValue::new("b", 2),
            KeyValue::new("c", "three"),
        ]
    };
    tracing::dispatcher::with_default(observability.dispatch(), || {
        group.bench_function("skopos-sdk/tracing", |b| {
            b.iter(|| tracing::info_span!("step", a = 1, b = 2, c = "three").in_scope(|| black_box(())));
        });
    });
    group.bench_function("skopos-sdk/tracer", |b| {
        b.iter(|| {
            tracer
                .span_builder("step")
                .with_attributes(three())
                .start_with_context(&tracer, &none)
                .end();
        });
    });
    let plain = plain_tracers(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)));
    let tracer = plain.tracer("bench");
    group.bench_function("opentelemetry", |b| {
        b.iter(|| {
            tracer
                .span_builder("step")
                .with_attributes(three())
                .start_with_context(&tracer, &none)
                .end();
        });
    });
    let layered = tracing_subscriber::registry().with(tracing_opentelemetry::layer().with_tracer(tracer));
    tracing::subscriber::with_default(layered, || {
        group.bench_function("tracing-opentelemetry", |b| {
            b.iter(|| tracing::info_span!("step", a = 1, b = 2, c = "three").in_scope(|| black_box(())));
        });
    });
    group.finish();
}

fn log_line(c: &mut Criterion) {
    let mut group = c.benchmark_group("log_line");
    let observability = sdk("1");
    tracing::dispatcher::with_default(observability.dispatch(), || {
        group.bench_function("skopos-sdk", |b| {
            b.iter(|| tracing::info!(tenant = "acme", attempt = 3, "invoice sent"));
        });
        tracing::info_span!("request").in_scope(|| {
            group.bench_function("skopos-sdk/in a span", |b| {
                b.iter(|| tracing::info!(tenant = "acme", attempt = 3, "invoice sent"));
            });
        });
    });
    let json = tracing_subscriber::fmt::layer().json().with_writer(std::io::sink);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(json), || {
        group.bench_function("tracing-subscriber json", |b| {
            b.iter(|| tracing::info!(tenant = "acme", attempt = 3, "invoice sent"));
        });
    });
    group.finish();
}

criterion_group!(
    cost,
    prebound_counter,
    labelled_counter,
    unsampled_span,
    sampled_span,
    log_line
);
criterion_main!(cost);
