//! Series that live for minutes, wave after wave, beside some that stay.
//!
//! `cargo bench -p skopos-metrics --bench churn [-- WAVES SERIES LIVE]`, by default 100 waves of 10 000
//! series beside 1 000. A wave is five minutes of the samples' time, of which its series have three.
//! Prints after every tenth wave what the store holds, and nanoseconds of the thread's CPU time: of a
//! sample of a new series, of a sample of a series that stays, of a query for all that stay.

#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

mod measure;

use std::time::Duration;

use measure::{resident_bytes, thread_cpu_ns};
use skopos_core::metric::{
    MetricBatch, MetricSample, MetricSink as _, MetricSource as _, MetricValue, ResolutionLimit, Selection, SeriesBatch,
};
use skopos_core::{Labels, Matcher, QueryBudget, TenantId, TimeRange};
use skopos_metrics::{MetricStore, MetricStoreOptions};

const MINUTE_MS: i64 = 60_000;
const WAVE_MS: i64 = 5 * MINUTE_MS;
/// Waves without short-lived series at the end.
const QUIET_WAVES: i64 = 6;
const MIB: u64 = 1 << 20;

/// Nanoseconds of CPU time of one wave, by what they were for.
#[derive(Default)]
struct Spent {
    new: u64,
    live: u64,
    query: u64,
}

fn main() {
    let mut numbers = std::env::args().filter_map(|word| word.parse::<i64>().ok());
    let waves = numbers.next().unwrap_or(100);
    let series = numbers.next().unwrap_or(10_000);
    let live = numbers.next().unwrap_or(1_000);
    let folder = tempfile::tempdir().expect("a folder");
    let store = MetricStore::open(MetricStoreOptions {
        flush_after: Duration::from_mins(10),
        head_window: Duration::from_mins(10),
        ..MetricStoreOptions::new(folder.path())
    })
    .expect("opens");
    println!(
        "{waves} waves of {series} series beside {live}; resident before: {} MiB",
        resident_bytes() / MIB
    );
    println!("wave  resident MiB  in head  head MiB  log MiB  new ns  live ns  query ns");
    for wave in 0..waves + QUIET_WAVES {
        let spent = pass(&store, wave, if wave < waves { series } else { 0 }, live);
        if wave % 10 == 9 || wave == 0 || wave == waves + QUIET_WAVES - 1 {
            let stats = store.stats();
            println!(
                "{:4}  {:12}  {:7}  {:8}  {:7}  {:6}  {:7}  {:8}",
                wave + 1,
                resident_bytes() / MIB,
                stats.series,
                stats.head_bytes / MIB,
                stats.wal_bytes / MIB,
                spent.new / (series as u64).max(1),
                spent.live / (live as u64 * 5),
                spent.query / live as u64,
            );
        }
    }
}

/// Five minutes: samples of what stays in each, of the wave's own series in three, then maintenance.
fn pass(store: &MetricStore, wave: i64, series: i64, live: i64) -> Spent {
    let tenant = store.tenant(&TenantId::default());
    let mut spent = Spent::default();
    for minute in 0..5 {
        let now_ms = wave * WAVE_MS + minute * MINUTE_MS;
        let batch = batch("live", 0..live, now_ms);
        let start = thread_cpu_ns();
        tenant.append(batch).expect("appends");
        spent.live += thread_cpu_ns() - start;
        if minute < 3 && series > 0 {
            let batch = self::batch("work", wave * series..(wave + 1) * series, now_ms);
            let start = thread_cpu_ns();
            tenant.append(batch).expect("appends");
            if minute == 0 {
                spent.new = thread_cpu_ns() - start;
            }
        }
    }
    let end_ms = (wave + 1) * WAVE_MS;
    store.maintain(end_ms).expect("maintains");
    let matchers = [Matcher::equal("__name__", "live")];
    let selection = Selection {
        matchers: &matchers,
        range: TimeRange::new(end_ms - WAVE_MS, end_ms),
        step_ms: 0,
        resolution: ResolutionLimit::KEPT,
    };
    let start = thread_cpu_ns();
    let found = tenant.select(&selection, &QueryBudget::unbounded()).expect("reads");
    spent.query = thread_cpu_ns() - start;
    assert_eq!(found.len() as i64, live);
    spent
}

fn batch(name: &str, numbers: std::ops::Range<i64>, timestamp_ms: i64) -> MetricBatch {
    let one = |number: i64| SeriesBatch {
        labels: Labels::from_pairs([
            ("__name__", name),
            ("job", "churn"),
            ("namespace", &format!("team-{}", number % 11)),
            ("pod", &format!("service-7d9f8b6c5-{number:07x}")),
        ]),
        samples: vec![MetricSample {
            timestamp_ms,
            value: MetricValue::Float(number as f64),
        }],
        ..SeriesBatch::default()
    };
    MetricBatch {
        series: numbers.map(one).collect(),
        ..MetricBatch::default()
    }
}
