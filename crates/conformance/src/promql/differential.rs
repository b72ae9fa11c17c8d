//! Queries of the `PromQL` compliance project over fixed data, and Prometheus' answers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Context;
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::Value as Json;
use skopos_core::metric::MetricValue;
use skopos_core::sample::STALE_NAN;
use skopos_core::{Labels, QueryBudget};
use skopos_promql::{Engine, EvalError, QueryOutput, Value};

use super::round_trip;
use crate::{Outcome, data};
use skopos_rules::memory::{MemoryStore, Stored};

/// Relative difference that the compliance project allows.
const TOLERANCE: f64 = 1e-5;
/// First and last step of every query after the data's first sample, and the step.
const START_MS: i64 = 3_900_000;
const END_MS: i64 = 4_500_000;
const STEP_MS: i64 = 30_000;

#[derive(Deserialize)]
struct Header {
    t0_ms: i64,
    step_ms: i64,
}

#[derive(Deserialize)]
struct DataSeries {
    labels: BTreeMap<String, String>,
    values: Vec<Json>,
}

#[derive(Deserialize)]
struct Expected {
    query: String,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    result: Vec<ExpectedSeries>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    infos: Vec<String>,
}

#[derive(Deserialize)]
struct ExpectedSeries {
    metric: BTreeMap<String, String>,
    values: Vec<(f64, String)>,
}

/// Runs the queries in `dir`, if it has them and the data.
pub(super) fn run(dir: &Path) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let dataset = data::text(&dir.join("dataset.jsonl"))?;
    let queries = data::bytes(&dir.join("expected.jsonl.gz"))?;
    let (Some(dataset), Some(queries)) = (dataset, queries) else {
        return Ok(outcome);
    };
    let (store, t0_ms) = load(&dataset)?;
    let engine = Engine::default();
    for line in BufReader::new(GzDecoder::new(queries.as_slice())).lines() {
        let expected: Expected = serde_json::from_str(&line?)?;
        let budget = QueryBudget::unbounded();
        let (start_ms, end_ms) = (t0_ms + START_MS, t0_ms + END_MS);
        let got = engine.range(&store, &expected.query, start_ms, end_ms, STEP_MS, &budget);
        outcome.record(format!("diff {}", expected.query), check(&expected, got));
    }
    Ok(outcome)
}

fn load(text: &str) -> anyhow::Result<(MemoryStore, i64)> {
    let mut lines = text.lines();
    let header: Header = serde_json::from_str(lines.next().context("the data set is empty")?)?;
    let store = MemoryStore::new();
    for line in lines {
        let series: DataSeries = serde_json::from_str(line)?;
        let labels: Labels = series.labels.iter().collect();
        let mut timestamp_ms = header.t0_ms;
        for value in &series.values {
            if let Some(value) = sample(value) {
                let value = MetricValue::Float(value);
                store.insert(&labels, timestamp_ms, Stored { value, start_ms: 0 });
            }
            timestamp_ms += header.step_ms;
        }
    }
    Ok((store, header.t0_ms))
}

fn sample(value: &Json) -> Option<f64> {
    match value {
        Json::Null => None,
        Json::String(text) if text == "stale" => Some(STALE_NAN),
        Json::String(text) => text.parse().ok(),
        other => other.as_f64(),
    }
}

fn check(expected: &Expected, got: Result<QueryOutput, EvalError>) -> Result<(), String> {
    let got = match (got, &expected.error) {
        (Ok(output), None) => {
            round_trip::check(&expected.query)?;
            same_texts(&expected.warnings, &output.warnings)?;
            same_texts(&expected.infos, &output.infos)?;
            output.value
        }
        (Err(_), Some(_)) => return Ok(()),
        (Ok(_), Some(error)) => return Err(format!("should fail with {error:?}")),
        (Err(error), None) => return Err(format!("failed: {error}")),
    };
    let Value::Matrix(series) = got else {
        return Err(format!("a range query gave {got:?}"));
    };
    let expected: BTreeMap<Labels, BTreeMap<i64, f64>> = expected.result.iter().map(expected_points).collect();
    let got: BTreeMap<Labels, BTreeMap<i64, f64>> = series
        .into_iter()
        .map(|series| {
            (
                series.labels,
                series.timestamps_ms.into_iter().zip(series.values).collect(),
            )
        })
        .collect();
    let only = |a: &BTreeMap<Labels, _>, b: &BTreeMap<Labels, _>| {
        a.keys()
            .find(|labels| !b.contains_key(*labels))
            .map(ToString::to_string)
    };
    if let Some(labels) = only(&expected, &got) {
        return Err(format!("{labels} is missing"));
    }
    if let Some(labels) = only(&got, &expected) {
        return Err(format!("{labels} should not be there"));
    }
    expected
        .iter()
        .try_for_each(|(labels, points)| same(labels, points, &got[labels]))
}

fn same_texts(expected: &[String], got: &[String]) -> Result<(), String> {
    let sorted = |texts: &[String]| texts.iter().cloned().collect::<BTreeSet<String>>();
    if sorted(expected) == sorted(got) {
        return Ok(());
    }
    Err(format!("expected the annotations {expected:?}, got {got:?}"))
}

fn expected_points(series: &ExpectedSeries) -> (Labels, BTreeMap<i64, f64>) {
    let points = series.values.iter().map(|(seconds, value)| {
        let value = value.trim_start_matches('+').parse().unwrap_or(f64::NAN);
        ((seconds * 1000.0).round() as i64, value)
    });
    (series.metric.iter().collect(), points.collect())
}

fn same(labels: &Labels, expected: &BTreeMap<i64, f64>, got: &BTreeMap<i64, f64>) -> Result<(), String> {
    let close =
        |a: f64, b: f64| (a.is_nan() && b.is_nan()) || a == b || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs());
    if !expected.keys().eq(got.keys()) {
        return Err(format!("{labels} has other times: {expected:?}, got {got:?}"));
    }
    match expected.iter().find(|(time, value)| !close(**value, got[time])) {
        Some((time, value)) => Err(format!("{labels} @{time}ms: expected {value}, got {}", got[time])),
        None => Ok(()),
    }
}
