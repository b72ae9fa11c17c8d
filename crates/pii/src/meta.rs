//! Remarks: what was done to a value, as Sentry keeps it in `_meta` beside the event.

use serde_json::{Map, Value, json};

/// How a text was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Substituted,
    Removed,
    Masked,
    Pseudonymized,
}

impl Action {
    fn letter(self) -> &'static str {
        match self {
            Self::Substituted => "s",
            Self::Removed => "x",
            Self::Masked => "m",
            Self::Pseudonymized => "p",
        }
    }
}

/// One change: the rule, what it did, and which characters are its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remark {
    pub(crate) rule: String,
    pub(crate) action: Action,
    pub(crate) range: Option<(usize, usize)>,
}

impl Remark {
    fn to_value(&self) -> Value {
        match self.range {
            Some((from, to)) => json!([self.rule, self.action.letter(), from, to]),
            None => json!([self.rule, self.action.letter()]),
        }
    }
}

/// The tree of remarks, shaped like the event; what concerns a value itself stands under the empty key.
#[derive(Debug, Clone, Default)]
pub(crate) struct MetaTree(Map<String, Value>);

impl MetaTree {
    /// Continues a tree that came with the event.
    pub(crate) fn from_value(value: Option<Value>) -> Self {
        match value {
            Some(Value::Object(map)) => Self(map),
            _ => Self::default(),
        }
    }

    /// Notes what was done to the value of a path; `length` is that of the text before, in characters.
    pub(crate) fn add(&mut self, path: &[String], remarks: &[Remark], length: Option<usize>) {
        if remarks.is_empty() {
            return;
        }
        let entry = self.entry(path);
        let list = entry.entry("rem").or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.extend(remarks.iter().map(Remark::to_value));
        }
        if let Some(length) = length {
            entry.entry("len").or_insert_with(|| json!(length));
        }
    }

    /// Notes that a value was not what it should be.
    pub(crate) fn add_error(&mut self, path: &[String], reason: &str, value: Value) {
        let entry = self.entry(path);
        entry.insert("err".to_owned(), json!([["invalid_data", { "reason": reason }]]));
        entry.insert("val".to_owned(), value);
    }

    /// Takes all remarks of a path to another place.
    pub(crate) fn rename(&mut self, parent: &[String], from: &str, to: &str) {
        let mut map = &mut self.0;
        for key in parent {
            match map.get_mut(key) {
                Some(Value::Object(next)) => map = next,
                _ => return,
            }
        }
        if let Some(moved) = map.shift_remove(from) {
            map.insert(to.to_owned(), moved);
        }
    }

    fn entry(&mut self, path: &[String]) -> &mut Map<String, Value> {
        let mut map = &mut self.0;
        for key in path.iter().map(String::as_str).chain([""]) {
            let next = map.entry(key).or_insert_with(|| Value::Object(Map::new()));
            if !next.is_object() {
                *next = Value::Object(Map::new());
            }
            let Value::Object(inner) = next else {
                unreachable!("made an object just above")
            };
            map = inner;
        }
        map
    }

    /// The tree, unless it is empty.
    pub(crate) fn into_value(self) -> Option<Value> {
        (!self.0.is_empty()).then_some(Value::Object(self.0))
    }
}
