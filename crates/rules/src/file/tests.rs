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
        text.contains("field annotation not found in type rulefmt.Rule; did you mean annotations?"),
        "{text}"
    );
    let text = "groups: [{name: g, partial_response_strategy: warn}]";
    let error = parse_rule_file(text, "r.yml").expect_err("a field of objects alone");
    assert!(
        error.to_string().contains("not found in type rulefmt.RuleGroup"),
        "{error}"
    );
}

#[test]
fn unknown_fields_can_be_passed_over() {
    let text = rule("{alert: a, expr: 1, owner: me}");
    let reading = Reading {
        unknown_fields: UnknownFields::Ignored,
        ..Reading::default()
    };
    assert!(parse_rule_file(&text, "r.yml").is_err());
    assert!(parse_rule_file_as(&text, "r.yml", reading).is_ok());
}

const OBJECT: &str = "apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: first}
spec:
  groups:
  - name: g
    partial_response_strategy: warn
    rules: [{record: a, expr: 1}]
";

#[test]
fn objects_are_rule_files_too() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 1}]}\n";
    let second = OBJECT.replace("name: first", "name: second");
    let text = format!("{service}---\n{OBJECT}---\n{second}");
    let file = parse_rule_file(&text, "r.yml").expect("objects are read");
    let names: Vec<&str> = file.groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["g", "second/g"]);
    assert_eq!(file.groups[0].rules[0].line, 13);
    let list = format!("kind: List\nitems:\n- {}", OBJECT.trim_end().replace('\n', "\n  "));
    assert_eq!(parse_rule_file(&list, "r.yml").map(|file| file.rule_count()), Ok(1));
    let error = parse_rule_file(service, "r.yml").expect_err("there are no rules");
    assert!(error.to_string().contains("PrometheusRule"), "{error}");
    let broken = text.replace("expr: 1", "expr: '1 +'");
    let error = parse_rule_file(&broken, "r.yml").expect_err("the expressions are broken");
    assert!(error.to_string().starts_with("r.yml:13:"), "{error}");
}

#[test]
fn files_of_loki_hold_logql() {
    let rules = "{alert: a, expr: 'sum(count_over_time({app=\"x\"} |= \"error\" [5m])) > 10'}";
    let file = parse_logql_rule_file(&format!("namespace: n\n{}", rule(rules)), "l.yml").expect("LogQL is read");
    assert_eq!(file.groups[0].rules[0].language, QueryLanguage::LogQl);
    assert!(parse_rule_file(&rule(rules), "l.yml").is_err());
    let error = parse_logql_rule_file(&rule("{alert: a, expr: '{app=\"x\"}'}"), "l.yml").expect_err("lines alone");
    assert!(error.to_string().contains("count_over_time"), "{error}");
    let object = OBJECT
        .replace("PrometheusRule", "AlertingRule")
        .replace("expr: 1", "expr: 'rate({a=\"b\"}[1m])'");
    let file = parse_rule_file(&object, "o.yml").expect("the kind says LogQL");
    assert_eq!(file.groups[0].rules[0].language, QueryLanguage::LogQl);
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
