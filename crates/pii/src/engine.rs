//! Walks an event and lets each rule work on the values that its selector means.

use serde_json::{Map, Value};

use crate::chunks::Chunks;
use crate::config::{DataScrubbing, PiiConfig};
use crate::meta::{Action, MetaTree, Remark};
use crate::rule::{self, Rule, RuleError};
use crate::schema::{Kind, Level, Pii, ValueType};
use crate::selector::{Selector, SelectorError};
use crate::{event, graphql};

/// Levels of an event that are walked; what lies deeper is taken out.
const MAX_DEPTH: usize = 128;

/// A configuration that cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A selector that cannot be read.
    #[error(transparent)]
    Selector(#[from] SelectorError),
    /// A rule that is missing or wrong.
    #[error(transparent)]
    Rule(#[from] RuleError),
}

/// Rules over events, ready to work.
#[derive(Debug, Clone)]
pub struct Scrubber {
    applications: Vec<(Selector, Vec<Rule>)>,
}

/// An event without what had to go, and what was done to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Scrubbed {
    /// The event, without `_meta`.
    pub event: Value,
    /// The tree of remarks, to be sent as `_meta`; none where nothing was changed.
    pub meta: Option<Value>,
}

impl Scrubber {
    /// Prepares the rules of a configuration.
    pub fn new(config: &PiiConfig) -> Result<Self, ConfigError> {
        let mut applications = Vec::with_capacity(config.applications.len());
        for (selector, names) in &config.applications {
            let mut rules = Vec::new();
            for name in names {
                rule::resolve(name, &config.rules, &mut rules)?;
            }
            applications.push((Selector::parse(selector)?, rules));
        }
        applications.sort_by(|(a, _), (b, _)| a.order().cmp(&b.order()));
        Ok(Self { applications })
    }

    /// Prepares what the switches of a project stand for.
    pub fn for_project(switches: &DataScrubbing) -> Result<Self, ConfigError> {
        Self::new(&switches.to_config())
    }

    /// Scrubs an event of Sentry's protocol.
    #[must_use]
    pub fn scrub_event(&self, event: Value) -> Scrubbed {
        let (mut event, meta) = event::normalize(event);
        graphql::scrub(&mut event);
        let mut value = Value::Object(event);
        let mut walk = Walk {
            applications: &self.applications,
            levels: vec![Level {
                key: String::new(),
                types: vec![ValueType::Event],
                pii: Pii::No,
            }],
            place: Vec::new(),
            meta,
        };
        walk.children(Kind::Event, Pii::No, &mut value);
        let mut meta = walk.meta;
        if let Value::Object(event) = &mut value {
            move_hashed_address(event, &mut meta);
        }
        Scrubbed {
            event: value,
            meta: meta.into_value(),
        }
    }

    /// Scrubs a text that stands alone, such as a log line, as if it were a value of `extra`.
    #[must_use]
    pub fn scrub_text(&self, text: &str) -> String {
        let event = serde_json::json!({ "extra": { "": text } });
        let scrubbed = self.scrub_event(event).event;
        let found = scrubbed.pointer("/extra/").and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    }
}

/// A hashed address is no address; it tells users apart where nothing else does.
fn move_hashed_address(event: &mut Map<String, Value>, meta: &mut MetaTree) {
    let Some(Value::Object(user)) = event.get_mut("user") else {
        return;
    };
    let is_hash = |text: &str| text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let hashed = user.get("ip_address").and_then(Value::as_str).is_some_and(is_hash);
    if hashed
        && user.get("id").is_none_or(Value::is_null)
        && let Some(hash) = user.shift_remove("ip_address")
    {
        user.insert("id".to_owned(), hash);
        meta.rename(&["user".to_owned()], "ip_address", "id");
    }
}

struct Walk<'a> {
    applications: &'a [(Selector, Vec<Rule>)],
    levels: Vec<Level>,
    /// Keys and indices from the event to the value, as the tree of remarks has them.
    place: Vec<String>,
    meta: MetaTree,
}

impl Walk<'_> {
    /// Goes one level down. A pair in a list of pairs has the key of its first half.
    fn enter(&mut self, place: &str, key: &str, kind: Kind, pii: Pii, value: &mut Value) {
        if self.levels.len() > MAX_DEPTH {
            *value = Value::Null;
            return;
        }
        self.levels.push(Level {
            key: key.to_owned(),
            types: types(kind, value),
            pii,
        });
        self.place.push(place.to_owned());
        self.value(key, kind, pii, value);
        self.place.pop();
        self.levels.pop();
    }

    fn value(&mut self, key: &str, kind: Kind, pii: Pii, value: &mut Value) {
        match value {
            Value::String(text) => {
                let text = std::mem::take(text);
                *value = self.text(key, kind, text);
            }
            Value::Null => {}
            _ if self.goes(key) => *value = Value::Null,
            _ => self.children(kind, pii, value),
        }
    }

    fn children(&mut self, kind: Kind, pii: Pii, value: &mut Value) {
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    let (kind, pii) = kind.child(key, pii);
                    self.enter(key, key, kind, pii, value);
                }
            }
            Value::Array(list) if is_pair_list(list) => {
                for (index, pair) in list.iter_mut().enumerate() {
                    if let [Value::String(key), value] = pair.as_array_mut().map(Vec::as_mut_slice).unwrap_or_default()
                    {
                        self.place.push(index.to_string());
                        self.enter("1", key, kind, pii, value);
                        self.place.pop();
                    }
                }
            }
            Value::Array(list) => {
                for (index, value) in list.iter_mut().enumerate() {
                    let index = index.to_string();
                    let (kind, pii) = kind.child(&index, pii);
                    self.enter(&index, &index, kind, pii, value);
                }
            }
            _ => {}
        }
    }

    /// The rules for the value that is being looked at.
    fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.applications
            .iter()
            .filter(|(selector, _)| selector.matches(&self.levels))
            .flat_map(|(_, rules)| rules)
    }

    /// Whether a value that is no text is taken out: there is nothing of it to replace.
    fn goes(&mut self, key: &str) -> bool {
        let found = self.rules().find(|rule| rule.is_for(key)).map(|rule| removal(&rule.id));
        if let Some(remark) = &found {
            self.meta.add(&self.place, std::slice::from_ref(remark), None);
        }
        found.is_some()
    }

    fn text(&mut self, key: &str, kind: Kind, text: String) -> Value {
        // Of a path, the file's name stays; one without folders holds nothing else.
        let split = if kind == Kind::NativePath {
            text.rfind(['/', '\\']).unwrap_or(0)
        } else {
            text.len()
        };
        let (scrubbed, kept) = text.split_at(split);
        let mut chunks = Chunks::new(scrubbed);
        let mut removed = None;
        if !scrubbed.is_empty() {
            for rule in self.rules() {
                if !rule.redact(key, &mut chunks) {
                    removed = Some(removal(&rule.id));
                    break;
                }
            }
        }
        let length = chunks.is_changed().then(|| scrubbed.chars().count());
        self.meta.add(&self.place, &chunks.remarks(), length);
        if let Some(remark) = removed {
            self.meta.add(&self.place, &[remark], None);
            return Value::Null;
        }
        Value::String(if chunks.is_changed() {
            chunks.text() + kept
        } else {
            text
        })
    }
}

fn removal(rule: &str) -> Remark {
    Remark {
        rule: rule.to_owned(),
        action: Action::Removed,
        range: None,
    }
}

fn types(kind: Kind, value: &Value) -> Vec<ValueType> {
    let general = match value {
        Value::String(_) => ValueType::String,
        Value::Number(_) => ValueType::Number,
        Value::Bool(_) => ValueType::Boolean,
        Value::Array(_) => ValueType::Array,
        Value::Object(_) => ValueType::Object,
        Value::Null => return Vec::new(),
    };
    match kind.own_type() {
        Some(ValueType::Message) => vec![ValueType::Message, general],
        // A typed object is asked for by its own name, not as any object.
        Some(own) => vec![own],
        None => vec![general],
    }
}

/// Headers, cookies and the like: a list of nothing but `[key, value]`.
fn is_pair_list(list: &[Value]) -> bool {
    let is_pair = |item: &Value| {
        item.as_array()
            .is_some_and(|pair| pair.len() == 2 && pair[0].is_string())
    };
    !list.is_empty() && list.iter().all(is_pair)
}
