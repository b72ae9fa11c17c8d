//! What windows take and what they save: bytes for each raw sample, and a query over 30 days by
//! samples, by windows of five minutes and of an hour. `cargo bench -p skopos-promql --bench downsample`.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::path::Path;
use std::time::{Duration, Instant};

use skopos_core::metric::{MetricBatch, MetricSample, MetricSink as _, MetricValue, SeriesBatch, SourceResolution};
use skopos_core::{Labels, QueryBudget, TenantId};
use skopos_metrics::{DownsampleOptions, MetricStore, MetricStoreOptions};
use skopos_promql::Engine;

const DAY_MS: i64 = 24 * 3_600_000;
const DAYS: i64 = 30;
const INTERVAL_MS: i64 = 15_000;
/// Series of each of the two metrics.
const SERIES: u64 = 20;
const RUNS: u32 = 3;

/// A generator without state beyond its seed (xorshift).
struct Noise(u64);

impl Noise {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn fill(store: &MetricStore) {
    let tenant = store.tenant(&TenantId::default());
    let mut states: Vec<(u64, i64, Noise)> = (0..SERIES).map(|seed| (0, 5000, Noise(seed + 1))).collect();
    for day in 0..DAYS {
        let mut series = Vec::new();
        for (instance, (counter, gauge, noise)) in states.iter_mut().enumerate() {
            let (mut counts, mut gauges) = (Vec::new(), Vec::new());
            for tick in 0..DAY_MS / INTERVAL_MS {
                let timestamp_ms = day * DAY_MS + tick * INTERVAL_MS + 3;
                *counter = if noise.below(40_000) == 0 {
                    0
                } else {
                    *counter + noise.below(200)
                };
                *gauge += noise.below(101) as i64 - 50;
                let sample = |value| MetricSample {
                    timestamp_ms,
                    value: MetricValue::Float(value),
                };
                counts.push(sample(*counter as f64));
                gauges.push(sample(*gauge as f64 / 100.0));
            }
            let instance = instance.to_string();
            for (name, samples) in [("requests_total", counts), ("temperature", gauges)] {
                series.push(SeriesBatch {
                    labels: Labels::from_pairs([("__name__", name), ("instance", &instance), ("job", "bench")]),
                    samples,
                    ..SeriesBatch::default()
                });
            }
        }
        let batch = MetricBatch {
            series,
            metadata: Vec::new(),
        };
        tenant.append(batch).expect("appends");
        store.flush().expect("flushes");
        store.maintain((day + 1) * DAY_MS).expect("maintains");
    }
}

/// Bytes of parts whose name ends so.
fn bytes(folder: &Path, is_meant: &dyn Fn(&str) -> bool) -> u64 {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    let size = |entry: std::fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        match entry.metadata().expect("a file") {
            metadata if metadata.is_dir() => bytes(&entry.path(), is_meant),
            metadata if is_meant(&name) => metadata.len(),
            _ => 0,
        }
    };
    entries.map(size).sum()
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = MetricStoreOptions::new(folder.path());
    options.downsample = [Duration::from_mins(5), Duration::from_hours(1)]
        .map(|resolution| DownsampleOptions::new(resolution, Duration::from_hours(1)))
        .to_vec();
    let store = MetricStore::open(options).expect("opens");
    fill(&store);
    let started = Instant::now();
    for _ in 0..=DAYS {
        store.maintain((DAYS + 2) * DAY_MS).expect("maintains");
    }
    println!("merging and downsampling what was left: {:?}", started.elapsed());
    let raw = (2 * SERIES as i64 * DAYS * DAY_MS / INTERVAL_MS) as f64;
    let parts = folder.path().join("parts");
    for (what, ending) in [("5m", "-300s.parquet"), ("1h", "-3600s.parquet")] {
        let size = bytes(&parts, &|name| name.ends_with(ending)) as f64;
        println!("{what}: {:.3} bytes for each raw sample", size / raw);
    }
    let size = bytes(&parts, &|name| !name.ends_with("s.parquet")) as f64;
    println!("raw: {:.3} bytes for each raw sample", size / raw);
    let source = store.tenant(&TenantId::default());
    for query in [
        "sum(rate(requests_total[1h]))",
        "max by (job) (max_over_time(temperature[1h]))",
        "avg(temperature)",
    ] {
        println!("{query}, 30 days, step 1h");
        for (what, resolution) in [
            ("raw", SourceResolution::Raw),
            ("5m", SourceResolution::AtMost(300_000)),
            ("1h", SourceResolution::AtMost(3_600_000)),
        ] {
            let engine = Engine::default().with_source_resolution(resolution);
            let started = Instant::now();
            let mut windows = 0u64;
            for _ in 0..RUNS {
                let budget = QueryBudget::unbounded();
                let (start_ms, end_ms) = (3_600_000, DAYS * DAY_MS);
                let output = engine.range(&*source, query, start_ms, end_ms, 3_600_000, &budget);
                windows = output.expect("valid").stats.windows.values().sum();
            }
            println!(
                "  {what}: {:?} a query, {windows} windows read",
                started.elapsed() / RUNS
            );
        }
    }
}
