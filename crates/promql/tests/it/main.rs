//! The engine over a handful of samples in memory.

mod downsampled;
mod shares;

use skopos_core::metric::{Exemplar, MetricMetadata, MetricSource, MetricValue, Selection, Series};
use skopos_core::{Labels, Matcher, QueryBudget, ReadError, TimeRange};
use skopos_promql::{Engine, EvalError, Feature, Value, parse};

#[derive(Debug)]
struct Memory(Vec<Series>);

impl MetricSource for Memory {
    fn select(&self, selection: &Selection<'_>, budget: &QueryBudget) -> Result<Vec<Series>, ReadError> {
        let matching = self.0.iter().filter(|series| {
            let matches = |matcher: &Matcher| matcher.matches_labels(&series.labels);
            selection.matchers.iter().all(matches)
        });
        let mut found = Vec::new();
        for series in matching {
            let samples = series.timestamps_ms.iter().zip(&series.values);
            let within = samples.filter(|(time, _)| selection.range.contains(**time));
            let (timestamps_ms, values): (Vec<i64>, Vec<f64>) = within.map(|(time, value)| (*time, *value)).unzip();
            budget.charge(values.len(), "reading")?;
            found.push(Series {
                labels: series.labels.clone(),
                timestamps_ms,
                values,
                ..Series::default()
            });
        }
        Ok(found)
    }
    fn series(&self, _: &[Matcher], _: TimeRange) -> Result<Vec<Labels>, ReadError> {
        Ok(Vec::new())
    }
    fn label_names(&self, _: &[Matcher], _: TimeRange) -> Result<Vec<String>, ReadError> {
        Ok(Vec::new())
    }
    fn label_values(&self, _: &str, _: &[Matcher], _: TimeRange) -> Result<Vec<String>, ReadError> {
        Ok(Vec::new())
    }
    fn exemplars(&self, _: &[Matcher], _: TimeRange) -> Result<Vec<(Labels, Vec<Exemplar>)>, ReadError> {
        Ok(Vec::new())
    }
    fn metadata(&self, _: Option<&str>) -> Result<Vec<MetricMetadata>, ReadError> {
        Ok(Vec::new())
    }
}

/// Counters `c_total` of instances 1 and 2 that grow by 10 and 20 a minute for ten minutes.
fn memory() -> Memory {
    let series = |instance: &str, growth: f64| Series {
        labels: Labels::from_pairs([("__name__", "c_total"), ("instance", instance)]),
        timestamps_ms: (0..11).map(|minute| minute * 60_000).collect(),
        values: (0..11).map(|minute| f64::from(minute) * growth).collect(),
        ..Series::default()
    };
    Memory(vec![series("1", 10.0), series("2", 20.0)])
}

fn floats(query: &str) -> Vec<f64> {
    let output = Engine::default().instant(&memory(), query, 600_000, &QueryBudget::unbounded());
    match output.expect("the query is valid").value {
        Value::Scalar { value, .. } => vec![value],
        Value::Vector(samples) => samples
            .into_iter()
            .map(|sample| match sample.value {
                MetricValue::Float(value) => value,
                MetricValue::Histogram(_) => f64::NAN,
            })
            .collect(),
        other => panic!("unexpected {other:?}"),
    }
}

#[test]
fn instant_queries() {
    for (query, expected) in [
        ("c_total", vec![100.0, 200.0]),
        ("sum(c_total)", vec![300.0]),
        ("sum by (instance) (increase(c_total[5m]))", vec![50.0, 100.0]),
        ("topk(1, c_total)", vec![200.0]),
        ("c_total{instance=\"1\"} + on() c_total{instance=\"2\"}", vec![300.0]),
        ("c_total > 150", vec![200.0]),
        ("c_total == bool 100", vec![1.0, 0.0]),
        ("max_over_time(c_total[10m:2m] offset 2m)", vec![80.0, 160.0]),
        ("avg_over_time(c_total{instance=\"1\"}[2m1s])", vec![90.0]),
        ("c_total @ 60 or vector(1)", vec![10.0, 20.0, 1.0]),
        ("-1 ^ 2 + scalar(sum(c_total))", vec![299.0]),
        ("absent(nothing)", vec![1.0]),
        (
            "count(label_replace(c_total, \"x\", \"$1\", \"instance\", \"(.*)\"))",
            vec![2.0],
        ),
        ("changes(c_total[5m])", vec![4.0, 4.0]),
        ("time()", vec![600.0]),
    ] {
        let found = floats(query);
        let close = found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-9);
        assert!(
            found.len() == expected.len() && close,
            "{query}: {found:?}, expected {expected:?}"
        );
    }
}

#[test]
fn range_queries_fill_every_step() {
    let engine = Engine::default();
    let output = engine.range(
        &memory(),
        "rate(c_total[5m])",
        300_000,
        600_000,
        60_000,
        &QueryBudget::unbounded(),
    );
    let Value::Matrix(series) = output.expect("the query is valid").value else {
        panic!("a range query yields a matrix");
    };
    assert_eq!(series.len(), 2);
    assert_eq!(series[0].values.len(), 6);
    assert!(series[0].values.iter().all(|value| (value - 1.0 / 6.0).abs() < 1e-9));
}

#[test]
fn faults_are_worded_and_placed() {
    let error = parse("sum(rate(x[5m])").expect_err("the parenthesis is open");
    assert_eq!(error.to_string(), "1:16: parse error: unclosed left parenthesis");
    let both = Engine::default().instant(&memory(), "c_total + on() c_total", 0, &QueryBudget::unbounded());
    assert!(matches!(both, Err(EvalError::Execution(text)) if text.starts_with("found duplicate series")));
}

#[test]
fn memory_for_steps_is_taken_only_within_the_budget() {
    let many_steps = [
        "c_total[290y:1ms]",
        "vector(1)[290y:1ms]",
        "sum_over_time(rate(c_total[1m])[290y:1ms])",
        "max_over_time((c_total @ 0)[290y:1ms])",
        "count_over_time(timestamp(c_total)[290y:1ms])",
    ];
    for query in many_steps {
        let outcome = Engine::default().instant(&memory(), query, 600_000, &QueryBudget::unbounded());
        assert!(matches!(outcome, Err(EvalError::Budget(_))), "{query}: {outcome:?}");
    }
    // Two series of 601 steps fit; a series for each of their values does not.
    let budget = || QueryBudget::new(5_000, None);
    let range = |query: &str| Engine::default().range(&memory(), query, 0, 600_000, 1_000, &budget());
    assert!(range("c_total").is_ok());
    let counted = range("count_values(\"v\", c_total)");
    assert!(matches!(counted, Err(EvalError::Budget(_))), "{counted:?}");
}

/// What repeats is read once, and says the same.
#[test]
fn parts_that_repeat_are_evaluated_once() {
    let query = "sum(rate(c_total[5m])) / sum(rate(c_total[5m])) + sum(rate(c_total[5m] offset 1m))";
    let output = Engine::default()
        .range(&memory(), query, 360_000, 600_000, 60_000, &QueryBudget::unbounded())
        .expect("the query is valid");
    // Windows (1 min, 10 min] and, moved, (0 min, 9 min] over two series.
    assert_eq!(output.stats.series, 4);
    assert_eq!(output.stats.read_samples, 2 * (9 + 9));
    let Value::Matrix(series) = output.value else {
        panic!("a range query yields a matrix");
    };
    assert_eq!(series[0].len(), 5);
    assert!(
        series[0].values.iter().all(|value| (value - 1.5).abs() < 1e-9),
        "{:?}",
        series[0].values
    );
}

#[test]
fn samples_are_counted_for_each_step() {
    let engine = Engine::default().with_per_step_stats(Feature::Enabled);
    let output = engine
        .range(
            &memory(),
            "rate(c_total[5m])",
            120_000,
            300_000,
            90_000,
            &QueryBudget::unbounded(),
        )
        .expect("the query is valid");
    // Five minutes hold five samples; before there are five, those since the first.
    let expected = [(120_000, 6), (210_000, 8), (300_000, 10)];
    assert_eq!(output.stats.queryable_per_step, expected);
    assert_eq!(output.stats.queryable_samples, 24);
}

#[test]
fn a_plan_names_what_is_read() {
    let query = "max_over_time(sum(c_total)[10m:1m]) > 2 * sum(c_total offset 1m)";
    let plan = Engine::default()
        .plan_instant(query, 600_000)
        .expect("the query is valid");
    assert_eq!(plan.query, query);
    let ranges: Vec<(i64, i64)> = plan
        .reads
        .iter()
        .map(|read| (read.range.start_ms, read.range.end_ms))
        .collect();
    // The subquery's first step is a minute after zero, and looks back five minutes.
    assert_eq!(ranges, [(60_000 - 299_999, 600_000), (540_000 - 299_999, 540_000)]);
    assert_eq!(plan.tree.children[0].children[0].steps, 10);
    assert!(Engine::default().plan_range("c_total[5m]", 0, 1, 1).is_err());
}
