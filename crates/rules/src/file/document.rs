//! The documents of a file: a rule file is one; of Kubernetes objects there may be several, alone,
//! behind each other or in lists.

use super::raw::{self, RawFile, RawObject, is_blank};
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
pub(super) fn read(text: &str) -> Result<Content, RuleProblem> {
    let documents = documents(text);
    let first = documents.first().map_or("", String::as_str);
    if raw::kind(first).is_none() {
        let part = Part {
            file: raw::read(first)?,
            object: None,
            is_logql: false,
        };
        return Ok(Content {
            parts: vec![part],
            has_unread: documents.len() > 1,
        });
    }
    let mut parts = Vec::new();
    for document in &documents {
        take(raw::read_object(document)?, &mut parts);
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

fn take(object: RawObject, parts: &mut Vec<Part>) {
    let kind = object.kind.unwrap_or_default();
    for item in object.items.unwrap_or_default() {
        take(item, parts);
    }
    if RULE_KINDS.contains(&kind.as_str()) {
        parts.push(Part {
            file: RawFile {
                groups: object.spec.and_then(|spec| spec.groups),
                namespace: None,
            },
            object: Some(object.metadata.and_then(|metadata| metadata.name).unwrap_or_default()),
            is_logql: kind != "PrometheusRule",
        });
    }
}

/// The documents with content, each after as many empty lines as stand before it, so that places in
/// it are places in the file.
fn documents(text: &str) -> Vec<String> {
    let mut documents = Vec::new();
    let mut current = String::new();
    let mut has_content = false;
    let mut number = 0;
    for line in text.split_inclusive('\n') {
        let marker = line.trim_end();
        let is_border = marker == "---" || line.starts_with("--- ") || marker == "...";
        if has_content && is_border {
            documents.push(std::mem::replace(&mut current, "\n".repeat(number)));
            has_content = false;
        }
        has_content |= !is_blank(line) && !line.starts_with('%');
        current.push_str(line);
        number += 1;
    }
    if has_content || documents.is_empty() {
        documents.push(current);
    }
    documents
}
