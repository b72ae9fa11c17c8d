//! Labels and annotations as templates see them: `KV`, `Pairs`, `Pair`, and lists of texts.

use std::collections::BTreeMap;
use std::sync::Arc;

use skopos_template::{Map, Object, Value, sprintf};

use super::data::{Member, object};

/// The label that comes first.
const ALERT_NAME: &str = "alertname";

/// Labels or annotations.
#[derive(Debug, Default)]
pub(super) struct Kv {
    pub(super) map: Arc<Map>,
}

impl Kv {
    pub(super) fn from_entries(entries: BTreeMap<String, Value>) -> Self {
        Self {
            map: Arc::new(Map {
                entries,
                missing: Value::string(""),
            }),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let entries = self.map.entries.iter();
        entries.map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()))
    }

    /// The value of a label; empty where there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        let value = self.map.entries.get(name);
        value.and_then(Value::as_str).unwrap_or_default()
    }

    /// By name, but the alert's name first.
    fn sorted(&self) -> Pairs {
        let (mut first, mut rest) = (Vec::new(), Vec::new());
        for (name, value) in self.iter() {
            let into = if name == ALERT_NAME { &mut first } else { &mut rest };
            into.push((name.to_owned(), value.to_owned()));
        }
        first.append(&mut rest);
        Pairs(first)
    }

    fn remove(&self, names: &Value) -> Result<Value, String> {
        let removed = texts(names)
            .ok_or_else(|| format!("wrong type for value; expected []string; got {}", names.type_name()))?;
        let mut entries = self.map.entries.clone();
        entries.retain(|name, _| !removed.contains(name));
        Ok(object(&Arc::new(Self::from_entries(entries))))
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Kv {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter();
        Self::from_entries(pairs.map(|(name, value)| (name.to_owned(), value.into())).collect())
    }
}

/// The texts of a list; `None` if it is none, or holds something else.
pub(super) fn texts(value: &Value) -> Option<Vec<String>> {
    let items = match value {
        Value::List(items) => items.to_vec(),
        Value::Object(object) => object.items()?,
        _ => return None,
    };
    items.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

impl Object for Kv {
    fn type_name(&self) -> &'static str {
        "template.KV"
    }

    fn member(&self, name: &str, arguments: &[Value]) -> Member {
        match (name, arguments) {
            ("SortedPairs", []) => Some(Ok(object(&Arc::new(self.sorted())))),
            ("Names", []) => Some(Ok(self.sorted().names())),
            ("Values", []) => Some(Ok(self.sorted().values())),
            ("String", []) => Some(Ok(self.text().into())),
            ("Remove", [names]) => Some(self.remove(names)),
            ("Remove", _) => Some(Err(format!(
                "wrong number of args for Remove: want 1 got {}",
                arguments.len()
            ))),
            _ => None,
        }
    }

    fn text(&self) -> String {
        self.sorted().text()
    }

    fn entries(&self) -> Option<Arc<Map>> {
        Some(Arc::clone(&self.map))
    }
}

/// Labels in order.
#[derive(Debug)]
pub(super) struct Pairs(pub(super) Vec<(String, String)>);

impl Pairs {
    fn names(&self) -> Value {
        object(&Arc::new(Strings(
            self.0.iter().map(|(name, _)| name.clone()).collect(),
        )))
    }

    fn values(&self) -> Value {
        object(&Arc::new(Strings(
            self.0.iter().map(|(_, value)| value.clone()).collect(),
        )))
    }
}

impl Object for Pairs {
    fn type_name(&self) -> &'static str {
        "template.Pairs"
    }

    fn member(&self, name: &str, _arguments: &[Value]) -> Member {
        match name {
            "Names" => Some(Ok(self.names())),
            "Values" => Some(Ok(self.values())),
            "String" => Some(Ok(self.text().into())),
            _ => None,
        }
    }

    fn text(&self) -> String {
        let texts: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        texts.join(", ")
    }

    fn items(&self) -> Option<Vec<Value>> {
        let pairs = self.0.iter();
        Some(pairs.map(|pair| object(&Arc::new(Pair(pair.clone())))).collect())
    }
}

/// A label.
#[derive(Debug)]
pub(super) struct Pair(pub(super) (String, String));

impl Object for Pair {
    fn type_name(&self) -> &'static str {
        "template.Pair"
    }

    fn member(&self, name: &str, _arguments: &[Value]) -> Member {
        match name {
            "Name" => Some(Ok(self.0.0.as_str().into())),
            "Value" => Some(Ok(self.0.1.as_str().into())),
            _ => None,
        }
    }

    fn text(&self) -> String {
        sprintf("{%s %s}", &[self.0.0.as_str().into(), self.0.1.as_str().into()])
    }
}

/// A list of texts.
#[derive(Debug)]
pub(super) struct Strings(pub(super) Vec<String>);

impl Object for Strings {
    fn type_name(&self) -> &'static str {
        "[]string"
    }

    fn member(&self, name: &str, arguments: &[Value]) -> Member {
        match (name, arguments) {
            ("Join", [Value::String(separator)]) => Some(Ok(self.0.join(separator).into())),
            _ => None,
        }
    }

    fn text(&self) -> String {
        format!("[{}]", self.0.join(" "))
    }

    fn items(&self) -> Option<Vec<Value>> {
        Some(self.0.iter().map(|text| text.as_str().into()).collect())
    }
}
