//! Metric queries over loaded lines, and single samples.

use serde_json::{Value, json};
use skopos_core::log::Direction;
use skopos_core::{Labels, QueryBudget};
use skopos_logql::{Engine, EvalError, InstantQuery, LabelSet, QueryValue, RangeQuery};

use crate::source::Lines;
use crate::suite::{pairs, run, text};

/// Any fixed time.
const EPOCH_NS: i64 = 1_600_000_000_000_000_000;

fn at(seconds: f64) -> i64 {
    EPOCH_NS + (seconds * 1e9).round() as i64
}

fn load(case: &Value) -> Lines {
    let mut lines = Lines::default();
    for item in case["load"].as_array().into_iter().flatten() {
        let stream = Labels::from_pairs(pairs(&item["stream"]));
        let metadata = Labels::from_pairs(pairs(&item["metadata"]));
        let first = item["at_s"].as_f64().unwrap_or(0.0);
        let every = item["every_s"].as_f64().unwrap_or(0.0);
        for i in 0..item["count"].as_u64().unwrap_or(1) {
            let line = text(item, "line").replace("{{.i}}", &i.to_string());
            lines.push(&stream, at(first + every * i as f64), &line, &metadata);
        }
    }
    lines
}

type Series = Vec<(LabelSet, Vec<Option<f64>>)>;

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.replace("Inf", "inf").parse().ok(),
        _ => None,
    }
}

fn wanted(expect: &Value) -> Series {
    let series = expect["series"].as_array().into_iter().flatten().map(|series| {
        let values = match series["values"].as_array() {
            Some(values) => values.iter().map(number).collect(),
            None => vec![number(&series["value"])],
        };
        (LabelSet::from_pairs(pairs(&series["labels"])), values)
    });
    series.collect()
}

fn close(got: Option<f64>, want: Option<f64>) -> bool {
    match (got, want) {
        (Some(got), Some(want)) => {
            got == want
                || (got.is_nan() && want.is_nan())
                || (got - want).abs() <= 1e-12 * got.abs().max(want.abs()).max(1e-3)
        }
        (got, want) => got == want,
    }
}

fn evaluate(lines: &Lines, eval: &Value) -> Result<(Option<f64>, Series), EvalError> {
    let engine = Engine::default();
    let budget = QueryBudget::unbounded();
    let query = text(eval, "query");
    let value = if let Some(time) = eval["at_s"].as_f64() {
        let time_ns = at(time);
        engine.instant(lines, &InstantQuery { query, time_ns }, &budget)?.value
    } else {
        let second = |field: &str| eval[field].as_f64().expect("a range has bounds");
        let range = RangeQuery {
            query,
            start_ns: at(second("from_s")),
            end_ns: at(second("to_s")),
            step_ns: (second("step_s") * 1e9) as i64,
            interval_ns: 0,
            limit: 100,
            direction: Direction::Backward,
        };
        let value = engine.query_range(lines, &range, &budget)?.value;
        return Ok((None, grid(value, &range)));
    };
    Ok(match value {
        QueryValue::Scalar { value, .. } => (Some(value), Vec::new()),
        QueryValue::Vector(samples) => (
            None,
            samples.into_iter().map(|s| (s.labels, vec![Some(s.value)])).collect(),
        ),
        other => panic!("an instant query gave {other:?}"),
    })
}

fn grid(value: QueryValue, range: &RangeQuery<'_>) -> Series {
    let QueryValue::Matrix(matrix) = value else {
        panic!("a range query gave {value:?}")
    };
    let steps = (range.end_ns - range.start_ns) / range.step_ns + 1;
    let series = matrix.into_iter().map(|series| {
        let mut points = vec![None; steps as usize];
        for (time, value) in series.points {
            points[((time - range.start_ns) / range.step_ns) as usize] = Some(value);
        }
        (series.labels, points)
    });
    series.collect()
}

fn check_eval(lines: &Lines, eval: &Value) -> Result<(), String> {
    let expect = &eval["expect"];
    let (scalar, mut got) = match evaluate(lines, eval) {
        Err(error) if expect["fail"] == json!(true) => {
            let message = error.to_string();
            let fits =
                message.contains(text(expect, "message_contains")) && message.contains(text(expect, "message_regex"));
            return if fits {
                Ok(())
            } else {
                Err(format!("{eval}\n failed with {message}"))
            };
        }
        Err(error) => return Err(format!("{eval}\n failed with {error}")),
        Ok(_) if expect["fail"] == json!(true) => return Err(format!("{eval}\n did not fail")),
        Ok(found) => found,
    };
    if let Some(want) = number(&expect["scalar"]) {
        return if close(scalar, Some(want)) {
            Ok(())
        } else {
            Err(format!("{eval}\n gave {scalar:?}"))
        };
    }
    let mut want = wanted(expect);
    if expect["order"] != json!(true) {
        want.sort_by(|a, b| a.0.cmp(&b.0));
        got.sort_by(|a, b| a.0.cmp(&b.0));
    }
    let same = got.len() == want.len()
        && got.iter().zip(&want).all(|(got, want)| {
            got.0 == want.0 && got.1.len() == want.1.len() && got.1.iter().zip(&want.1).all(|(a, b)| close(*a, *b))
        });
    if same {
        Ok(())
    } else {
        Err(format!("{eval}\n gave {got:?}"))
    }
}

#[test]
fn scenarios_give_their_series() {
    let known = [(
        "engine-9cbbc7fc87",
        "structured metadata with an empty value: `skopos_core::Labels` holds none",
    )];
    run("engine", &known, |case| {
        let lines = load(case);
        let failures: Vec<String> = case["evals"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|eval| check_eval(&lines, eval).err())
            .collect();
        if failures.is_empty() {
            Ok(())
        } else {
            Err(failures.join("\n"))
        }
    });
}

fn single(case: &Value, query: &str) -> Result<Vec<(LabelSet, f64)>, EvalError> {
    let mut lines = Lines::default();
    let stream = Labels::from_pairs(pairs(&case["stream"]));
    lines.push(
        &stream,
        EPOCH_NS,
        text(case, "line"),
        &Labels::from_pairs(pairs(&case["metadata"])),
    );
    let engine = Engine::default();
    let time = InstantQuery {
        query,
        time_ns: EPOCH_NS,
    };
    match engine.instant(&lines, &time, &QueryBudget::unbounded())?.value {
        QueryValue::Vector(samples) => Ok(samples.into_iter().map(|s| (s.labels, s.value)).collect()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_line_makes_one_sample() {
    run("metric_extraction", &[], |case| {
        let query = text(case, "query");
        let got = single(case, query).map_err(|error| error.to_string())?;
        let sample = case["sample"] == json!(true);
        if query.starts_with("absent_over_time") {
            // The function turns presence round.
            return if got.is_empty() == sample {
                Ok(())
            } else {
                Err(format!("{query}: {got:?}"))
            };
        }
        if !sample {
            return if got.is_empty() {
                Ok(())
            } else {
                Err(format!("{query}: {got:?}"))
            };
        }
        // A rate over a minute is a sixtieth of the sample.
        let factor = if query.contains("rate(") { 60.0 } else { 1.0 };
        let want = number(&case["value"]);
        match got.as_slice() {
            [(labels, value)]
                if close(Some(value * factor), want) && labels.to_string() == text(case, "labels_text") =>
            {
                Ok(())
            }
            _ => Err(format!(
                "{query}: {got:?}, not {} {}",
                case["value"],
                text(case, "labels_text")
            )),
        }
    });
}

#[test]
fn unwrapped_labels_are_converted() {
    run("unwrap", &[], |case| {
        let grouping = ["by", "without"].into_iter().find_map(|word| {
            let labels: Vec<&str> = case["grouping"][word]
                .as_array()?
                .iter()
                .filter_map(Value::as_str)
                .collect();
            Some(format!("{word} ({})", labels.join(",")))
        });
        let selector = "{bar=~\".*\", foo=~\".*\", namespace!=\"\"}";
        let _ = selector;
        let grouping = grouping.unwrap_or_default();
        let query = format!(
            "max_over_time({{__any__=\"\", app=\"x\"}} {} [1m]) {grouping}",
            text(case, "pipeline")
        );
        let mut case = case.clone();
        case["stream"]["app"] = json!("x");
        let got = single(&case, &query);
        let mut want = pairs(&case["labels"]);
        if want.iter().any(|(name, _)| name == "__error__") {
            return match got {
                Err(EvalError::Pipeline { series, .. })
                    if want.iter().all(|(n, v)| series.contains(&format!("{n}={v:?}"))) =>
                {
                    Ok(())
                }
                got => Err(format!("{case}: {got:?}")),
            };
        }
        if grouping.is_empty() || grouping.starts_with("without") {
            want.push(("app".to_owned(), "x".to_owned()));
        }
        let got = got.map_err(|error| error.to_string())?;
        let sample = case["sample"] == json!(true);
        let fits = match got.as_slice() {
            [] => !sample,
            [(labels, value)] => {
                sample && close(Some(*value), number(&case["value"])) && *labels == LabelSet::from_pairs(want)
            }
            _ => false,
        };
        if fits { Ok(()) } else { Err(format!("{case}: {got:?}")) }
    });
}

#[test]
fn log_queries_stream_in_order_and_stop_at_the_limit() {
    let mut lines = Lines::default();
    for i in 0..50i64 {
        let stream = Labels::from_pairs([("app", if i % 2 == 0 { "a" } else { "b" })]);
        let metadata = Labels::from_pairs([("trace_id", format!("{i:032x}"))]);
        lines.push(&stream, EPOCH_NS + i, &format!("n={i} level=info"), &metadata);
    }
    let ask = |query: &str, direction: Direction, limit: usize, interval_ns: i64| {
        let range = RangeQuery {
            query,
            start_ns: EPOCH_NS + 10,
            end_ns: EPOCH_NS + 40,
            step_ns: 1,
            interval_ns,
            limit,
            direction,
        };
        let output = Engine::default()
            .query_range(&lines, &range, &QueryBudget::unbounded())
            .expect("runs");
        let QueryValue::Streams(streams) = output.value else {
            panic!("streams")
        };
        streams
    };
    let newest = ask(r#"{app=~"a|b"} | logfmt | n != 38"#, Direction::Backward, 3, 0);
    let times: Vec<i64> = newest
        .entries
        .iter()
        .map(|entry| entry.timestamp_ns - EPOCH_NS)
        .collect();
    assert_eq!(times, [39, 37, 36]);
    assert_eq!(
        newest.entries[0].structured_metadata.find("trace_id"),
        Some("00000000000000000000000000000027")
    );
    assert_eq!(newest.entries[0].parsed.to_string(), r#"{level="info", n="39"}"#);
    assert_eq!(newest.by_stream(skopos_logql::output::Encoding::Categorized).len(), 2);
    assert_eq!(newest.by_stream(skopos_logql::output::Encoding::Merged).len(), 3);
    let thinned = ask(r#"{app="a"}"#, Direction::Forward, 100, 10);
    let times: Vec<i64> = thinned
        .entries
        .iter()
        .map(|entry| entry.timestamp_ns - EPOCH_NS)
        .collect();
    assert_eq!(times, [10, 20, 30]);
    let by_id = ask(
        r#"{app=~".+"} | trace_id="00000000000000000000000000000014""#,
        Direction::Backward,
        100,
        0,
    );
    assert_eq!(by_id.entries.len(), 1);
}

#[test]
fn log_queries_are_no_instant_queries() {
    let time = InstantQuery {
        query: r#"{a="b"}"#,
        time_ns: 0,
    };
    let error = Engine::default()
        .instant(&Lines::default(), &time, &QueryBudget::unbounded())
        .expect_err("refused");
    assert!(matches!(error, EvalError::LogsAsInstant));
}

#[test]
fn budgets_end_queries() {
    let mut lines = Lines::default();
    let stream = Labels::from_pairs([("app", "a")]);
    for i in 0..100 {
        lines.push(&stream, EPOCH_NS + i, "v=1", &Labels::empty());
    }
    let time = InstantQuery {
        query: r#"sum_over_time({app="a"} | logfmt | unwrap v [1m])"#,
        time_ns: EPOCH_NS + 100,
    };
    let refused = Engine::default().instant(&lines, &time, &QueryBudget::new(50, None));
    assert!(matches!(refused, Err(EvalError::Budget(_))), "{refused:?}");
}
