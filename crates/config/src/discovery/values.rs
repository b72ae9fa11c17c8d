//! Reading the values of a discovery after they were checked: what is absent has its default.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::duration::parse_duration;
use crate::section::flag_of;
use crate::yaml::{Node, Value};

/// The keys of one section of a discovery.
#[derive(Debug, Clone, Copy)]
pub struct SdValues<'a> {
    node: &'a Node,
}

impl<'a> SdValues<'a> {
    pub(super) const fn new(node: &'a Node) -> Self {
        Self { node }
    }

    fn get(self, key: &str) -> Option<&'a Node> {
        let Value::Map(entries) = &self.node.value else {
            return None;
        };
        entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    fn scalar(self, key: &str) -> Option<&'a str> {
        self.get(key).and_then(scalar)
    }

    /// A text; empty where it is absent.
    pub fn text(self, key: &str) -> &'a str {
        self.scalar(key).unwrap_or_default()
    }

    /// A text that has a default.
    pub fn text_or(self, key: &str, default: &'a str) -> &'a str {
        self.scalar(key).filter(|text| !text.is_empty()).unwrap_or(default)
    }

    /// A flag that has a default.
    pub fn flag_or(self, key: &str, default: bool) -> bool {
        self.scalar(key).and_then(flag_of).unwrap_or(default)
    }

    /// A whole number that has a default.
    pub fn count_or(self, key: &str, default: u64) -> u64 {
        self.scalar(key).and_then(|text| text.parse().ok()).unwrap_or(default)
    }

    /// A duration that has a default.
    pub fn duration_or(self, key: &str, default: Duration) -> Duration {
        self.scalar(key)
            .and_then(|text| parse_duration(text).ok())
            .filter(|duration| !duration.is_zero())
            .unwrap_or(default)
    }

    /// A list of texts.
    pub fn texts(self, key: &str) -> Vec<&'a str> {
        self.list(key).filter_map(|item| scalar(item.node)).collect()
    }

    /// A map of texts.
    pub fn text_map(self, key: &str) -> BTreeMap<&'a str, &'a str> {
        let entries = match self.get(key).map(|node| &node.value) {
            Some(Value::Map(entries)) => entries.as_slice(),
            _ => &[],
        };
        entries
            .iter()
            .filter_map(|entry| Some((entry.key.as_str(), scalar(&entry.node)?)))
            .collect()
    }

    /// A section below this one; one without keys where it is absent.
    pub fn section(self, key: &str) -> Self {
        static NOTHING: Node = Node {
            value: Value::Null,
            at: crate::error::Position { line: 0, column: 0 },
            is_quoted: false,
        };
        Self::new(self.get(key).unwrap_or(&NOTHING))
    }

    /// The sections of a list.
    pub fn list(self, key: &str) -> impl Iterator<Item = Self> {
        let items: &'a [Node] = match self.get(key).map(|node| &node.value) {
            Some(Value::List(items)) => items,
            _ => &[],
        };
        items.iter().map(Self::new)
    }
}

fn scalar(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(text) => Some(text),
        _ => None,
    }
}
