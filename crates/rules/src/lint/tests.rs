//! Each lint: what it finds, where, and what it leaves alone.

use std::collections::BTreeSet;

use super::*;
use crate::file::parse_rule_file;

fn findings(rules: &str) -> Vec<(String, Place)> {
    found(rules, None)
        .into_iter()
        .map(|finding| (finding.lint.name().to_owned(), finding.place))
        .collect()
}

fn found(rules: &str, live: Option<&dyn LiveData>) -> Vec<Finding> {
    let source = format!("groups:\n- name: g\n  rules:\n{rules}");
    let file = parse_rule_file(&source, "r.yml").expect("the file is valid");
    let linted = LintedFile {
        file: &file,
        source: &source,
    };
    lint(&[linted], &LintOptions::default(), live)
}

/// The lints that an alert's expression has, without those of its fields.
fn of_expr(expr: &str) -> Vec<&'static str> {
    let rule = format!("  - alert: A\n    expr: |\n      {expr}\n    annotations: {{summary: s, runbook_url: u}}\n");
    found(&rule, None)
        .into_iter()
        .map(|finding| finding.lint.name())
        .collect()
}

#[test]
fn fields_of_alerts() {
    let rule = "  - alert: A\n    expr: up == 0\n    for: 30s\n";
    let expected = [
        ("missing-summary".to_owned(), (4, 5)),
        ("missing-runbook".to_owned(), (4, 5)),
        ("short-for".to_owned(), (6, 10)),
    ];
    assert_eq!(findings(rule), expected);
    let good = "  - alert: A\n    expr: up == 0\n    for: 1m\n    annotations: {summary: s, runbook_url: u}\n";
    assert!(findings(good).is_empty());
    assert!(findings("  - {record: r, expr: up}\n").is_empty());
}

#[test]
fn duplicates_name_the_other() {
    let findings = found("  - {record: r, expr: up}\n  - {record: r, expr: down}\n", None);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].place, (5, 5));
    assert!(findings[0].message.contains("line 4"), "{}", findings[0]);
}

#[test]
fn ranges_need_four_scrapes() {
    assert_eq!(of_expr("rate(x[30s]) > 1"), ["short-range"]);
    assert_eq!(of_expr("irate(x[20s]) > 1"), ["short-range"]);
    assert!(of_expr("rate(x[1m]) > 1 and irate(x[30s]) > 1 and max_over_time(x[10s]) > 1").is_empty());
}

#[test]
fn thresholds_must_mean_something() {
    for expr in [
        "rate(x[5m])",
        "sum(x) / sum(y)",
        "x > bool 5",
        "rate(x[5m]) >= 0",
        "count(x) < 0",
        "sum by (a) (rate(x[5m])) == -1",
    ] {
        assert_eq!(of_expr(expr), ["no-threshold"], "{expr}");
    }
    for expr in [
        "x",
        "vector(1)",
        "absent(x)",
        "x - y > 0",
        "x > 0",
        "a unless b",
        "sum(x > 1)",
        "count(x) == 0",
    ] {
        assert!(of_expr(expr).is_empty(), "{expr}");
    }
}

#[test]
fn absent_wants_a_selector() {
    assert_eq!(of_expr("absent(sum by (job) (up))"), ["absent-aggregated"]);
    assert!(of_expr("absent(up{job=\"a\"})").is_empty());
}

#[test]
fn joins_that_cannot_match() {
    for expr in [
        "sum by (a) (x) / sum(y) > 1",
        "sum by (a) (x) / sum by (b) (y) > 1",
        "x{job=\"a\"} / x{job=\"b\"} > 1",
        "x{job=\"a\"} and on (job) y{job=\"b\"}",
        "sum by (a) (x) / on (b) sum by (b) (y) > 1",
        "x unless sum without (job) (y{job=\"a\"}) * on (job) z{job=\"b\"}",
        "absent(x{job=\"a\"}) and y{job=\"b\"}",
    ] {
        assert!(of_expr(expr).contains(&"never-joins"), "{expr}: {:?}", of_expr(expr));
    }
    for expr in [
        "x / y > 1",
        "sum by (a) (x) / on () group_left sum(y) > 1",
        "sum by (a) (x) / sum by (a) (y) > 1",
        "x{job=\"a\"} / ignoring (job) x{job=\"b\"} > 1",
        "x{job=\"a\"} / on (instance) y{job=\"b\"} > 1",
        "sum by (a) (x) > scalar(y)",
        "sum by (b) (label_replace(x, \"b\", \"$1\", \"a\", \"(.*)\")) / sum by (b) (y) > 1",
        "sum by (a) (x) or sum(y) > 1",
        "sum by (le) (x) > 1 and sum by (le) (y) > 1",
    ] {
        assert!(of_expr(expr).is_empty(), "{expr}: {:?}", of_expr(expr));
    }
}

struct Server;

impl LiveData for Server {
    fn has_metric(&self, metric: &str) -> bool {
        metric == "up"
    }

    fn labels(&self, _metric: &str) -> Option<BTreeSet<String>> {
        Some(["instance".to_owned(), "job".to_owned()].into())
    }

    fn nearest_metrics(&self, _metric: &str) -> Vec<String> {
        vec!["up".to_owned()]
    }

    fn nearest_labels(&self, _label: &str, _labels: &BTreeSet<String>) -> Vec<String> {
        Vec::new()
    }
}

#[test]
fn names_are_compared_with_a_server() {
    let rules = "  - {record: r, expr: 'sum(upp) + sum(up{jobb=\"a\"}) + sum(up{nope=\"\"}) + sum(made)'}\n  - {record: made, expr: up}\n";
    let findings = found(rules, Some(&Server));
    let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
    let expected = [
        "r.yml:4:28: r: the server has no metric \"upp\"; the nearest are up [unknown-metric]",
        "r.yml:4:39: r: no series of \"up\" has a label \"jobb\" [unknown-label]",
    ];
    assert_eq!(texts, expected);
}
