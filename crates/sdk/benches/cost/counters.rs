//! Counters: prebound, and with three labels at each update.

use std::hint::black_box;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, MeterProvider};
use opentelemetry_sdk::metrics::{ManualReader, SdkMeterProvider};
use skopos_sdk::family::CounterFamily;

use crate::case::{Case, case};

const LABELS: [&str; 3] = ["GET", "/v1/sessions/{id}", "200"];
const PREBOUND: &str = "counter_prebound";
const LABELLED: &str = "counter_three_labels";

type ClientLabels = Vec<(&'static str, &'static str)>;
type ClientCounter = prometheus_client::metrics::counter::Counter;

fn family() -> CounterFamily<3> {
    let labels = ["method", "endpoint", "status"];
    CounterFamily::register(&prometheus::Registry::new(), "a_total", "A.", labels).expect("a valid name")
}

fn otel() -> (SdkMeterProvider, Counter<u64>) {
    let meters = SdkMeterProvider::builder()
        .with_reader(ManualReader::builder().build())
        .build();
    let counter = meters.meter("bench").u64_counter("a").build();
    (meters, counter)
}

fn times(count: u64, mut update: impl FnMut()) {
    for _ in 0..count {
        update();
    }
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case(PREBOUND, "skopos-sdk", || {
            let counter = family().get(LABELS);
            Box::new(move |count| times(count, || black_box(&counter).inc()))
        }),
        case(PREBOUND, "opentelemetry", || {
            let (meters, counter) = otel();
            Box::new(move |count| {
                black_box(&meters);
                times(count, || counter.add(1, &[]));
            })
        }),
        case(PREBOUND, "prometheus-client", || {
            let counter = ClientCounter::default();
            Box::new(move |count| {
                times(count, || {
                    black_box(&counter).inc();
                });
            })
        }),
        case(PREBOUND, "metrics", || {
            let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
            let counter = metrics::with_local_recorder(&recorder, || metrics::counter!("a_total"));
            Box::new(move |count| times(count, || counter.increment(1)))
        }),
        case(LABELLED, "skopos-sdk", || {
            let family = family();
            Box::new(move |count| times(count, || family.inc(black_box(LABELS))))
        }),
        case(LABELLED, "prometheus", || {
            let options = prometheus::Opts::new("b_total", "B.");
            let vector = prometheus::IntCounterVec::new(options, &["method", "endpoint", "status"]);
            let vector = vector.expect("a valid name");
            Box::new(move |count| times(count, || vector.with_label_values(&black_box(LABELS)).inc()))
        }),
        case(LABELLED, "opentelemetry", || {
            let (meters, counter) = otel();
            Box::new(move |count| {
                black_box(&meters);
                times(count, || {
                    let [method, endpoint, status] = black_box(LABELS);
                    let labels = [
                        KeyValue::new("method", method),
                        KeyValue::new("endpoint", endpoint),
                        KeyValue::new("status", status),
                    ];
                    counter.add(1, &labels);
                });
            })
        }),
        case(LABELLED, "prometheus-client", || {
            let family = prometheus_client::metrics::family::Family::<ClientLabels, ClientCounter>::default();
            Box::new(move |count| {
                times(count, || {
                    let [method, endpoint, status] = black_box(LABELS);
                    let labels = vec![("method", method), ("endpoint", endpoint), ("status", status)];
                    family.get_or_create(&labels).inc();
                });
            })
        }),
        case(LABELLED, "metrics", || {
            let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
            Box::new(move |count| {
                metrics::with_local_recorder(&recorder, || {
                    times(count, || {
                        let [method, endpoint, status] = black_box(LABELS);
                        metrics::counter!("a_total", "method" => method, "endpoint" => endpoint, "status" => status)
                            .increment(1);
                    });
                });
            })
        }),
    ]
}
