//! The YAML of rule files, with the place of each value. Unknown fields are refused.

use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use crate::error::RuleProblem;

/// A scalar of any type, read as text.
pub(super) type Text = Option<Spanned<String>>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFile {
    #[serde(default)]
    pub(super) groups: Option<Vec<Spanned<RawGroup>>>,
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

pub(super) fn read(document: &str) -> Result<RawFile, RuleProblem> {
    if document.lines().all(is_blank) {
        return Ok(RawFile::default());
    }
    let parsed: Result<Option<RawFile>, serde_saphyr::Error> = serde_saphyr::from_str(document);
    match parsed {
        Ok(file) => Ok(file.unwrap_or_default()),
        Err(error) => Err(problem(document, &error)),
    }
}

fn problem(document: &str, error: &serde_saphyr::Error) -> RuleProblem {
    let (line, column) = error.location().map_or((0, 0), place);
    let error = error.without_snippet();
    let message = match error {
        serde_saphyr::Error::SerdeUnknownField { field, expected, .. } => unknown_field(document, field, expected),
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

fn unknown_field(document: &str, field: &str, expected: &[&'static str]) -> String {
    let owner = if expected.contains(&"record") {
        "rulefmt.Rule"
    } else if expected.contains(&"rules") {
        "rulefmt.RuleGroup"
    } else {
        "rulefmt.RuleGroups"
    };
    let message = format!("field {field} not found in type {owner}");
    if document.contains("kind: PrometheusRule") {
        return format!(
            "{message}: this is a Kubernetes object of kind PrometheusRule; a rule file holds what lies under its `spec`"
        );
    }
    format!("{message}; known fields: {}", expected.join(", "))
}

fn is_blank(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#') || line == "---" || line == "..."
}

/// The first YAML document, and whether another one with content follows. Prometheus reads the
/// first alone.
pub(super) fn first_document(text: &str) -> (&str, bool) {
    let mut offset = 0;
    let mut has_content = false;
    for line in text.split_inclusive('\n') {
        let marker = line.trim_end();
        if has_content && (marker == "---" || line.starts_with("--- ") || marker == "...") {
            let has_more = text[offset..].lines().any(|line| !is_blank(line));
            return (&text[..offset], has_more);
        }
        has_content |= !is_blank(line) && !line.starts_with('%');
        offset += line.len();
    }
    (text, false)
}
