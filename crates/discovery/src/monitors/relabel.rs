//! Relabelling rules: those of the objects, and those that the operator writes.

use serde::Deserialize;
use serde_json::{Value, json};

/// A rule as objects write it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct RelabelConfig {
    source_labels: Option<Vec<String>>,
    separator: Option<String>,
    target_label: Option<String>,
    regex: Option<String>,
    modulus: Option<u64>,
    replacement: Option<String>,
    action: Option<String>,
}

impl RelabelConfig {
    /// The rule as `prometheus.yml` writes it.
    pub(super) fn rule(&self) -> Value {
        let mut rule = json!({});
        let pairs = [
            ("source_labels", self.source_labels.as_ref().map(|labels| json!(labels))),
            ("separator", self.separator.as_ref().map(|text| json!(text))),
            ("target_label", self.target_label.as_ref().map(|text| json!(text))),
            ("regex", self.regex.as_ref().map(|text| json!(text))),
            ("modulus", self.modulus.map(|number| json!(number))),
            ("replacement", self.replacement.as_ref().map(|text| json!(text))),
            ("action", self.action.as_ref().map(|text| json!(text.to_lowercase()))),
        ];
        for (key, value) in pairs {
            if let Some(value) = value {
                rule[key] = value;
            }
        }
        rule
    }
}

/// Keeps, or drops, targets whose labels match.
pub(super) fn filter(action: &str, labels: &[String], regex: &str) -> Value {
    json!({ "action": action, "source_labels": labels, "regex": regex })
}

/// Copies a label.
pub(super) fn copy(from: &str, to: &str) -> Value {
    json!({ "source_labels": [from], "target_label": to })
}

/// Copies a label unless it is empty.
pub(super) fn copy_some(from: &str, to: &str) -> Value {
    json!({ "source_labels": [from], "target_label": to, "regex": "(.+)", "replacement": "${1}" })
}

/// Sets a label.
pub(super) fn set(label: &str, value: &str) -> Value {
    // A `$` would be read as a reference to a group.
    json!({ "target_label": label, "replacement": value.replace('$', "$$") })
}

/// A text as a pattern that matches it alone.
pub(super) fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// The name that a job has before relabelling, kept for rules that want it.
pub(super) fn keep_job_name() -> Value {
    copy("job", "__tmp_prometheus_job_name")
}

/// Pods that have ended are no targets.
pub(super) fn drop_ended() -> Value {
    filter(
        "drop",
        &["__meta_kubernetes_pod_phase".to_owned()],
        "(Failed|Succeeded)",
    )
}
