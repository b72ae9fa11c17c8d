//! Relabelling rules: their reading and checking. They are applied in `skopos-relabel`.

use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;
use skopos_core::labels::is_legacy_label_name;
use skopos_core::matcher::anchored_regex;

use crate::error::{Problem, Result};
use crate::global::NameValidationScheme;
use crate::section::{Section, read_section, text, text_or_null};
use crate::yaml::Node;

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RelabelAction {
    /// Sets the target label where the pattern matches.
    #[default]
    Replace,
    /// Drops what does not match.
    Keep,
    /// Drops what matches.
    Drop,
    /// Drops where the source does not equal the target label.
    KeepEqual,
    /// Drops where the source equals the target label.
    DropEqual,
    /// Sets the target label to a hash modulo a number.
    HashMod,
    /// Copies labels whose names match under new names.
    LabelMap,
    /// Removes labels whose names match.
    LabelDrop,
    /// Removes labels whose names do not match.
    LabelKeep,
    /// Sets the target label to the source in lower case.
    Lowercase,
    /// Sets the target label to the source in upper case.
    Uppercase,
}

impl RelabelAction {
    /// The action as written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Keep => "keep",
            Self::Drop => "drop",
            Self::KeepEqual => "keepequal",
            Self::DropEqual => "dropequal",
            Self::HashMod => "hashmod",
            Self::LabelMap => "labelmap",
            Self::LabelDrop => "labeldrop",
            Self::LabelKeep => "labelkeep",
            Self::Lowercase => "lowercase",
            Self::Uppercase => "uppercase",
        }
    }

    const ALL: [Self; 11] = [
        Self::Replace,
        Self::Keep,
        Self::Drop,
        Self::KeepEqual,
        Self::DropEqual,
        Self::HashMod,
        Self::LabelMap,
        Self::LabelDrop,
        Self::LabelKeep,
        Self::Lowercase,
        Self::Uppercase,
    ];
}

/// A relabelling rule, checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct RelabelConfig {
    /// Labels whose values are joined.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_labels: Vec<String>,
    /// What stands between the values.
    pub separator: String,
    /// The pattern, anchored at both ends.
    pub regex: String,
    /// Modulus of `hashmod`.
    #[serde(skip_serializing_if = "is_zero")]
    pub modulus: u64,
    /// The label that is set; may hold `${1}`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target_label: String,
    /// The value that is set; may hold `${1}`.
    pub replacement: String,
    /// What is done.
    pub action: RelabelAction,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Default for RelabelConfig {
    fn default() -> Self {
        Self {
            source_labels: Vec::new(),
            separator: ";".to_owned(),
            regex: "(.*)".to_owned(),
            modulus: 0,
            target_label: String::new(),
            replacement: "$1".to_owned(),
            action: RelabelAction::Replace,
        }
    }
}

impl RelabelConfig {
    /// Reads a list of rules from YAML text, as tests and tools have it.
    pub fn parse_list(yaml: &str) -> std::result::Result<Vec<Self>, crate::ConfigError> {
        let read = || -> Result<Vec<Self>> {
            let node = crate::yaml::parse(yaml)?;
            match &node.value {
                crate::yaml::Value::List(items) => items
                    .iter()
                    .map(|item| Self::read(item, NameValidationScheme::Utf8))
                    .collect(),
                crate::yaml::Value::Null => Ok(Vec::new()),
                _ => Err(Problem::at(node.at, "a list of relabelling rules is expected")),
            }
        };
        read().map_err(|problem| problem.in_file("relabel_configs"))
    }

    pub(crate) fn read(node: &Node, scheme: NameValidationScheme) -> Result<Self> {
        read_section(node, "relabel.plain", |section| {
            let config = Self::fields(section)?;
            config.check(section, scheme)?;
            Ok(config)
        })
    }

    fn fields(section: &Section<'_>) -> Result<Self> {
        let default = Self::default();
        // An explicit null is the empty text, not the default.
        let or_default = |key, default: String| section.raw(key).map_or(Ok(default), text_or_null);
        Ok(Self {
            source_labels: section.list("source_labels", text)?,
            separator: or_default("separator", default.separator)?,
            regex: or_default("regex", default.regex)?,
            modulus: section.count_or("modulus", 0)?,
            target_label: section.text_or_empty("target_label")?,
            replacement: or_default("replacement", default.replacement)?,
            action: action(section)?,
        })
    }

    fn check(&self, section: &Section<'_>, scheme: NameValidationScheme) -> Result<()> {
        use RelabelAction as A;
        anchored_regex(&self.regex).map_err(|error| section.problem_at("regex", error.to_string()))?;
        let action = self.action.as_str();
        if self.action == A::HashMod && self.modulus == 0 {
            return Err(section
                .problem("relabel configuration for hashmod requires non-zero modulus")
                .help("add modulus: 8, or how many shards there are"));
        }
        let needs_target = matches!(
            self.action,
            A::Replace | A::KeepEqual | A::DropEqual | A::HashMod | A::Lowercase | A::Uppercase
        );
        if needs_target && self.target_label.is_empty() {
            return Err(section.problem(format!(
                "relabel configuration for {action} action requires 'target_label' value"
            )));
        }
        let target_is_template = self.action == A::Replace && self.target_label.contains('$');
        if needs_target && !is_valid_target(&self.target_label, target_is_template, scheme) {
            return Err(section.problem_at(
                "target_label",
                format!("{:?} is invalid 'target_label' for {action} action", self.target_label),
            ));
        }
        if self.action == A::LabelMap && !is_valid_target(&self.replacement, true, scheme) {
            return Err(section.problem_at(
                "replacement",
                format!("{:?} is invalid 'replacement' for {action} action", self.replacement),
            ));
        }
        self.check_foreign_fields(section)
    }

    /// Fields that mean nothing to the action are mistakes.
    fn check_foreign_fields(&self, section: &Section<'_>) -> Result<()> {
        use RelabelAction as A;
        let default = Self::default();
        let action = self.action.as_str();
        let has_replacement = self.replacement != default.replacement;
        let has_others = self.modulus != 0 || self.separator != default.separator || has_replacement;
        match self.action {
            A::KeepEqual | A::DropEqual if self.regex != default.regex || has_others => Err(section.problem(format!(
                "{action} action requires only 'source_labels' and `target_label`, and no other fields"
            ))),
            A::LabelDrop | A::LabelKeep
                if !self.source_labels.is_empty() || !self.target_label.is_empty() || has_others =>
            {
                Err(section.problem(format!("{action} action requires only 'regex', and no other fields")))
            }
            A::Lowercase | A::Uppercase if has_replacement => Err(section.problem_at(
                "replacement",
                format!("'replacement' can not be set for {action} action"),
            )),
            _ => Ok(()),
        }
    }
}

fn action(section: &Section<'_>) -> Result<RelabelAction> {
    let Some(node) = section.raw("action") else {
        return Ok(RelabelAction::Replace);
    };
    let name = text_or_null(node)?;
    if name.is_empty() {
        return Err(section
            .problem_at("action", "relabel action cannot be empty")
            .help("leave the key out for replace"));
    }
    let known = RelabelAction::ALL
        .into_iter()
        .find(|action| action.as_str().eq_ignore_ascii_case(&name));
    known.ok_or_else(|| {
        let names = RelabelAction::ALL.map(RelabelAction::as_str).join(", ");
        section
            .problem_at("action", format!("unknown relabel action {name:?}"))
            .help(format!("use one of: {names}"))
    })
}

/// Whether `name` may name a label; as a template it may hold `$1` and `${1}`.
fn is_valid_target(name: &str, is_template: bool, scheme: NameValidationScheme) -> bool {
    match (scheme, is_template) {
        (NameValidationScheme::Utf8, _) => !name.is_empty(),
        (NameValidationScheme::Legacy, false) => is_legacy_label_name(name),
        (NameValidationScheme::Legacy, true) => LEGACY_TEMPLATE.is_match(name),
    }
}

/// A classic label name in which groups may stand for any part.
static LEGACY_TEMPLATE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))(?:\w|\$(?:\{\w+\}|\w+))*$")
        .expect("the pattern is constant and valid")
});

/// Reads a list of rules; a null item is refused with `empty`.
pub(crate) fn read_rules(
    section: &Section<'_>,
    key: &'static str,
    scheme: NameValidationScheme,
    empty: &str,
) -> Result<Vec<RelabelConfig>> {
    section.list(key, |node| {
        if node.is_null() {
            return Err(Problem::at(node.at, empty).help("remove the empty item"));
        }
        RelabelConfig::read(node, scheme)
    })
}
