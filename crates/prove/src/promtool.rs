//! A proof as a unit test for promtool: a rule file with the rule and what it builds on, and a
//! test file with the witness and the alerts that must fire. Both are JSON, which YAML contains.
//!
//! Annotations that print a measured value are left out: versions of Prometheus differ in the last
//! digit of a rate, and promtool compares texts.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use skopos_promql::duration::format_duration;
use skopos_rules::{RuleKind, RuleSpec};

use crate::report::{FiredAlert, RuleReport};

/// A unit test for promtool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromtoolTest {
    /// The rule file.
    pub rules: String,
    /// The test file; it names the rule file as given to [`witness_as_promtool_test`].
    pub test: String,
}

/// Series of a witness that promtool can hold: it stops at 10 000 samples.
const MAX_SERIES: usize = 9_500;

/// The witness of a rule that fires as a unit test; `None` of rules without one, and of one that is
/// larger than promtool can hold. `rule_file` is the path under which the test finds the rule file.
pub fn witness_as_promtool_test(report: &RuleReport, rule_file: &str) -> Option<PromtoolTest> {
    report.timeline.firing_ms?;
    if report.witness.len() > MAX_SERIES {
        return None;
    }
    let rules: Vec<Value> = report.driven.iter().map(rule).collect();
    let rules = json!({"groups": [{"name": "proof", "rules": rules}]});
    let series: Vec<Value> = report
        .witness
        .iter()
        .map(|series| json!({"series": series.series, "values": series.values}))
        .collect();
    let texts = &report.driven.last()?.annotations;
    let alerts: Vec<Value> = report.alerts.iter().map(|alert| expected(alert, texts)).collect();
    let test = json!({
        "rule_files": [rule_file],
        "evaluation_interval": format_duration(report.evaluation_interval_ms),
        "tests": [{
            "name": report.name,
            "interval": format_duration(report.interval_ms),
            "external_labels": report.external_labels,
            "external_url": report.external_url,
            "input_series": series,
            "alert_rule_test": [{
                "eval_time": format_duration(report.shown_ms),
                "alertname": report.name,
                "exp_alerts": alerts,
            }],
        }],
    });
    Some(PromtoolTest {
        rules: format!("{rules:#}\n"),
        test: format!("{test:#}\n"),
    })
}

fn rule(spec: &RuleSpec) -> Value {
    let mut rule = serde_json::Map::new();
    let kind = match spec.kind {
        RuleKind::Recording => "record",
        RuleKind::Alerting => "alert",
    };
    rule.insert(kind.to_owned(), json!(spec.name));
    rule.insert("expr".to_owned(), json!(spec.expr));
    if spec.for_ms > 0 {
        rule.insert("for".to_owned(), json!(format_duration(spec.for_ms)));
    }
    if spec.keep_firing_for_ms > 0 {
        rule.insert(
            "keep_firing_for".to_owned(),
            json!(format_duration(spec.keep_firing_for_ms)),
        );
    }
    rule.insert("labels".to_owned(), json!(spec.labels));
    if spec.kind == RuleKind::Alerting {
        let annotations: BTreeMap<_, _> = spec.annotations.iter().filter(|(_, text)| !is_measured(text)).collect();
        rule.insert("annotations".to_owned(), json!(annotations));
    }
    Value::Object(rule)
}

/// Whether a template prints what was measured.
fn is_measured(text: &str) -> bool {
    ["$value", ".Value", "query"].iter().any(|part| text.contains(part))
}

/// promtool adds `alertname` itself.
fn expected(alert: &FiredAlert, texts: &BTreeMap<String, String>) -> Value {
    let labels: BTreeMap<_, _> = alert.labels.iter().filter(|(name, _)| *name != "alertname").collect();
    let is_kept = |name: &String| texts.get(name).is_some_and(|text| !is_measured(text));
    let annotations: BTreeMap<_, _> = alert.annotations.iter().filter(|(name, _)| is_kept(name)).collect();
    json!({"exp_labels": labels, "exp_annotations": annotations})
}
