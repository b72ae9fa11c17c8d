//! The YAML of rule files, with the place of each value. Unknown fields are refused.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::{Location, Spanned};

use crate::error::RuleProblem;

/// A scalar of any type, read as text.
pub(super) type Text = Option<Spanned<String>>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFile {
    #[serde(default)]
    pub(super) groups: Option<Vec<Spanned<RawGroup>>>,
    /// Of files that rule tools of Loki keep.
    #[serde(default)]
    pub(super) namespace: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGroup {
    #[serde(default)]
    pub(super) name: Text,
    #[serde(default)]
    pub(super) interval: Text,
    #[serde(default)]
    pub(super) query_offset: Text,
    #[serde(default)]
    pub(super) limit: Option<Spanned<i64>>,
    #[serde(default)]
    pub(super) labels: Texts,
    #[serde(default)]
    pub(super) rules: Option<Vec<Spanned<RawRule>>>,
    /// Of PrometheusRule objects, for Thanos.
    #[serde(default)]
    pub(super) partial_response_strategy: Option<IgnoredAny>,
    /// Of files that rule tools of Loki keep.
    #[serde(default)]
    pub(super) remote_write: Option<IgnoredAny>,
    /// Of files that rule tools of Loki and Mimir keep.
    #[serde(default)]
    pub(super) source_tenants: Option<IgnoredAny>,
}

/// Fields that not every kind of file may have.
pub(super) const GUESTS: [&str; 4] = [
    "namespace",
    "partial_response_strategy",
    "remote_write",
    "source_tenants",
];

/// A Kubernetes object, or a list of them; what is not about rules is passed over.
#[derive(Debug, Deserialize)]
pub(super) struct RawObject {
    #[serde(default)]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) metadata: Option<RawMetadata>,
    #[serde(default)]
    pub(super) spec: Option<RawSpec>,
    #[serde(default)]
    pub(super) items: Option<Vec<RawObject>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawMetadata {
    #[serde(default)]
    pub(super) name: Option<String>,
}

/// What a rule object asks for.
#[derive(Debug, Deserialize)]
pub(super) struct RawSpec {
    #[serde(default)]
    pub(super) groups: Option<Vec<Spanned<RawGroup>>>,
}

/// The kind of a document, if it is a Kubernetes object.
#[derive(Debug, Deserialize)]
struct Probe {
    #[serde(default)]
    kind: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    #[serde(default)]
    pub(super) record: Text,
    #[serde(default)]
    pub(super) alert: Text,
    #[serde(default)]
    pub(super) expr: Text,
    #[serde(default, rename = "for")]
    pub(super) hold: Text,
    #[serde(default)]
    pub(super) keep_firing_for: Text,
    #[serde(default)]
    pub(super) labels: Texts,
    #[serde(default)]
    pub(super) annotations: Texts,
}

/// Labels or annotations.
pub(super) type Texts = Option<std::collections::BTreeMap<String, Text>>;

/// Line and column of a place.
pub(super) fn place(location: Location) -> (u64, u64) {
    (location.line(), location.column())
}

/// Reads a rule file's document.
pub(super) fn read(document: &str) -> Result<RawFile, RuleProblem> {
    if document.lines().all(is_blank) {
        return Ok(RawFile::default());
    }
    let parsed: Result<Option<RawFile>, serde_saphyr::Error> = serde_saphyr::from_str(document);
    match parsed {
        Ok(file) => Ok(file.unwrap_or_default()),
        Err(error) => Err(problem(&error)),
    }
}

/// The kind of a document, if it is a Kubernetes object.
pub(super) fn kind(document: &str) -> Option<String> {
    if !document.contains("kind") {
        return None;
    }
    let probe: Option<Probe> = serde_saphyr::from_str(document).ok()?;
    probe?.kind
}

/// Reads a Kubernetes object.
pub(super) fn read_object(document: &str) -> Result<RawObject, RuleProblem> {
    serde_saphyr::from_str(document).map_err(|error| problem(&error))
}

fn problem(error: &serde_saphyr::Error) -> RuleProblem {
    let (line, column) = error.location().map_or((0, 0), place);
    let error = error.without_snippet();
    let message = match error {
        serde_saphyr::Error::SerdeUnknownField { field, expected, .. } => unknown_field(field, expected),
        other => {
            let text = other.to_string();
            text.lines()
                .next()
                .unwrap_or("broken YAML")
                .trim_end_matches('.')
                .to_owned()
        }
    };
    RuleProblem {
        line,
        column,
        rule: None,
        message,
    }
}

fn unknown_field(field: &str, expected: &[&'static str]) -> String {
    let owner = if expected.contains(&"record") {
        "rulefmt.Rule"
    } else if expected.contains(&"rules") {
        "rulefmt.RuleGroup"
    } else {
        "rulefmt.RuleGroups"
    };
    let known: Vec<&str> = expected.iter().filter(|name| !GUESTS.contains(name)).copied().collect();
    format!(
        "field {field} not found in type {owner}; known fields: {}",
        known.join(", ")
    )
}

pub(super) fn is_blank(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#') || line == "---" || line == "..."
}
