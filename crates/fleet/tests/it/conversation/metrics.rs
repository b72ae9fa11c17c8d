//! The system's table of metrics: each name with its labels and buckets, as the services expose it.

use std::collections::BTreeSet;

use super::System;

/// Name, labels, and the upper bounds where it is a histogram.
type Row = (&'static str, &'static [&'static str], &'static [f64]);

const GATEWAY: [Row; 6] = [
    ("http_requests_total", &["method", "endpoint", "status"], &[]),
    (
        "http_request_duration_seconds",
        &["method", "endpoint"],
        &[0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0],
    ),
    ("websocket_connections_active", &[], &[]),
    ("sessions_created_total", &[], &[]),
    ("auth_attempts_total", &["result"], &[]),
    ("policy_evaluations_total", &["result"], &[]),
];

const SECONDS: &[f64] = &[0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

const WORKER: [Row; 9] = [
    ("conversation_requests_total", &[], &[]),
    ("conversation_processing_duration_seconds", &[], SECONDS),
    ("conversation_errors_total", &["error_type"], &[]),
    ("slm_requests_total", &["model"], &[]),
    ("slm_latency_seconds", &["model"], SECONDS),
    ("slm_tokens_total", &["model", "type"], &[]),
    ("budget_tokens_consumed_total", &["tenant", "persona_id"], &[]),
    ("budget_limit_reached_total", &["tenant", "persona_id"], &[]),
    ("intent_classification_total", &["intent"], &[]),
];

const EXECUTOR: [Row; 7] = [
    ("tool_execution_total", &["tool_name", "status"], &[]),
    (
        "tool_execution_duration_seconds",
        &["tool_name"],
        &[0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0],
    ),
    ("tool_execution_failures_total", &["tool_name", "error_type"], &[]),
    ("policy_blocked_total", &["tool_name", "tenant"], &[]),
    ("sandbox_active_executions", &[], &[]),
    ("resource_usage_cpu_seconds", &["tool_name"], &[]),
    (
        "resource_usage_memory_bytes",
        &["tool_name"],
        &[1e6, 1e7, 5e7, 1e8, 5e8, 1e9],
    ),
];

const BUS: [Row; 1] = [("kafka_consumer_lag", &["group", "topic", "partition"], &[])];

/// Topics of the system; each has one for its dead letters.
const TOPICS: [&str; 5] = [
    "conversation.inbound",
    "conversation.outbound",
    "tool.requests",
    "tool.results",
    "delegation.tasks",
];

async fn exposed(address: &str) -> String {
    let answer = reqwest::get(format!("http://{address}/metrics")).await;
    let answer = answer.expect("metrics are served").text().await;
    answer.expect("metrics are text")
}

/// The labels of a series, `name="value"` each.
fn labels(line: &str) -> Vec<(&str, &str)> {
    let inner = line.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}'));
    let pairs = inner.map_or("", |(inner, _)| inner).split_terminator("\",");
    pairs
        .filter_map(|pair| pair.split_once("=\""))
        .map(|(name, value)| (name, value.trim_end_matches('"')))
        .collect()
}

fn check(text: &str, (name, wanted, bounds): Row) {
    let series = if bounds.is_empty() {
        name.to_owned()
    } else {
        format!("{name}_bucket")
    };
    let of_series = |line: &&str| {
        line.strip_prefix(&series)
            .is_some_and(|rest| rest.starts_with(['{', ' ']))
    };
    let lines: Vec<&str> = text.lines().filter(of_series).collect();
    assert!(!lines.is_empty(), "{series} is not exposed");
    let wanted: BTreeSet<&str> = wanted.iter().copied().collect();
    let mut found: Vec<f64> = Vec::new();
    for line in lines {
        let labels = labels(line);
        let names: BTreeSet<&str> = labels
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| *name != "le")
            .collect();
        assert_eq!(names, wanted, "{line}");
        let bound = labels.iter().find(|(name, _)| *name == "le");
        found.extend(bound.map(|(_, bound)| bound.parse::<f64>().expect("a number")));
    }
    found.sort_by(f64::total_cmp);
    found.dedup();
    let all: Vec<f64> = if bounds.is_empty() {
        Vec::new()
    } else {
        bounds.iter().copied().chain([f64::INFINITY]).collect()
    };
    assert_eq!(found, all, "{name}");
}

pub(super) async fn each_row_is_exposed(system: &System) {
    for (address, rows) in [
        (&system.gateway, &GATEWAY[..]),
        (&system.worker, &WORKER),
        (&system.executor, &EXECUTOR),
        (&system.broker, &BUS),
    ] {
        let text = exposed(address).await;
        for row in rows {
            check(&text, *row);
        }
    }
}

/// The topics on the bus are those above, and each has its dead letters beside it.
pub(super) async fn each_topic_has_its_dead_letters(system: &System) {
    let text = exposed(&system.broker).await;
    let offsets = text
        .lines()
        .filter(|line| line.starts_with("kafka_topic_partition_current_offset{"));
    let topics: BTreeSet<&str> = offsets
        .flat_map(labels)
        .filter_map(|(name, value)| (name == "topic").then_some(value))
        .collect();
    let (dead, live): (BTreeSet<&str>, BTreeSet<&str>) =
        topics.iter().partition(|topic| topic.ends_with(skopos_bus::DLQ_SUFFIX));
    let live: BTreeSet<&str> = live
        .into_iter()
        .filter(|topic| *topic != skopos_bus::dead_letters::SETTLED_TOPIC)
        .collect();
    assert_eq!(live, TOPICS.into());
    let wanted: BTreeSet<String> = TOPICS.iter().map(|topic| skopos_bus::dlq_topic(topic)).collect();
    assert_eq!(dead, wanted.iter().map(String::as_str).collect());
}
