//! The stages `json` and `unpack`, on a scanner that touches each byte once.

mod scan;

use std::borrow::Cow;

use super::json_path::{Segment, parse_json_path};
use super::{sanitize_label_key, store, store_extracted};
use crate::ast::Extraction;
use crate::labels::{Category, EntryLabels};
use scan::{Broken, Kind, Scanner, Value};

pub(super) const JSON_ERROR: &str = "JSONParserErr";
const NOT_CLOSED: &str = "Value looks like object, but can't find closing '}' symbol";
const NOT_AN_OBJECT: &str = "expecting json object(6), but it is not";
/// The member whose text `unpack` makes the line.
const PACKED_ENTRY: &str = "_entry";
/// Deepest nesting of objects that is flattened.
const MAX_DEPTH: usize = 64;

/// `| json`: every member becomes a label, nested names joined by `_`.
pub(super) fn parse_all(line: &str, labels: &mut EntryLabels) {
    if !line.is_empty() && flatten(line, &mut String::new(), 0, labels).is_err() {
        labels.set_error(JSON_ERROR, NOT_CLOSED);
    }
}

fn flatten(object: &str, prefix: &mut String, depth: usize, labels: &mut EntryLabels) -> Result<(), Broken> {
    if depth > MAX_DEPTH {
        return Err(Broken);
    }
    let mut scanner = Scanner::object(object)?;
    while let Some((key, value)) = scanner.member()? {
        let length = prefix.len();
        let name = sanitize_label_key(&key, prefix.is_empty());
        if !prefix.is_empty() && !name.is_empty() {
            prefix.push('_');
        }
        prefix.push_str(&name);
        match value.kind {
            Kind::Object => flatten(value.raw, prefix, depth + 1, labels)?,
            Kind::Array | Kind::Null => {}
            Kind::Text | Kind::Scalar => store_extracted(labels, prefix.clone(), &value.text()),
        }
        prefix.truncate(length);
    }
    Ok(())
}

/// `| unpack`: text members become labels and `_entry` the line. Nothing happens without `_entry`.
pub(super) fn unpack(line: &str, labels: &mut EntryLabels) -> Option<String> {
    if line.is_empty() {
        return None;
    }
    let Ok(members) = text_members(line) else {
        labels.set_error(JSON_ERROR, NOT_AN_OBJECT);
        return None;
    };
    let entry = members.iter().find(|(key, _)| key == PACKED_ENTRY)?.1.to_string();
    for (key, value) in &members {
        if key != PACKED_ENTRY {
            store_extracted(labels, sanitize_label_key(key, true), value);
        }
    }
    Some(entry)
}

/// A name and its text.
type TextMember<'l> = (Cow<'l, str>, Cow<'l, str>);

fn text_members(line: &str) -> Result<Vec<TextMember<'_>>, Broken> {
    let mut scanner = Scanner::object(line)?;
    let mut members = Vec::new();
    while let Some((key, value)) = scanner.member()? {
        if value.kind == Kind::Text {
            members.push((key, value.text()));
        }
    }
    Ok(members)
}

/// `| json a="x.y[0]"`.
#[derive(Debug)]
pub(super) struct JsonExtractor {
    labels: Vec<(String, Vec<Segment>)>,
}

impl JsonExtractor {
    pub(super) fn new(extract: &[Extraction]) -> Result<Self, String> {
        let labels = extract
            .iter()
            .map(|extraction| Ok((extraction.label.clone(), parse_json_path(&extraction.path)?)));
        Ok(Self {
            labels: labels.collect::<Result<_, String>>()?,
        })
    }

    pub(super) fn run(&self, line: &str, labels: &mut EntryLabels) {
        if line.is_empty() {
            return;
        }
        if Scanner::object(line).and_then(Scanner::skip_all).is_err() {
            labels.set_error(JSON_ERROR, NOT_CLOSED);
            return;
        }
        for (label, path) in &self.labels {
            let found = lookup(Value::object(line), path);
            let mut name = label.clone();
            match found {
                Some(value) if value.kind != Kind::Null => {
                    labels.extracted_name(&mut name);
                    store(labels, &name, &value.text());
                }
                Some(_) => labels.set(Category::Parsed, &name, ""),
                None if labels.get(&name).is_none() => labels.set(Category::Parsed, &name, ""),
                None => {}
            }
        }
    }
}

fn lookup<'l>(root: Value<'l>, path: &[Segment]) -> Option<Value<'l>> {
    path.iter()
        .try_fold(root, |value, segment| match (segment, value.kind) {
            (Segment::Key(key), Kind::Object) => find_member(value.raw, key),
            (Segment::Index(index), Kind::Array) => Scanner::array(value.raw)?.element(*index),
            _ => None,
        })
}

fn find_member<'l>(object: &'l str, key: &str) -> Option<Value<'l>> {
    let mut scanner = Scanner::object(object).ok()?;
    while let Some((name, value)) = scanner.member().ok()? {
        if name == key {
            return Some(value);
        }
    }
    None
}
