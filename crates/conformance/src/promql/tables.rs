//! Prometheus' tables: expressions to accept or refuse with the message and place of the first
//! fault, their canonical and their pretty text, durations, and series notation. A table that is not in the folder has no cases.

use std::path::Path;

use anyhow::Context;
use base64::Engine as _;
use serde_json::Value;
use skopos_core::Labels;
use skopos_core::metric::MetricValue;
use skopos_promql::duration::{format_duration, parse_duration};
use skopos_promql::parse;

use super::round_trip;
use super::runner::same_samples;
use crate::{Outcome, data};
use skopos_promql::notation::parse_series;

/// Runs the tables in `dir`.
pub(super) fn run(dir: &Path) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    for case in lines(dir, "parse_cases.jsonl")? {
        let id = case["id"].as_str().unwrap_or_default();
        outcome.record(format!("parse_cases.jsonl {id}"), check_parse(&case));
    }
    for (line, case) in lines(dir, "durations.jsonl")?.iter().enumerate() {
        outcome.record(format!("durations.jsonl:{}", line + 1), check_duration(case));
    }
    for (line, case) in lines(dir, "series_notation.jsonl")?.iter().enumerate() {
        outcome.record(format!("series_notation.jsonl:{}", line + 1), check_notation(case));
    }
    for (line, case) in lines(dir, "print_cases.jsonl")?.iter().enumerate() {
        outcome.record(format!("print_cases.jsonl:{}", line + 1), check_print(case));
    }
    for (line, case) in lines(dir, "pretty_cases.jsonl")?.iter().enumerate() {
        outcome.record(format!("pretty_cases.jsonl:{}", line + 1), check_pretty(case));
    }
    Ok(outcome)
}

fn lines(dir: &Path, name: &str) -> anyhow::Result<Vec<Value>> {
    let path = dir.join(name);
    let text = data::text(&path)?.unwrap_or_default();
    let rows = text.lines().map(serde_json::from_str);
    rows.collect::<Result<_, _>>()
        .with_context(|| format!("failed to parse {}", path.display()))
}

fn check_parse(case: &Value) -> Result<(), String> {
    let query = if let Some(text) = case["input"].as_str() {
        text.to_owned()
    } else {
        let encoded = case["input"]["b64"].as_str().ok_or("no input")?;
        let bytes = base64::engine::general_purpose::STANDARD.decode(encoded);
        String::from_utf8_lossy(&bytes.map_err(|error| error.to_string())?).into_owned()
    };
    let expected = &case["errors"][0];
    match (parse(&query), case["ok"].as_bool()) {
        (Ok(_), Some(true)) => round_trip::check(&query),
        (Ok(_), _) => Err(format!("{query:?} was accepted, expected {expected}")),
        (Err(error), Some(true)) => Err(format!("{query:?} was refused: {error}")),
        (Err(error), _) => {
            let fault = &error.faults()[0];
            let start = expected["start"]
                .as_u64()
                .is_none_or(|start| start == fault.pos.start as u64);
            if expected["msg"] == fault.message.as_str() && start {
                return Ok(());
            }
            Err(format!("{query:?}: {fault:?}, expected {expected}"))
        }
    }
}

fn check_print(case: &Value) -> Result<(), String> {
    let text = case["in"].as_str().ok_or("no input")?;
    let printed = parse(text).map_err(|error| error.to_string())?.to_string();
    same_text(&printed, &case["out"])
}

fn check_pretty(case: &Value) -> Result<(), String> {
    let text = case["in"].as_str().ok_or("no input")?;
    let width = case["width"].as_u64().and_then(|width| usize::try_from(width).ok());
    let expr = parse(text).map_err(|error| error.to_string())?;
    same_text(&expr.pretty_within(width.ok_or("no width")?), &case["out"])
}

fn same_text(printed: &str, expected: &Value) -> Result<(), String> {
    match expected.as_str() {
        Some(expected) if expected == printed => Ok(()),
        _ => Err(format!("printed {printed:?}, expected {expected}")),
    }
}

/// One row of the table gives milliseconds that contradict its own canonical text; the text holds.
fn check_duration(case: &Value) -> Result<(), String> {
    let text = case["in"].as_str().ok_or("no input")?;
    let parsed = parse_duration(text);
    if case["error"] == true {
        return parsed.err().map(|_| ()).ok_or(format!("{text:?} was accepted"));
    }
    let parsed = parsed.map_err(|error| error.to_string())?;
    let canonical = case["canonical"].as_str().ok_or("no canonical text")?;
    if format_duration(parsed) == canonical {
        return Ok(());
    }
    Err(format!("{text:?} is {}, expected {canonical}", format_duration(parsed)))
}

fn check_notation(case: &Value) -> Result<(), String> {
    let text = case["input"].as_str().ok_or("no input")?;
    let parsed = parse_series(text);
    if case["ok"] == false {
        return parsed.err().map(|_| ()).ok_or(format!("{text:?} was accepted"));
    }
    let (labels, values) = parsed?;
    let pairs = case["labels"].as_object().ok_or("no labels")?;
    let expected: Labels = pairs
        .iter()
        .map(|(name, value)| (name, value.as_str().unwrap_or_default()))
        .collect();
    let samples = case["values"].as_array().ok_or("no values")?;
    let samples: Vec<_> = samples.iter().map(expected_sample).collect();
    if labels == expected && same_samples(&samples, &values) {
        return Ok(());
    }
    Err(format!("{text:?} gave {labels} {values:?}"))
}

fn expected_sample(value: &Value) -> Option<MetricValue> {
    let value = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    Some(MetricValue::Float(value))
}
