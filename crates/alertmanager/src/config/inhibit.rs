//! Inhibition rules as written.

use std::collections::BTreeMap;

use serde::Serialize;
use skopos_config::Position;
use skopos_config::strict::{Node, Problem, Result, Section, read_section, text};

use super::fields::Context;
use super::route::{combined, read_equal_map, read_matchers, read_regex_map};
use crate::matcher::{Matcher, Matchers};

/// An inhibition rule as written: what it says in the old keys and in the new one is AND-ed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InhibitRuleSpec {
    /// The name; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    source_match: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    source_match_re: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "super::show::matchers")]
    source_matchers: Vec<Matcher>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    target_match: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    target_match_re: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "super::show::matchers")]
    target_matchers: Vec<Matcher>,
    /// Labels whose values must be the same on both sides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub equal: Vec<String>,
    #[serde(skip)]
    source: Matchers,
    #[serde(skip)]
    target: Matchers,
    /// Where it is written.
    #[serde(skip)]
    pub position: Position,
}

impl InhibitRuleSpec {
    /// What alerts hold back others.
    pub fn source(&self) -> &Matchers {
        &self.source
    }

    /// What alerts are held back.
    pub fn target(&self) -> &Matchers {
        &self.target
    }

    /// Asks for more on both sides than is written.
    pub(super) fn narrow(&mut self, matchers: &[Matcher]) {
        self.source_matchers.extend_from_slice(matchers);
        self.target_matchers.extend_from_slice(matchers);
        self.source = self.source.and(matchers);
        self.target = self.target.and(matchers);
    }

    pub(super) fn read(node: &Node, context: &Context<'_>) -> Result<Self> {
        read_section(node, "config.plain", |section| {
            let source_match = read_equal_map(section, "source_match")?;
            let source_match_re = read_regex_map(section, "source_match_re")?;
            let source_matchers = read_matchers(section, "source_matchers", context)?;
            let target_match = read_equal_map(section, "target_match")?;
            let target_match_re = read_regex_map(section, "target_match_re")?;
            let target_matchers = read_matchers(section, "target_matchers", context)?;
            Ok(Self {
                name: section.text_or_empty("name")?,
                source: combined(section, &source_match, &source_match_re, &source_matchers)?,
                target: combined(section, &target_match, &target_match_re, &target_matchers)?,
                source_match,
                source_match_re,
                source_matchers,
                target_match,
                target_match_re,
                target_matchers,
                equal: read_equal(section, context)?,
                position: node.at,
            })
        })
    }
}

fn read_equal(section: &Section<'_>, context: &Context<'_>) -> Result<Vec<String>> {
    section.list("equal", |node| {
        let name = text(node)?;
        if context.is_label_name(&name) {
            return Ok(name);
        }
        Err(Problem::at(
            node.at,
            format!("invalid label name {name:?} in equal list"),
        ))
    })
}
