//! Which rules wait for which.

use skopos_promql::ParseOptions;

use super::*;
use crate::file::parse_rule_file;
use crate::query::QueryLanguage;

fn plan(rules: &str) -> Vec<Vec<usize>> {
    let text = format!("groups:\n- name: g\n  rules:\n{rules}");
    let file = parse_rule_file(&text, "f.yml").expect("the file is valid");
    let specs = file.groups[0].rules.iter();
    let rules: Vec<(&RuleSpec, Reads)> = specs
        .map(|spec| {
            let query = RuleQuery::parse(&spec.expr, QueryLanguage::PromQl, ParseOptions::default());
            let query = query.expect("the query is valid");
            (spec, Reads::of(Some(&query), spec))
        })
        .collect();
    stages(&rules)
}

#[test]
fn rules_without_ties_share_a_stage() {
    let rules = "  - {record: a, expr: x}\n  - {record: b, expr: y}\n  - {alert: C, expr: z > 0}\n";
    assert_eq!(plan(rules), [[0, 1, 2]]);
}

#[test]
fn chains_and_diamonds_are_laid_into_stages() {
    let rules = "  - {record: base, expr: x}\n  - {record: l, expr: base}\n  - {record: r, expr: 'rate(base[5m])'}\n  - {record: top, expr: l + r}\n";
    assert_eq!(plan(rules), [vec![0], vec![1, 2], vec![3]]);
}

#[test]
fn a_reader_before_its_writer_keeps_reading_the_older_result() {
    assert_eq!(plan("  - {record: a, expr: b}\n  - {record: b, expr: x}\n"), [[0], [1]]);
}

#[test]
fn unnamed_selectors_wait_for_all() {
    let rules = "  - {record: a, expr: x}\n  - {record: b, expr: '{job=\"j\"}'}\n  - {record: c, expr: y}\n";
    assert_eq!(plan(rules), [[0], [1], [2]]);
}

#[test]
fn patterns_wait_for_the_names_they_match() {
    let rules = "  - {record: ax, expr: x}\n  - {record: b, expr: '{__name__=~\"a.*\"}'}\n  - {record: c, expr: '{__name__=~\"q.*\"}'}\n";
    assert_eq!(plan(rules), [vec![0, 2], vec![1]]);
}

#[test]
fn alert_series_tie_to_all_alerts() {
    let rules = "  - {alert: A, expr: x > 0}\n  - {record: n, expr: count(ALERTS)}\n  - {alert: B, expr: y > 0}\n";
    assert_eq!(plan(rules), [[0], [1], [2]]);
}

#[test]
fn templates_that_query_read_everything() {
    let rules = "  - {record: a, expr: x}\n  - {alert: B, expr: y > 0, annotations: {s: '{{ query \"a\" | first | value }}'}}\n";
    assert_eq!(plan(rules), [[0], [1]]);
}

#[test]
fn the_same_name_twice_keeps_its_order() {
    assert_eq!(plan("  - {record: a, expr: x}\n  - {record: a, expr: y}\n"), [[0], [1]]);
}
