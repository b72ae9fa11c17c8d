//! Rule files: what they hold once they are read and found valid. Reading is in `raw`, the checks
//! in `validate`.

mod raw;
mod validate;

use std::collections::BTreeMap;

use skopos_promql::ParseOptions;

use crate::error::RuleFileError;

/// A valid rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFile {
    /// Where it was read from.
    pub path: String,
    /// Its groups, in order.
    pub groups: Vec<GroupSpec>,
    /// What is odd but allowed, such as a second YAML document that is not read.
    pub warnings: Vec<String>,
}

impl RuleFile {
    /// Number of rules in all groups.
    pub fn rule_count(&self) -> usize {
        self.groups.iter().map(|group| group.rules.len()).sum()
    }
}

/// A group as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSpec {
    /// Its name, unique in the file.
    pub name: String,
    /// How often it is evaluated; the global interval where `None`.
    pub interval_ms: Option<i64>,
    /// How far its queries look back; the global offset where `None`.
    pub query_offset_ms: Option<i64>,
    /// Most series or alerts a rule may make; 0 is no limit.
    pub limit: usize,
    /// Its rules, in order.
    pub rules: Vec<RuleSpec>,
}

/// Recording or alerting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuleKind {
    /// `record`
    Recording,
    /// `alert`
    Alerting,
}

/// A rule as written; labels of the group are merged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSpec {
    /// Recording or alerting.
    pub kind: RuleKind,
    /// Name of the series or the alert.
    pub name: String,
    /// The expression as written, without white space around it.
    pub expr: String,
    /// How long an alert is pending before it fires.
    pub for_ms: i64,
    /// How long an alert goes on firing after its last result.
    pub keep_firing_for_ms: i64,
    /// Labels set on the result.
    pub labels: BTreeMap<String, String>,
    /// Annotations of the alert.
    pub annotations: BTreeMap<String, String>,
    /// Line of the rule in its file.
    pub line: u64,
}

/// Reads and checks a rule file with all parts of the query language on. `path` is for messages
/// and becomes the groups' file.
pub fn parse_rule_file(text: &str, path: &str) -> Result<RuleFile, RuleFileError> {
    parse_rule_file_with(text, path, ParseOptions::default())
}

/// As [`parse_rule_file`] for an engine that reads queries with `syntax`.
pub fn parse_rule_file_with(text: &str, path: &str, syntax: ParseOptions) -> Result<RuleFile, RuleFileError> {
    let (document, has_more) = raw::first_document(text);
    let raw = raw::read(document).map_err(|problem| RuleFileError {
        file: path.to_owned(),
        problems: vec![problem],
    })?;
    let mut warnings = Vec::new();
    if has_more {
        warnings.push(format!(
            "{path}: only the first YAML document is read; move the others to files of their own"
        ));
    }
    let groups = validate::validate(raw, syntax).map_err(|problems| RuleFileError {
        file: path.to_owned(),
        problems,
    })?;
    warnings.extend(validate::duplicate_rules(path, &groups));
    Ok(RuleFile {
        path: path.to_owned(),
        groups,
        warnings,
    })
}

#[cfg(test)]
mod tests;
