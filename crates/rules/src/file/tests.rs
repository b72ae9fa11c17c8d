//! What is read from rule files, and what is said of broken ones.

use super::*;

#[track_caller]
fn check_error(text: &str, expect: &str) {
    let error = parse_rule_file(text, "r.yml").expect_err("the file is broken");
    assert_eq!(error.to_string(), expect);
}

fn rule(fields: &str) -> String {
    format!("groups:\n- name: g\n  rules:\n  - {fields}\n")
}

#[test]
fn reads_everything() {
    let text = "groups:\n- name: g\n  interval: 30s\n  query_offset: 1m\n  limit: 5\n  labels: {team: a, x: 1}\n  rules:\n  \
                - alert: Down\n    expr: up == 0\n    for: 5m\n    keep_firing_for: 1h\n    labels: {x: y, n: 2}\n    \
                annotations:\n      summary: '{{ $labels.job }} down'\n  - record: a:b\n    expr: 1\n";
    let file = parse_rule_file(text, "r.yml").expect("the file is valid");
    let group = &file.groups[0];
    assert_eq!(
        (group.interval_ms, group.query_offset_ms, group.limit),
        (Some(30_000), Some(60_000), 5)
    );
    let alert = &group.rules[0];
    assert_eq!(
        (alert.for_ms, alert.keep_firing_for_ms, alert.line),
        (300_000, 3_600_000, 8)
    );
    let labels: Vec<_> = alert.labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(labels, [("n", "2"), ("team", "a"), ("x", "y")]);
    assert_eq!(
        (group.rules[1].kind, group.rules[1].expr.as_str()),
        (RuleKind::Recording, "1")
    );
    assert_eq!(file.rule_count(), 2);
}

#[test]
fn empty_files_hold_nothing() {
    for text in ["", "# only a comment\n", "---\n", "groups:\n", "groups: []\n"] {
        assert_eq!(
            parse_rule_file(text, "r.yml").map(|file| file.rule_count()),
            Ok(0),
            "{text:?}"
        );
    }
}

#[test]
fn later_documents_are_told_of() {
    let text = format!(
        "---\n{}---\n{}",
        rule("{record: a, expr: 1}"),
        rule("{record: b, expr: 1}")
    );
    let file = parse_rule_file(&text, "r.yml").expect("the first document is valid");
    assert_eq!((file.rule_count(), file.warnings.len()), (1, 1));
}

#[test]
fn errors_name_file_line_and_rule() {
    check_error(
        &rule("{record: a}"),
        "r.yml:4:5: group \"g\", rule 1, \"a\": field 'expr' must be set in rule",
    );
    check_error(
        &rule("{expr: 1}"),
        "r.yml:4:5: group \"g\", rule 1, \"\": one of 'record' or 'alert' must be set",
    );
    check_error(
        &rule("{record: a, alert: b, expr: 1}"),
        "r.yml:4:5: group \"g\", rule 1, \"b\": only one of 'record' and 'alert' must be set",
    );
    check_error(
        &rule("{alert: b, expr: 1, for: 5x}"),
        "r.yml:4:30: group \"g\", rule 1, \"b\": not a valid duration string: \"5x\"",
    );
    check_error(
        &rule("{alert: b, expr: 1, labels: {a: '{{ $x }}'}}"),
        "r.yml:4:5: group \"g\", rule 1, \"b\": label \"a\": template: __alert_b:1: undefined variable \"$x\"",
    );
    check_error(
        &rule("{record: 'a{b=\"c\"}', expr: 1}"),
        "r.yml:4:5: group \"g\", rule 1, \"a{b=\\\"c\\\"}\": braces present in the recording rule name; should it be in expr?: a{b=\"c\"}",
    );
    check_error(
        "groups:\n- name: g\n- name: g\n",
        "r.yml:3:3: groupname: \"g\" is repeated in the same file",
    );
}

#[test]
fn unknown_fields_are_refused_with_what_is_known() {
    let error = parse_rule_file(&rule("{alert: a, expr: 1, annotation: {}}"), "r.yml").expect_err("unknown field");
    let text = error.to_string();
    assert!(text.starts_with("r.yml:4:"), "{text}");
    assert!(
        text.contains("field annotation not found in type rulefmt.Rule; known fields: record, alert"),
        "{text}"
    );
    let crd = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec:\n  groups: []\n";
    let text = parse_rule_file(crd, "r.yml")
        .expect_err("a Kubernetes object")
        .to_string();
    assert!(text.contains("what lies under its `spec`"), "{text}");
}

#[test]
fn all_problems_are_found() {
    let text = "groups:\n- name: ''\n  interval: no\n  rules:\n  - {record: a, expr: 'rate(', for: 1m}\n  - {alert: b, expr: '1 +'}\n";
    let error = parse_rule_file(text, "r.yml").expect_err("the file is broken");
    assert_eq!(error.problems.len(), 5, "{error}");
}

#[test]
fn what_the_engine_will_not_read_is_refused() {
    let text = rule("{record: a, expr: 'limitk(1, up)'}");
    assert!(parse_rule_file(&text, "r.yml").is_ok());
    let off = ParseOptions::all(skopos_promql::Feature::Disabled);
    let error = parse_rule_file_with(&text, "r.yml", off).expect_err("it is not enabled");
    assert!(error.to_string().starts_with("r.yml:4:"), "{error}");
    assert!(error.to_string().contains("promql-experimental-functions"), "{error}");
}
