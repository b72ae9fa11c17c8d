//! The filter of a service's own telemetry: identifiers of people become short hashes, secrets and amounts go.
//!
//! It looks at keys in any spelling, and at texts: assignments, headers, URLs, tokens by their shape, and all of these
//! inside JSON, percent encoding, base64 and hex, also where a limit of length has cut them.

use std::borrow::Cow;

use serde_json::{Map, Value};

use self::issued::Issued;
use self::keys::{Class, Words};

mod encoded;
mod issued;
mod keys;
mod shapes;
mod text;

/// What stands in place of a value that had to go.
pub const REDACTED: &str = "[REDACTED]";
/// Levels of nested values that are looked at; what lies deeper is redacted.
const MAX_DEPTH: usize = 64;
/// Encodings inside one another that are undone.
const MAX_DECODINGS: usize = 3;
/// Bytes of one text that are looked at; the rest is cut off, for nobody has looked at it.
const MAX_TEXT: usize = 64 * 1024;
/// Times that a text is looked at again because something in it was changed.
const MAX_ROUNDS: usize = 4;

/// How much is taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Passwords, tokens, keys and what goes by such names.
    Secrets,
    /// These, and everything about people and their money: ids of users and portfolios become the first 8 hex digits
    /// of their SHA-256; names, addresses, ids of securities and amounts go.
    Strict,
}

/// Takes personal data and secrets out of values and texts. Doing it twice is doing it once.
#[derive(Debug)]
pub struct ServiceFilter {
    profile: Profile,
    issued: Issued,
}

impl ServiceFilter {
    /// A filter of that profile.
    #[must_use]
    pub fn new(profile: Profile) -> Self {
        Self {
            profile,
            issued: Issued::default(),
        }
    }

    /// A filter of [`Profile::Strict`].
    #[must_use]
    pub fn strict() -> Self {
        Self::new(Profile::Strict)
    }

    /// A filter of [`Profile::Secrets`].
    #[must_use]
    pub fn secrets() -> Self {
        Self::new(Profile::Secrets)
    }

    /// Scrubs a value with everything below it.
    pub fn scrub(&self, value: &mut Value) {
        self.value(value, None, 0, 0);
    }

    /// Scrubs a value that has a name, such as a field of a log line or an attribute of a span.
    pub fn scrub_member(&self, name: &str, value: &mut Value) {
        self.member(None, name, value, 0, 0);
    }

    /// Scrubs a text.
    #[must_use]
    pub fn scrub_text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.text(text, 0)
    }

    fn class(&self, words: &Words, parent: Option<&Words>) -> Option<Class> {
        let class = words.class(parent)?;
        (class == Class::Secret || self.profile == Profile::Strict).then_some(class)
    }

    fn value(&self, value: &mut Value, parent: Option<&Words>, depth: usize, decodings: usize) {
        if depth > MAX_DEPTH {
            redact(value);
            return;
        }
        match value {
            Value::String(text) => {
                if let Cow::Owned(changed) = self.text(text, decodings) {
                    *text = changed;
                }
            }
            Value::Array(list) => self.list(list, parent, depth, decodings),
            Value::Object(object) => self.object(object, parent, depth, decodings),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// A list of values, or one pair of a key and what it names.
    fn list(&self, list: &mut [Value], parent: Option<&Words>, depth: usize, decodings: usize) {
        if let [Value::String(key), value] = list
            && keys::may_be_key(key)
        {
            let name = key.clone();
            self.member(parent, &name, value, depth + 1, decodings);
            if let Cow::Owned(changed) = self.text(key, decodings) {
                *key = changed;
            }
            return;
        }
        for value in list {
            self.value(value, parent, depth + 1, decodings);
        }
    }

    fn object(&self, object: &mut Map<String, Value>, parent: Option<&Words>, depth: usize, decodings: usize) {
        // Attributes as OTLP writes them: {"key": …, "value": …}.
        let name = ["key", "name"].iter().find_map(|key| object.get(*key)?.as_str());
        if let (Some(name), Some(value)) = (name.map(str::to_owned), object.get_mut("value")) {
            self.member(parent, &name, value, depth + 1, decodings);
        }
        for (key, value) in object.iter_mut() {
            self.member(parent, key, value, depth + 1, decodings);
        }
        if object
            .keys()
            .any(|key| matches!(self.text(key, decodings), Cow::Owned(_)))
        {
            let members = std::mem::take(object).into_iter();
            *object = members
                .map(|(key, value)| (self.text(&key, decodings).into_owned(), value))
                .collect();
        }
    }

    fn member(&self, parent: Option<&Words>, key: &str, value: &mut Value, depth: usize, decodings: usize) {
        let words = Words::of(key);
        match self.class(&words, parent) {
            Some(Class::Hashed) => self.hash_value(value, &words, depth, decodings),
            Some(class) if !words.is_harmless(class, value) => redact(value),
            _ => self.value(value, Some(&words), depth, decodings),
        }
    }

    fn hash_value(&self, value: &mut Value, words: &Words, depth: usize, decodings: usize) {
        match value {
            Value::String(id) => *id = self.issued.hash(id),
            Value::Number(id) => *value = Value::String(self.issued.hash(&id.to_string())),
            Value::Array(list) => {
                for value in list {
                    self.hash_value(value, words, depth, decodings);
                }
            }
            Value::Object(_) => self.value(value, Some(words), depth + 1, decodings),
            Value::Null | Value::Bool(_) => {}
        }
    }
}

fn redact(value: &mut Value) {
    if !value.is_null() && !value.is_boolean() && value != "" {
        *value = Value::String(REDACTED.to_owned());
    }
}
