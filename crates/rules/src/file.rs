//! Rule files: what they hold once they are read and found valid. Documents are taken apart in
//! `document`, read in `raw`, checked in `validate`.

mod document;
mod locate;
mod raw;
mod validate;

use std::collections::BTreeMap;

use skopos_promql::ParseOptions;

use crate::error::{RuleFileError, RuleProblem};
use crate::query::QueryLanguage;

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
    /// The language of the expression.
    pub language: QueryLanguage,
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
    /// Where its parts stand.
    pub places: RulePlaces,
}

impl RuleSpec {
    /// Where the byte `offset` of the expression stands in `source`, the text of its file.
    pub fn place_of(&self, source: &str, offset: usize) -> Place {
        locate::locate(source, self.places.expr, &self.expr, offset)
    }
}

/// Line and column in a file, both from 1.
pub type Place = (u64, u64);

/// Where the parts of a rule stand in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RulePlaces {
    /// The rule itself.
    pub rule: Place,
    /// Where YAML begins the expression: its first character, its quote or its `|`.
    pub expr: Place,
    /// The value of `for`, if it is given.
    pub hold: Option<Place>,
}

/// Reads and checks a rule file with all parts of the query language on. `path` is for messages
/// and becomes the groups' file.
pub fn parse_rule_file(text: &str, path: &str) -> Result<RuleFile, RuleFileError> {
    parse_rule_file_with(text, path, ParseOptions::default())
}

/// As [`parse_rule_file`] for an engine that reads queries with `syntax`.
pub fn parse_rule_file_with(text: &str, path: &str, syntax: ParseOptions) -> Result<RuleFile, RuleFileError> {
    let reading = Reading {
        syntax,
        ..Reading::default()
    };
    parse_rule_file_as(text, path, reading)
}

/// Reads and checks a rule file of Loki: the same format with LogQL in it.
pub fn parse_logql_rule_file(text: &str, path: &str) -> Result<RuleFile, RuleFileError> {
    let reading = Reading {
        language: QueryLanguage::LogQl,
        ..Reading::default()
    };
    parse_rule_file_as(text, path, reading)
}

/// How a file is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading {
    /// Parts of PromQL that expressions may use.
    pub syntax: ParseOptions,
    /// The language of the expressions.
    pub language: QueryLanguage,
    /// What becomes of fields that are not part of the format.
    pub unknown_fields: UnknownFields,
}

/// What becomes of fields that are not part of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum UnknownFields {
    /// They are errors.
    #[default]
    Refused,
    /// They are passed over.
    Ignored,
}

/// Reads and checks a rule file in any way.
pub fn parse_rule_file_as(text: &str, path: &str, reading: Reading) -> Result<RuleFile, RuleFileError> {
    let refused = |problems: Vec<RuleProblem>| RuleFileError {
        file: path.to_owned(),
        problems,
    };
    let content = document::read(text, reading.unknown_fields).map_err(|problem| refused(vec![problem]))?;
    let mut warnings = Vec::new();
    if content.has_unread {
        warnings.push(format!(
            "{path}: only the first YAML document is read; move the others to files of their own"
        ));
    }
    let (mut groups, mut problems): (Vec<GroupSpec>, Vec<RuleProblem>) = Default::default();
    for part in content.parts {
        let object = part.object.clone();
        match validate::validate(part, reading) {
            Ok(more) => add_groups(&mut groups, more, object.as_deref()),
            Err(more) => problems.extend(more),
        }
    }
    if !problems.is_empty() {
        return Err(refused(problems));
    }
    warnings.extend(validate::duplicate_rules(path, &groups));
    Ok(RuleFile {
        path: path.to_owned(),
        groups,
        warnings,
    })
}

/// Groups of several objects lie in one file; where names meet, the object's name goes before.
fn add_groups(groups: &mut Vec<GroupSpec>, more: Vec<GroupSpec>, object: Option<&str>) {
    for mut group in more {
        if groups.iter().any(|other| other.name == group.name) {
            group.name = format!("{}/{}", object.unwrap_or_default(), group.name);
        }
        groups.push(group);
    }
}

#[cfg(test)]
mod tests;
