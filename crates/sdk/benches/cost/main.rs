//! What one counter update, span or log line costs, beside plain `opentelemetry`, `prometheus-client` and `metrics`; what a
//! scrape and a captured error cost.
//!
//! `cargo bench -p skopos-sdk --bench cost` measures the caller's processor time with criterion. `… --bench cost -- --instructions` counts
//! instructions with valgrind, which a busy machine does not change: those of all threads, the exporter's too. The bars
//! and figures are in docs/sdk-cost.md. As a test (`cargo test -p skopos-sdk --benches`) each case runs once.

use std::time::Duration;

use criterion::Criterion;

use crate::case::Case;

#[path = "../shared/callgrind.rs"]
mod callgrind;
mod case;
mod counters;
mod errors;
mod instructions;
mod scrape;
mod spans;

/// Nanoseconds and microseconds each, of one thread but for the exporter's.
fn updates() -> Vec<Case> {
    [counters::cases(), spans::cases(), spans::log_lines()]
        .into_iter()
        .flatten()
        .collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|word| *word != "--bench")
        .collect();
    match words[..] {
        ["--instructions"] => instructions::print(&updates()),
        [instructions::RUN, name, count] => instructions::run(&updates(), name, count),
        _ => time(&mut Criterion::default().configure_from_args()),
    }
}

/// Processor time of this thread: what other programs take of the machine meanwhile does not count.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

fn time(criterion: &mut Criterion) {
    for case in [updates(), scrape::cases(), errors::cases()].into_iter().flatten() {
        let mut group = criterion.benchmark_group(case.group);
        let mut run = (case.prepare)();
        group.bench_function(case.name, |b| {
            b.iter_custom(|count| {
                let started = processor_time();
                run(count);
                processor_time().saturating_sub(started)
            });
        });
        group.finish();
    }
    criterion.final_summary();
}
