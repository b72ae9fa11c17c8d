//! The documents of a file: a rule file is one; of Kubernetes objects there may be several, alone,
//! behind each other or in lists.

use skopos_config::strict::Node;

use super::UnknownFields;
use super::raw::{self, RawFile, is_blank, items, member, word};
use crate::error::RuleProblem;

/// Kinds of objects whose `spec` holds groups of rules: those of the Prometheus operator and of the
/// operator of Loki.
const RULE_KINDS: [&str; 3] = ["PrometheusRule", "AlertingRule", "RecordingRule"];

/// What a file holds.
pub(super) struct Content {
    pub(super) parts: Vec<Part>,
    /// Whether documents follow that are not read.
    pub(super) has_unread: bool,
}

/// One set of groups.
pub(super) struct Part {
    pub(super) file: RawFile,
    /// Name of the object that it comes from; `None` for a rule file.
    pub(super) object: Option<String>,
    /// Whether the object's kind says LogQL.
    pub(super) is_logql: bool,
}

/// Reads all that a file holds.
pub(super) fn read(text: &str, unknown: UnknownFields) -> Result<Content, RuleProblem> {
    let documents = documents(text);
    let first = raw::tree(documents.first().map_or("", String::as_str))?;
    if member(&first, "kind").is_none() || member(&first, "groups").is_some() {
        let part = Part {
            file: raw::read(&first, unknown)?,
            object: None,
            is_logql: false,
        };
        return Ok(Content {
            parts: vec![part],
            has_unread: documents.len() > 1,
        });
    }
    let mut parts = Vec::new();
    take(&first, unknown, &mut parts)?;
    for document in documents.iter().skip(1) {
        take(&raw::tree(document)?, unknown, &mut parts)?;
    }
    if parts.is_empty() {
        return Err(RuleProblem {
            line: 1,
            column: 1,
            rule: None,
            message: format!(
                "no rules: the Kubernetes objects are of other kinds than {}; \
                 a rule file has `groups:` at its top",
                RULE_KINDS.join(", ")
            ),
        });
    }
    Ok(Content {
        parts,
        has_unread: false,
    })
}

fn take(object: &Node, unknown: UnknownFields, parts: &mut Vec<Part>) -> Result<(), RuleProblem> {
    for item in member(object, "items").map_or(&[][..], items) {
        take(item, unknown, parts)?;
    }
    let kind = member(object, "kind").and_then(word).unwrap_or_default();
    if !RULE_KINDS.contains(&kind) {
        return Ok(());
    }
    // Objects of Loki's operator name their tenant beside the groups.
    let unknown = if kind == "PrometheusRule" {
        unknown
    } else {
        UnknownFields::Ignored
    };
    let file = match member(object, "spec") {
        Some(spec) => raw::read(spec, unknown)?,
        None => RawFile::default(),
    };
    let name = member(object, "metadata").and_then(|metadata| member(metadata, "name"));
    parts.push(Part {
        file,
        object: Some(name.and_then(word).unwrap_or_default().to_owned()),
        is_logql: kind != "PrometheusRule",
    });
    Ok(())
}

/// The documents with content, each after as many empty lines as stand before it, so that places in
/// it are places in the file.
fn documents(text: &str) -> Vec<String> {
    let mut documents = Vec::new();
    let mut current = String::new();
    let mut has_content = false;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let marker = line.trim_end();
        let is_border = marker == "---" || line.starts_with("--- ") || marker == "...";
        if has_content && is_border {
            documents.push(std::mem::replace(&mut current, "\n".repeat(number)));
            has_content = false;
        }
        has_content |= !is_blank(line) && !line.starts_with('%');
        current.push_str(line);
    }
    if has_content || documents.is_empty() {
        documents.push(current);
    }
    documents
}
