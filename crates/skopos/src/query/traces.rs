//! `skopos query traces`: traces of a service as a table, or one trace as a tree.

use std::collections::HashMap;

use anyhow::Context as _;
use serde_json::Value;

use super::api::{get, show_time_ms, time_ms, time_or_now_ms};
use super::table;
use crate::cli::query::TraceArgs;

const TRACE_ID_DIGITS: usize = 32;

/// Asks and prints.
pub(super) async fn run(args: TraceArgs) -> anyhow::Result<()> {
    if args.subject.len() == TRACE_ID_DIGITS && args.subject.bytes().all(|b| b.is_ascii_hexdigit()) {
        return one_trace(&args).await;
    }
    let answer = get(&args.server, "/jaeger/api/traces", &search_parameters(&args)?).await?;
    if args.server.json {
        table::print_json(&answer);
        return Ok(());
    }
    let rows: Vec<Vec<String>> = answer["data"].as_array().into_iter().flatten().map(trace_row).collect();
    table::print(&["trace", "start", "duration", "spans", "errors", "root"], &rows);
    Ok(())
}

async fn one_trace(args: &TraceArgs) -> anyhow::Result<()> {
    let answer = get(&args.server, &format!("/jaeger/api/traces/{}", args.subject), &[]).await?;
    if args.server.json {
        table::print_json(&answer);
        return Ok(());
    }
    for line in tree(&answer["data"][0]) {
        table::print_line(&line);
    }
    Ok(())
}

fn search_parameters(args: &TraceArgs) -> anyhow::Result<Vec<(&'static str, String)>> {
    let mut parameters = vec![
        ("service", args.subject.clone()),
        ("start", (time_ms(&args.start)? * 1000).to_string()),
        ("end", (time_or_now_ms(None)? * 1000).to_string()),
        ("limit", args.limit.to_string()),
    ];
    let optional = [
        ("operation", &args.operation),
        ("minDuration", &args.min_duration),
        ("maxDuration", &args.max_duration),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            parameters.push((name, value.clone()));
        }
    }
    for tag in &args.tags {
        let (key, value) = tag
            .split_once('=')
            .with_context(|| format!("--tag {tag:?}: expected key=value"))?;
        parameters.push(("tag", format!("{key}:{value}")));
    }
    Ok(parameters)
}

fn spans(trace: &Value) -> &[Value] {
    trace["spans"].as_array().map_or(&[], Vec::as_slice)
}

fn trace_row(trace: &Value) -> Vec<String> {
    let spans = spans(trace);
    let start = spans
        .iter()
        .filter_map(|span| span["startTime"].as_i64())
        .min()
        .unwrap_or_default();
    let end = spans
        .iter()
        .filter_map(|span| Some(span["startTime"].as_i64()? + span["duration"].as_i64()?))
        .max();
    let errors = spans.iter().filter(|span| is_error(span)).count();
    let root = spans.iter().find(|span| parent(span).is_none()).or(spans.first());
    vec![
        trace["traceID"].as_str().unwrap_or_default().to_owned(),
        show_time_ms(start / 1000),
        show_duration(end.unwrap_or(start) - start),
        spans.len().to_string(),
        errors.to_string(),
        root.map(|span| title(trace, span)).unwrap_or_default(),
    ]
}

/// The spans as an indented tree, children below their parent in order of start.
fn tree(trace: &Value) -> Vec<String> {
    let mut children: HashMap<Option<&str>, Vec<&Value>> = HashMap::new();
    let known: Vec<&str> = spans(trace).iter().filter_map(|span| span["spanID"].as_str()).collect();
    for span in spans(trace) {
        let parent = parent(span).filter(|parent| known.contains(parent));
        children.entry(parent).or_default().push(span);
    }
    for siblings in children.values_mut() {
        siblings.sort_by_key(|span| span["startTime"].as_i64());
    }
    let mut lines = Vec::new();
    let mut stack: Vec<(usize, &Value)> = children
        .get(&None)
        .into_iter()
        .flatten()
        .rev()
        .map(|span| (0, *span))
        .collect();
    while let Some((depth, span)) = stack.pop() {
        let mark = if is_error(span) { "  ERROR" } else { "" };
        let duration = show_duration(span["duration"].as_i64().unwrap_or_default());
        lines.push(format!(
            "{}{}  {duration}{mark}",
            "  ".repeat(depth),
            title(trace, span)
        ));
        let below = children.get(&span["spanID"].as_str()).into_iter().flatten().rev();
        stack.extend(below.map(|child| (depth + 1, *child)));
    }
    lines
}

fn title(trace: &Value, span: &Value) -> String {
    let process = span["processID"].as_str().unwrap_or_default();
    let service = trace["processes"][process]["serviceName"].as_str().unwrap_or("?");
    format!("{service}: {}", span["operationName"].as_str().unwrap_or("?"))
}

fn parent(span: &Value) -> Option<&str> {
    span["references"]
        .as_array()?
        .iter()
        .find(|reference| reference["refType"] == "CHILD_OF")?["spanID"]
        .as_str()
}

fn is_error(span: &Value) -> bool {
    span["tags"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|tag| tag["key"] == "error" && tag["value"] == true)
}

fn show_duration(microseconds: i64) -> String {
    match microseconds {
        ..1000 => format!("{microseconds}µs"),
        1000..1_000_000 => format!("{:.1}ms", microseconds as f64 / 1e3),
        _ => format!("{:.2}s", microseconds as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_prints_as_a_tree() {
        let span = |id: &str, parent: Option<&str>, start: i64| {
            let references: Vec<Value> = parent
                .map(|parent| serde_json::json!({"refType": "CHILD_OF", "spanID": parent}))
                .into_iter()
                .collect();
            serde_json::json!({"spanID": id, "operationName": id, "processID": "p1", "startTime": start, "duration": 1500, "references": references, "tags": []})
        };
        let trace = serde_json::json!({
            "traceID": "t",
            "processes": {"p1": {"serviceName": "s"}},
            "spans": [span("b", Some("a"), 20), span("a", None, 10), span("c", Some("gone"), 30)],
        });
        assert_eq!(tree(&trace), ["s: a  1.5ms", "  s: b  1.5ms", "s: c  1.5ms"]);
        assert_eq!(trace_row(&trace)[3], "3");
    }
}
