//! CPU time of the engine alone on queries as dashboards and rules ask them: 10 000 series of an
//! hour at 15 s, in memory. `cargo bench -p skopos-promql`; a number of series and of rounds may
//! follow `--`.
//!
//! Each line has the median of the rounds in milliseconds of CPU time of all threads, as Linux
//! counts it, and the samples read.

mod fleet;

use std::io::Write as _;

use skopos_core::QueryBudget;
use skopos_promql::{Engine, QueryOutput, Value};

use fleet::{END_MS, Fleet};

/// What is asked: a name, the span in seconds (0 is an instant query), the step in seconds, the
/// expression.
const QUERIES: &[(&str, i64, i64, &str)] = &[
    ("up_instant", 0, 0, "sum by (job) (up)"),
    (
        "cpu_busy",
        3600,
        15,
        "1 - avg by (instance) (rate(node_cpu_seconds_total{mode=\"idle\"}[5m]))",
    ),
    (
        "request_rate",
        3600,
        15,
        "sum by (job, code) (rate(http_requests_total[5m]))",
    ),
    (
        "error_ratio",
        3600,
        15,
        "sum by (namespace) (rate(http_requests_total{code=~\"5..\"}[5m])) \
         / sum by (namespace) (rate(http_requests_total[5m]))",
    ),
    (
        "latency_p99",
        3600,
        30,
        "histogram_quantile(0.99, sum by (le, job) (rate(http_request_duration_seconds_bucket[5m])))",
    ),
    (
        "latency_p99_now",
        0,
        0,
        "histogram_quantile(0.99, sum by (le, job, route) (rate(http_request_duration_seconds_bucket[5m])))",
    ),
    ("topk_memory", 0, 0, "topk(10, container_memory_working_set_bytes)"),
    (
        "max_over_1h",
        0,
        0,
        "max by (namespace) (max_over_time(container_memory_working_set_bytes[1h]))",
    ),
    (
        "avg_over_time",
        3600,
        15,
        "avg by (namespace) (avg_over_time(container_memory_working_set_bytes[5m]))",
    ),
    (
        "join_limits",
        3600,
        15,
        "sum by (namespace) (rate(http_requests_total[5m]) * on (instance) group_left () up)",
    ),
    (
        "join_one",
        3600,
        15,
        "container_memory_working_set_bytes / on (instance) (container_memory_working_set_bytes + 1) > 0.5",
    ),
    (
        "burn_rate",
        0,
        0,
        "sum by (job) (increase(http_requests_total{code=~\"5..\"}[1h])) \
         / sum by (job) (increase(http_requests_total[1h])) > 0.001",
    ),
    ("all_series_raw", 3600, 60, "sum({__name__=~\"http_.*\"})"),
    (
        "subquery",
        3600,
        60,
        "max_over_time(sum by (job) (rate(http_requests_total[5m]))[10m:1m])",
    ),
    (
        "same_twice",
        3600,
        15,
        "sum by (job) (rate(http_requests_total[5m])) / scalar(sum(rate(http_requests_total[5m]))) \
         and sum by (job) (rate(http_requests_total[5m])) > 0",
    ),
];

fn main() -> std::io::Result<()> {
    let numbers: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let (n_series, rounds) = (
        numbers.first().copied().unwrap_or(10_000),
        numbers.get(1).copied().unwrap_or(5),
    );
    let fleet = Fleet::new(n_series);
    let mut out = std::io::stdout().lock();
    writeln!(out, "{:<18}{:>12}{:>14}", "query", "CPU ms", "samples read")?;
    let mut logs = 0.0;
    for (name, span, step, query) in QUERIES {
        let mut times: Vec<f64> = (0..rounds.max(1)).map(|_| ask(&fleet, *span, *step, query)).collect();
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2];
        logs += median.ln();
        writeln!(out, "{name:<18}{median:>12.2}{:>14}", fleet.take_read())?;
    }
    let mean = (logs / QUERIES.len() as f64).exp();
    writeln!(out, "{:<18}{mean:>12.2}", "geometric mean")
}

/// Milliseconds that this process's threads have run.
fn cpu_ms() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux lists the threads of a process");
    let nanoseconds = |task: std::fs::DirEntry| -> Option<f64> {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    };
    tasks.flatten().filter_map(nanoseconds).sum::<f64>() / 1e6
}

/// Milliseconds of CPU time that one evaluation takes.
fn ask(fleet: &Fleet, span_seconds: i64, step_seconds: i64, query: &str) -> f64 {
    fleet.take_read();
    let (engine, budget) = (Engine::default(), QueryBudget::unbounded());
    let started = cpu_ms();
    let output = if span_seconds == 0 {
        engine.instant(fleet, query, END_MS, &budget)
    } else {
        let start_ms = END_MS - span_seconds * 1000;
        engine.range(fleet, query, start_ms, END_MS, step_seconds * 1000, &budget)
    };
    let took = cpu_ms() - started;
    assert!(
        is_something(&output.expect("the query is valid")),
        "{query} yields series"
    );
    took
}

fn is_something(output: &QueryOutput) -> bool {
    match &output.value {
        Value::Vector(samples) => !samples.is_empty(),
        Value::Matrix(series) => !series.is_empty(),
        Value::Scalar { .. } | Value::String { .. } => true,
    }
}
