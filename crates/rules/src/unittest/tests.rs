//! Tests of tests: verdicts, and what is said of those that fail.

use super::*;
use crate::file::{UnknownFields, parse_rule_file};

const RULES: &str = "groups:
- name: g
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
  - alert: Down
    expr: job:up:sum < 1
    for: 2m
    labels: {severity: page}
    annotations: {summary: '{{ $labels.job }} is down in {{ $externalLabels.site }}'}
";

fn run(tests: &str) -> TestReport {
    run_with(tests, &TestOptions::default())
}

fn run_with(tests: &str, options: &TestOptions) -> TestReport {
    let file = parse_test_file(tests, "t.yml", UnknownFields::Refused).expect("the tests are readable");
    let rules = parse_rule_file(RULES, "r.yml").expect("the rules are valid");
    run_tests(&file, &Ok(vec![rules]), options)
}

const INPUT: &str = "rule_files: [r.yml]
tests:
- name: one
  external_labels: {site: x}
  input_series: [{series: 'up{job=\"a\", i=\"1\"}', values: '1 1 0x10'}]
";

fn alerts(eval_time: &str, expected: &str) -> String {
    format!("{INPUT}  alert_rule_test: [{{eval_time: {eval_time}, alertname: Down, exp_alerts: [{expected}]}}]\n")
}

const RIGHT: &str = "{exp_labels: {job: a, severity: page}, exp_annotations: {summary: a is down in x}}";

#[test]
fn what_holds_passes() {
    assert!(run(&alerts("4m", RIGHT)).is_success());
    assert!(run(&alerts("3m59s", "")).is_success(), "it is pending");
    let expr = format!(
        "{INPUT}  promql_expr_test: [{{expr: job:up:sum, eval_time: 1m, exp_samples: [{{labels: 'job:up:sum{{job=\"a\"}}', value: 1}}]}}]\n"
    );
    assert!(run(&expr).is_success());
}

#[test]
fn differences_name_the_part() {
    let report = run(&alerts("4m", &RIGHT.replace("page", "warn").replace("down in x", "up")));
    let text = render(&report, Style::default());
    let expected = "FAILED:
  name: one (t.yml:3)
    alertname: Down, time: 4m (t.yml:6)
      {alertname=\"Down\", job=\"a\"} differs
        label severity
          exp: \"warn\"
          got: \"page\"
        annotation summary
          exp: \"a is up\"
          got: \"a is down in x\"";
    assert_eq!(text, expected);
    let style = Style {
        as_diff: true,
        is_coloured: true,
    };
    let diff = render(&report, style);
    assert!(diff.contains("\u{1b}[31m      - {alertname"), "{diff}");
    assert!(junit(&[report]).contains("tests=\"1\" failures=\"1\""));
}

#[test]
fn missing_and_surplus_are_told_apart() {
    let report = run(&alerts("4m", ""));
    assert!(matches!(
        report.cases[0].failures[0].differences.as_slice(),
        [Difference::Surplus(_)]
    ));
    let report = run(&alerts("1m", RIGHT));
    assert!(matches!(
        report.cases[0].failures[0].differences.as_slice(),
        [Difference::Missing(_)]
    ));
}

#[test]
fn neighbours_pass_only_when_fuzzy() {
    let tests = |fuzzy: &str, value: &str| {
        format!(
            "fuzzy_compare: {fuzzy}\ntests: [{{input_series: [{{series: x, values: '{value}'}}], promql_expr_test: [{{expr: x, eval_time: 0, exp_samples: [{{labels: x, value: 3}}]}}]}}]\n"
        )
    };
    assert!(run(&tests("true", "3.0000000000000004")).is_success());
    assert!(!run(&tests("false", "3.0000000000000004")).is_success());
    assert!(!run(&tests("true", "3.0000000000000013")).is_success());
}

#[test]
fn time_begins_where_the_test_says() {
    for start in ["1700000000", "'2023-11-14T22:13:20Z'"] {
        let tests = format!(
            "tests: [{{start_timestamp: {start}, promql_expr_test: [{{expr: time(), eval_time: 1m, exp_samples: [{{labels: '{{}}', value: 1700000060}}]}}]}}]\n"
        );
        assert!(run(&tests).is_success(), "{start}");
    }
}

#[test]
fn only_wanted_tests_run() {
    let options = TestOptions {
        filter: Some(regex::Regex::new("other").expect("it is a pattern")),
        ..TestOptions::default()
    };
    assert!(run_with(&alerts("4m", ""), &options).cases.is_empty());
}

#[test]
fn broken_files_say_where() {
    let error = |text: &str| {
        let error = parse_test_file(text, "t.yml", UnknownFields::Refused).expect_err("the file is broken");
        error.to_string()
    };
    assert!(error("tests:\n- nme: x\n").starts_with("t.yml:2:3: field nme not found in type main.testGroup"));
    assert!(error("tests:\n- start_timestamp: soon\n").contains("t.yml:2:20: start_timestamp \"soon\""));
    assert!(error("tests: [{alert_rule_test: [{eval_time: 5m}]}]").contains("misses required attribute alertname"));
    assert!(error("group_eval_order: [a, a]").contains("group name repeated in evaluation order: a"));
    let report = run("tests: [{input_series: [{series: x, values: '1 2 three'}]}]");
    assert!(report.cases[0].failures[0].what.contains("three"), "{report:?}");
}
