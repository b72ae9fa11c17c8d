//! Label selectors and namespace selectors, as relabelling rules and namespaces.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::labels::sanitized;

use super::endpoint::Limits;
use super::relabel::{filter, literal};

/// What monitors of services and of pods say alike: which objects are meant, and what holds for all of
/// their endpoints.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Selection {
    #[serde(default)]
    pub(super) job_label: String,
    #[serde(default)]
    pub(super) pod_target_labels: Vec<String>,
    pub(super) selector: LabelSelector,
    #[serde(default)]
    pub(super) namespace_selector: NamespaceSelector,
    #[serde(default)]
    pub(super) attach_metadata: Option<Value>,
    #[serde(flatten)]
    pub(super) limits: Limits,
}

/// `selector`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct LabelSelector {
    match_labels: BTreeMap<String, String>,
    match_expressions: Vec<Requirement>,
}

#[derive(Debug, Clone, Deserialize)]
struct Requirement {
    key: String,
    operator: String,
    #[serde(default)]
    values: Vec<String>,
}

/// `namespaceSelector`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct NamespaceSelector {
    any: bool,
    match_names: Vec<String>,
}

impl NamespaceSelector {
    /// The namespaces to look in; none for all.
    pub(super) fn namespaces(&self, own: &str) -> Vec<String> {
        if self.any {
            Vec::new()
        } else if self.match_names.is_empty() {
            vec![own.to_owned()]
        } else {
            self.match_names.clone()
        }
    }
}

impl LabelSelector {
    /// Rules that keep the objects which match; `kind` is that of the labels, such as `service`.
    pub(super) fn rules(&self, kind: &str) -> Result<Vec<Value>, String> {
        let mut rules = Vec::new();
        for (key, value) in &self.match_labels {
            let pattern = format!("({});true", literal(value));
            rules.push(filter("keep", &labels_of(kind, key), &pattern));
        }
        for requirement in &self.match_expressions {
            let [label, present] = labels_of(kind, &requirement.key);
            let values: Vec<_> = requirement.values.iter().map(|value| literal(value)).collect();
            let pattern = format!("({});true", values.join("|"));
            rules.push(match requirement.operator.as_str() {
                "In" => filter("keep", &[label, present], &pattern),
                "NotIn" => filter("drop", &[label, present], &pattern),
                "Exists" => filter("keep", &[present], "true"),
                "DoesNotExist" => filter("drop", &[present], "true"),
                other => {
                    return Err(format!(
                        "selector: unknown operator {other:?}: use In, NotIn, Exists or DoesNotExist"
                    ));
                }
            });
        }
        Ok(rules)
    }
}

/// The label of a key, and the one that says that it is there.
fn labels_of(kind: &str, key: &str) -> [String; 2] {
    let key = sanitized(key);
    [
        format!("__meta_kubernetes_{kind}_label_{key}"),
        format!("__meta_kubernetes_{kind}_labelpresent_{key}"),
    ]
}
