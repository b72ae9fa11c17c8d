//! Taking remote write in one process and one thread: decoding, appending, memory.
//!
//! `cargo bench -p skopos-metrics --bench ingest [-- SERIES SAMPLES]`, by default 10 000 series of 240
//! samples. Prints nanoseconds of the thread's CPU time a sample, and resident bytes a series. The
//! requests are written before the clock starts, a few at a time, so that they do not count.

#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

mod measure;

use measure::{resident_bytes, thread_cpu_ns};
use prost::Message as _;
use skopos_core::TenantId;
use skopos_core::metric::MetricSink as _;
use skopos_metrics::{MetricStore, MetricStoreOptions};
use skopos_wire::compression::snappy_block;
use skopos_wire::remote_write::{Buffers, LabelMessage, SampleMessage, TimeSeries, WriteRequest, decode_remote_write};

/// Series of a request, as Prometheus sends by default.
const BATCH: usize = 2_000;
const STEP_MS: i64 = 15_000;
const LIMIT_BYTES: usize = 64 << 20;

fn main() {
    let mut numbers = std::env::args().filter_map(|word| word.parse::<usize>().ok());
    let series = numbers.next().unwrap_or(10_000);
    let samples = numbers.next().unwrap_or(240);
    let folder = tempfile::tempdir().expect("a folder");
    let before = resident_bytes();
    let store = MetricStore::open(MetricStoreOptions::new(folder.path())).expect("opens");
    let (mut decoding, mut appending) = (0u64, 0u64);
    let sink = store.tenant(&TenantId::default());
    let mut buffers = Buffers::default();
    for step in 0..samples {
        for first in (0..series).step_by(BATCH) {
            let body = request(first..series.min(first + BATCH), step);
            let start = thread_cpu_ns();
            let write = decode_remote_write(&body, LIMIT_BYTES, &mut buffers).expect("our own request");
            let decoded = thread_cpu_ns();
            let report = sink.append_packed(&write.floats).expect("appends");
            buffers.recycle(write.floats);
            appending += thread_cpu_ns() - decoded;
            decoding += decoded - start;
            assert_eq!(report.refused_count(), 0);
        }
    }
    let stats = store.stats();
    assert_eq!(stats.samples, (series * samples) as u64);
    let count = stats.samples;
    println!("series {series}, samples of each {samples}");
    println!("decode: {} ns a sample", decoding / count);
    println!("append: {} ns a sample", appending / count);
    println!(
        "resident: {} bytes a series",
        (resident_bytes() - before) / series as u64
    );
    println!("counted: {} bytes a series", stats.head_bytes / series as u64);
}

/// A request with one sample each of some series.
fn request(series: std::ops::Range<usize>, step: usize) -> Vec<u8> {
    let timeseries = series.map(|number| TimeSeries {
        labels: labels(number),
        samples: vec![SampleMessage {
            value: value(number, step),
            timestamp: 1_700_000_000_000 + step as i64 * STEP_MS,
        }],
        ..TimeSeries::default()
    });
    let request = WriteRequest {
        timeseries: timeseries.collect(),
        metadata: Vec::new(),
    };
    snappy_block(&request.encode_to_vec()).expect("below 4 GiB")
}

/// Bucket counters of HTTP services: twelve buckets by eight routes by pods.
fn labels(number: usize) -> Vec<LabelMessage> {
    let pod = number / 96;
    let pairs = [
        ("__name__", "http_request_duration_seconds_bucket".to_owned()),
        ("cluster", "eu-west-1-prod".to_owned()),
        ("container", "server".to_owned()),
        (
            "instance",
            format!("10.{}.{}.{}:8080", pod / 65_536, pod / 256 % 256, pod % 256),
        ),
        ("job", format!("service-{:02}", pod % 37)),
        ("le", format!("{}", 0.005 * f64::from(1 << (number % 12)))),
        ("method", "GET".to_owned()),
        ("namespace", format!("team-{}", pod % 11)),
        ("pod", format!("service-{:02}-7d9f8b6c5-{pod:05x}", pod % 37)),
        ("route", format!("/api/v1/resource-{}", number / 12 % 8)),
    ];
    let message = |(name, value): (&str, String)| LabelMessage {
        name: name.to_owned(),
        value,
    };
    pairs.into_iter().map(message).collect()
}

/// Counters that grow unevenly; every tenth stands still.
fn value(number: usize, step: usize) -> f64 {
    let spread = (number.wrapping_mul(0x9e37_79b9) >> 7) % 97;
    if spread < 10 {
        return spread as f64;
    }
    let steps = step as f64;
    (steps * spread as f64 + (steps * 0.7 + spread as f64).sin() * 3.0).floor() + 1_000.0
}
