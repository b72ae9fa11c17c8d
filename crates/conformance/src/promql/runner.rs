//! Runs the commands of a script, one case per `eval`.

use std::time::Duration;

use skopos_core::QueryBudget;
use skopos_core::metric::MetricValue;
use skopos_promql::ast::ValueType;
use skopos_promql::{Engine, EngineOptions, EvalError, Expr, Feature, ParseOptions, Value};

use super::script::{CommandKind, Eval, Load, Loaded, RangeTimes, When, parse_script};
use super::{at_variant, check, classic, round_trip};
use crate::Outcome;
use skopos_rules::memory::{MemoryStore, Stored};

/// Prometheus' runner allows so many samples and so much time.
const MAX_SAMPLES: u64 = 10_000;
const TIMEOUT: Duration = Duration::from_secs(100);
const MINUTE_MS: i64 = 60_000;

/// Names that mean something else in a range query than in an instant one.
const RANGE_NAMES: [&str; 4] = ["range()", "step()", "start()", "end()"];

/// Runs a script; its cases are named `file:line`.
pub(super) fn run(file: &str, text: &str, outcome: &mut Outcome) {
    let commands = match parse_script(text) {
        Ok(commands) => commands,
        Err((line, error)) => return outcome.record(format!("{file}:{line}"), Err(error)),
    };
    let engine = engine();
    let store = MemoryStore::new();
    for command in commands {
        let case = || format!("{file}:{}", command.line);
        match command.kind {
            CommandKind::Clear => store.clear(),
            CommandKind::Load(load) => {
                if let Err(error) = apply(&load, &store) {
                    outcome.record(case(), Err(error));
                }
            }
            CommandKind::Eval(eval) => {
                let result = round_trip::check(&eval.query).and_then(|()| evaluate(&engine, &store, &eval));
                outcome.record(case(), result.map_err(|error| format!("{}: {error}", eval.query)));
            }
        }
    }
}

fn engine() -> Engine {
    Engine::new(EngineOptions {
        syntax: ParseOptions::all(Feature::Enabled),
        delayed_name_removal: Feature::Enabled,
        start_timestamps: Feature::Enabled,
        ..EngineOptions::default()
    })
}

fn budget() -> QueryBudget {
    QueryBudget::new(MAX_SAMPLES, Some(TIMEOUT))
}

fn apply(load: &Load, store: &MemoryStore) -> Result<(), String> {
    for series in &load.series {
        insert(series, load.step_ms, store);
    }
    if load.with_custom_buckets {
        for series in classic::histograms(&load.series)? {
            insert(&series, load.step_ms, store);
        }
    }
    Ok(())
}

fn insert(series: &Loaded, step_ms: i64, store: &MemoryStore) {
    let mut timestamp_ms = 0;
    for (at, value) in series.values.iter().enumerate() {
        if let Some(value) = value {
            let offset_ms = series.starts_ms.get(at).copied().flatten();
            let sample = Stored {
                value: value.clone(),
                start_ms: offset_ms.map_or(0, |offset_ms| timestamp_ms + offset_ms),
            };
            store.insert(&series.labels, timestamp_ms, sample);
        }
        timestamp_ms += step_ms;
    }
}

fn evaluate(engine: &Engine, store: &MemoryStore, eval: &Eval) -> Result<(), String> {
    let expr = engine.parse(&eval.query).map_err(|error| error.to_string())?;
    match eval.when {
        When::Range(times) => range(engine, store, eval, times),
        When::Instant(time_ms) => {
            let time_ms = eval.expectations.range_vector.map_or(time_ms, |times| times.end_ms);
            instant(engine, store, eval, &expr, time_ms)?;
            if let Some(pinned) = at_variant::pinned(&expr, time_ms) {
                for other_ms in at_variant::times(time_ms) {
                    instant(engine, store, eval, &pinned, other_ms)
                        .map_err(|error| format!("with @ {time_ms}ms at {other_ms}ms: {error}"))?;
                }
            }
            as_range(engine, store, eval, &expr, time_ms).map_err(|error| format!("as a range query: {error}"))
        }
    }
}

fn range(engine: &Engine, store: &MemoryStore, eval: &Eval, times: RangeTimes) -> Result<(), String> {
    let RangeTimes {
        start_ms,
        end_ms,
        step_ms,
    } = times;
    match engine.range(store, &eval.query, start_ms, end_ms, step_ms, &budget()) {
        Err(error) => failure(eval, &error),
        Ok(_) if eval.expectations.fail.is_some() => Err("expected a failure".to_owned()),
        Ok(output) => check::output(eval, &output),
    }
}

fn instant(engine: &Engine, store: &MemoryStore, eval: &Eval, expr: &Expr, time_ms: i64) -> Result<(), String> {
    match engine.instant_expr(store, &eval.query, expr, time_ms, &budget()) {
        Err(error) => failure(eval, &error),
        Ok(_) if eval.expectations.fail.is_some() => Err("expected a failure".to_owned()),
        Ok(output) => check::output(eval, &output),
    }
}

fn failure(eval: &Eval, error: &EvalError) -> Result<(), String> {
    let text = error.to_string();
    match &eval.expectations.fail {
        None => Err(format!("failed: {text}")),
        Some(expected) if expected.is_met_by(&text) => Ok(()),
        Some(expected) => Err(format!("failed with {text:?}, expected {expected:?}")),
    }
}

/// The same query over three steps, the middle one of which is the instant's.
fn as_range(engine: &Engine, store: &MemoryStore, eval: &Eval, expr: &Expr, time_ms: i64) -> Result<(), String> {
    let expectations = &eval.expectations;
    let is_rangeable = matches!(expr.value_type(), ValueType::Scalar | ValueType::Vector);
    let names_range = RANGE_NAMES.iter().any(|name| eval.query.contains(name));
    if expectations.fail.is_some() || expectations.ordered || !is_rangeable || names_range {
        return Ok(());
    }
    let (start_ms, end_ms) = (time_ms - MINUTE_MS, time_ms + MINUTE_MS);
    let output = engine.range(store, &eval.query, start_ms, end_ms, MINUTE_MS, &budget());
    match output.map_err(|error| error.to_string())?.value {
        Value::Matrix(series) => check::step(eval, &series, time_ms),
        other => Err(format!("a range query gave {other:?}")),
    }
}

/// Whether series notation gives these values; used by the table of series notation.
pub(super) fn same_samples(expected: &[Option<MetricValue>], got: &[Option<MetricValue>]) -> bool {
    let same = |pair: (&Option<MetricValue>, &Option<MetricValue>)| match pair {
        (None, None) => true,
        (Some(expected), Some(got)) => super::compare::same_values(expected, got),
        _ => false,
    };
    expected.len() == got.len() && expected.iter().zip(got).all(same)
}
