//! The YAML of rule files, with the place of each value.

use skopos_config::Position;
use skopos_config::strict::{Node, Problem, Result, Section, Value, parse, text, text_or_null};

use super::{Place, UnknownFields};
use crate::error::RuleProblem;

/// A value and where it begins.
#[derive(Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) at: Place,
}

/// A scalar of any type, read as text.
pub(super) type Text = Option<At<String>>;

/// Labels or annotations.
pub(super) type Texts = Vec<(String, String)>;

#[derive(Debug, Default)]
pub(super) struct RawFile {
    pub(super) groups: Vec<At<RawGroup>>,
    /// Fields of other programs' files: they are known, but not read.
    pub(super) guests: Vec<Guest>,
}

/// A field that only some kinds of rule files may have.
#[derive(Debug)]
pub(super) struct Guest {
    pub(super) at: Place,
    pub(super) field: &'static str,
    pub(super) owner: &'static str,
}

#[derive(Debug)]
pub(super) struct RawGroup {
    pub(super) name: Text,
    pub(super) interval: Text,
    pub(super) query_offset: Text,
    pub(super) limit: Option<i64>,
    pub(super) labels: Texts,
    pub(super) rules: Vec<At<RawRule>>,
}

#[derive(Debug)]
pub(super) struct RawRule {
    pub(super) record: Text,
    pub(super) alert: Text,
    pub(super) expr: Text,
    pub(super) hold: Text,
    pub(super) keep_firing_for: Text,
    pub(super) labels: Texts,
    pub(super) annotations: Texts,
}

const FILE: &str = "rulefmt.RuleGroups";
const GROUP: &str = "rulefmt.RuleGroup";
const RULE: &str = "rulefmt.Rule";
/// Of files that rule tools of Loki and Mimir keep, and of PrometheusRule objects.
const FILE_GUESTS: [&str; 1] = ["namespace"];
const GROUP_GUESTS: [&str; 3] = ["partial_response_strategy", "remote_write", "source_tenants"];

fn place(at: Position) -> Place {
    (at.line as u64, at.column as u64)
}

/// Reads a document as YAML.
pub(super) fn tree(document: &str) -> std::result::Result<Node, RuleProblem> {
    parse(document).map_err(problem)
}

/// What a file of groups holds.
pub(super) fn read(node: &Node, unknown: UnknownFields) -> std::result::Result<RawFile, RuleProblem> {
    let mut guests = Vec::new();
    let file = mapping(node, FILE, unknown, |section| {
        note_guests(section, FILE, &FILE_GUESTS, &mut guests);
        let mut groups = Vec::new();
        for node in section.items("groups")? {
            groups.push(At {
                value: group(node, unknown, &mut guests)?,
                at: place(node.at),
            });
        }
        Ok(groups)
    });
    let groups = file.map_err(problem)?;
    Ok(RawFile { groups, guests })
}

fn group(node: &Node, unknown: UnknownFields, guests: &mut Vec<Guest>) -> Result<RawGroup> {
    mapping(node, GROUP, unknown, |section| {
        note_guests(section, GROUP, &GROUP_GUESTS, guests);
        let rules = section.list("rules", |node| {
            Ok(At {
                value: rule(node, unknown)?,
                at: place(node.at),
            })
        });
        Ok(RawGroup {
            name: scalar(section, "name")?,
            interval: scalar(section, "interval")?,
            query_offset: scalar(section, "query_offset")?,
            limit: section.integer("limit")?,
            labels: texts(section, "labels")?,
            rules: rules?,
        })
    })
}

fn rule(node: &Node, unknown: UnknownFields) -> Result<RawRule> {
    mapping(node, RULE, unknown, |section| {
        Ok(RawRule {
            record: scalar(section, "record")?,
            alert: scalar(section, "alert")?,
            expr: scalar(section, "expr")?,
            hold: scalar(section, "for")?,
            keep_firing_for: scalar(section, "keep_firing_for")?,
            labels: texts(section, "labels")?,
            annotations: texts(section, "annotations")?,
        })
    })
}

fn mapping<'a, T>(
    node: &'a Node,
    type_name: &'static str,
    unknown: UnknownFields,
    read: impl FnOnce(&Section<'a>) -> Result<T>,
) -> Result<T> {
    let section = Section::new(node, type_name)?;
    let value = read(&section)?;
    if unknown == UnknownFields::Refused {
        section.finish()?;
    }
    Ok(value)
}

fn note_guests(section: &Section<'_>, owner: &'static str, fields: &[&'static str], guests: &mut Vec<Guest>) {
    for field in fields {
        if let Some(node) = section.raw(field) {
            guests.push(Guest {
                at: place(node.at),
                field,
                owner,
            });
        }
    }
}

fn scalar(section: &Section<'_>, key: &'static str) -> Result<Text> {
    let Some(node) = section.get(key) else {
        return Ok(None);
    };
    Ok(Some(At {
        value: text(node)?,
        at: place(node.at),
    }))
}

fn texts(section: &Section<'_>, key: &'static str) -> Result<Texts> {
    let Some(node) = section.get(key) else {
        return Ok(Vec::new());
    };
    let map = Section::new(node, "map[string]string")?;
    let pairs = map.pairs().iter();
    pairs
        .map(|entry| Ok((entry.key.clone(), text_or_null(&entry.node)?)))
        .collect()
}

/// A member of a mapping, whatever else it holds.
pub(super) fn member<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    match &node.value {
        Value::Map(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node),
        _ => None,
    }
}

/// The items of a list.
pub(super) fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        _ => &[],
    }
}

/// A single value's text.
pub(super) fn word(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(text) => Some(text),
        _ => None,
    }
}

fn problem(problem: Problem) -> RuleProblem {
    let (line, column) = problem.position.map_or((0, 0), place);
    let message = match problem.help {
        Some(help) => format!("{}; {help}", problem.message),
        None => problem.message,
    };
    RuleProblem {
        line,
        column,
        rule: None,
        message,
    }
}

/// Whether a line holds nothing.
pub(super) fn is_blank(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#') || line == "---" || line == "..."
}
