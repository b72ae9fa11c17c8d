//! Compares what a query yields with what its `eval` expects.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use skopos_core::Labels;
use skopos_core::metric::{MetricValue, Series};
use skopos_promql::{QueryOutput, Value};

use super::compare::{same_floats, same_values};
use super::expect::Annotations;
use super::script::{Eval, RangeTimes, When};

/// Samples by series and time.
type Points = BTreeMap<Labels, BTreeMap<i64, MetricValue>>;

/// Checks annotations and the result.
pub(super) fn output(eval: &Eval, output: &QueryOutput) -> Result<(), String> {
    annotations("warning", &eval.expectations.warnings, &output.warnings)?;
    annotations("info", &eval.expectations.infos, &output.infos)?;
    value(eval, &output.value)
}

fn annotations(class: &str, expected: &Annotations, got: &[String]) -> Result<(), String> {
    let texts = match expected {
        Annotations::Ignored => return Ok(()),
        Annotations::None if got.is_empty() => return Ok(()),
        Annotations::None => return Err(format!("unexpected {class} annotations: {got:?}")),
        Annotations::Each(texts) => texts,
    };
    if let Some(text) = texts.iter().find(|text| !got.iter().any(|got| text.is_met_by(got))) {
        return Err(format!("expected the {class} annotation {text:?}, got {got:?}"));
    }
    match got.iter().find(|got| !texts.iter().any(|text| text.is_met_by(got))) {
        Some(unexpected) => Err(format!("unexpected {class} annotation {unexpected:?}")),
        None => Ok(()),
    }
}

/// Checks the result alone.
pub(super) fn value(eval: &Eval, value: &Value) -> Result<(), String> {
    let expectations = &eval.expectations;
    match (value, eval.when) {
        (Value::String { value, .. }, _) => match &expectations.string {
            Some(expected) if expected == value => Ok(()),
            expected => Err(format!("expected the text {expected:?}, got {value:?}")),
        },
        _ if expectations.string.is_some() => Err(format!("expected a text, got {value:?}")),
        (Value::Scalar { value, .. }, _) => match eval.scalar {
            Some(expected) if same_floats(expected, *value) => Ok(()),
            expected => Err(format!("expected the scalar {expected:?}, got {value}")),
        },
        _ if eval.scalar.is_some() && !matches!(eval.when, When::Range(_)) => {
            Err(format!("expected the scalar {:?}, got {value:?}", eval.scalar))
        }
        (Value::Vector(samples), When::Instant(time_ms)) => {
            let order: Vec<&Labels> = samples.iter().map(|sample| &sample.labels).collect();
            if expectations.ordered {
                in_order(eval, &order)?;
            }
            let mut got = Points::new();
            for sample in samples {
                insert(&mut got, &sample.labels, time_ms, sample.value.clone())?;
            }
            points(&expected_points(eval, time_ms, 0)?, &got)
        }
        (Value::Matrix(series), When::Range(times)) => matrix(eval, series, times),
        (Value::Matrix(series), When::Instant(_)) => match expectations.range_vector {
            Some(times) => matrix(eval, series, times),
            None => Err("a range vector came, which was not expected".to_owned()),
        },
        (Value::Vector(_), When::Range(_)) => Err("a range query gave a vector".to_owned()),
    }
}

/// Checks the middle step of a range query against what the instant query expects.
pub(super) fn step(eval: &Eval, series: &[Series], time_ms: i64) -> Result<(), String> {
    sorted(series)?;
    let mut got = points_of(series)?;
    got.retain(|_, samples| {
        samples.retain(|time, _| *time == time_ms);
        !samples.is_empty()
    });
    let expected = match eval.scalar {
        Some(value) => {
            let at_time = BTreeMap::from([(time_ms, MetricValue::Float(value))]);
            Points::from([(Labels::empty(), at_time)])
        }
        None => expected_points(eval, time_ms, 0)?,
    };
    points(&expected, &got)
}

fn matrix(eval: &Eval, series: &[Series], times: RangeTimes) -> Result<(), String> {
    sorted(series)?;
    let steps = (times.end_ms - times.start_ms) / times.step_ms.max(1) + 1;
    if let Some((labels, _)) = eval
        .series
        .iter()
        .find(|(_, values)| i64::try_from(values.len()).is_ok_and(|length| length > steps))
    {
        return Err(format!("{labels} expects more values than the range has steps"));
    }
    points(
        &expected_points(eval, times.start_ms, times.step_ms)?,
        &points_of(series)?,
    )
}

fn sorted(series: &[Series]) -> Result<(), String> {
    if series.windows(2).all(|pair| pair[0].labels < pair[1].labels) {
        return Ok(());
    }
    Err("the series are not sorted by labels".to_owned())
}

fn in_order(eval: &Eval, got: &[&Labels]) -> Result<(), String> {
    let expected: Vec<&Labels> = eval.series.iter().map(|(labels, _)| labels).collect();
    if expected == got {
        return Ok(());
    }
    Err(format!("expected the order {expected:?}, got {got:?}"))
}

fn insert(points: &mut Points, labels: &Labels, time_ms: i64, value: MetricValue) -> Result<(), String> {
    match points.entry(labels.clone()).or_default().insert(time_ms, value) {
        None => Ok(()),
        Some(_) => Err(format!("{labels} came twice")),
    }
}

fn points_of(series: &[Series]) -> Result<Points, String> {
    let mut points = Points::new();
    for series in series {
        for (time, value) in series.timestamps_ms.iter().zip(&series.values) {
            insert(&mut points, &series.labels, *time, MetricValue::Float(*value))?;
        }
        for (time, histogram) in series.histogram_timestamps_ms.iter().zip(&series.histograms) {
            insert(
                &mut points,
                &series.labels,
                *time,
                MetricValue::Histogram(Arc::clone(histogram)),
            )?;
        }
    }
    Ok(points)
}

fn expected_points(eval: &Eval, start_ms: i64, step_ms: i64) -> Result<Points, String> {
    let mut points = Points::new();
    for (labels, values) in &eval.series {
        let mut time_ms = start_ms;
        for value in values {
            if let Some(value) = value {
                insert(&mut points, labels, time_ms, value.clone())?;
            }
            time_ms += step_ms;
        }
    }
    Ok(points)
}

fn points(expected: &Points, got: &Points) -> Result<(), String> {
    let mut differences = String::new();
    for (labels, samples) in expected {
        let found = got.get(labels);
        for (time, value) in samples {
            match found.and_then(|found| found.get(time)) {
                Some(other) if same_values(value, other) => {}
                other => difference(&mut differences, labels, *time, Some(value), other),
            }
        }
    }
    for (labels, samples) in got {
        let known = expected.get(labels);
        for (time, value) in samples {
            if known.is_none_or(|known| !known.contains_key(time)) {
                difference(&mut differences, labels, *time, None, Some(value));
            }
        }
    }
    if differences.is_empty() {
        Ok(())
    } else {
        Err(differences)
    }
}

fn difference(
    out: &mut String,
    labels: &Labels,
    time_ms: i64,
    expected: Option<&MetricValue>,
    got: Option<&MetricValue>,
) {
    let (expected, got) = (shown(expected), shown(got));
    write!(out, "\n    {labels} @{time_ms}ms: expected {expected}, got {got}").expect("a string takes all text");
}

fn shown(value: Option<&MetricValue>) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(MetricValue::Float(value)) => value.to_string(),
        Some(MetricValue::Histogram(histogram)) => format!("{histogram:?}"),
    }
}
