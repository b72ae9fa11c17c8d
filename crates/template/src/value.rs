//! The values that templates work on.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::TimeValue;

/// A value.
#[derive(Debug, Clone, Default)]
pub enum Value {
    /// No value; printed as `<no value>`.
    #[default]
    Nil,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A float.
    Float(f64),
    /// Text.
    String(Arc<str>),
    /// A list.
    List(Arc<[Value]>),
    /// Named values.
    Map(Arc<Map>),
    /// A point in time.
    Time(TimeValue),
    /// Nanoseconds between two times.
    Duration(i64),
    /// Something with fields and methods of its own.
    Object(Arc<dyn Object>),
}

/// Named values and what an absent name gives.
#[derive(Debug, Clone, Default)]
pub struct Map {
    /// The entries; templates see them sorted by name.
    pub entries: BTreeMap<String, Value>,
    /// The value of names that are not there (Go's zero value, option `missingkey=zero`).
    pub missing: Value,
}

/// A struct of the host program.
pub trait Object: fmt::Debug + Send + Sync {
    /// The type's name in messages.
    fn type_name(&self) -> &str;

    /// The field `name`, or the result of the method `name`; `None` if there is neither.
    fn member(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, String>>;

    /// What the object prints as.
    fn text(&self) -> String;

    /// The elements, where the object is a list.
    fn items(&self) -> Option<Vec<Value>> {
        None
    }
}

impl Value {
    /// Text.
    pub fn string(text: impl AsRef<str>) -> Self {
        Self::String(Arc::from(text.as_ref()))
    }

    /// A list.
    pub fn list(items: Vec<Value>) -> Self {
        Self::List(Arc::from(items))
    }

    /// A map of texts, in which absent names are empty texts.
    pub fn string_map<N: Into<String>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        Self::Map(Arc::new(Map {
            entries: pairs
                .into_iter()
                .map(|(name, value)| (name.into(), Self::string(value)))
                .collect(),
            missing: Self::string(""),
        }))
    }

    /// A map of any values, in which absent names have no value.
    pub fn map(entries: BTreeMap<String, Value>) -> Self {
        Self::Map(Arc::new(Map {
            entries,
            missing: Self::Nil,
        }))
    }

    /// Whether `if` takes it as true: not nil, false, zero or empty.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value) | Self::Duration(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::String(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Map(map) => !map.entries.is_empty(),
            Self::Time(_) => true,
            Self::Object(object) => object.items().is_none_or(|items| !items.is_empty()),
        }
    }

    /// The name of its type, as Go would print it.
    pub fn type_name(&self) -> &str {
        match self {
            Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::String(_) => "string",
            Self::List(_) => "[]interface {}",
            Self::Map(map) if matches!(map.missing, Self::String(_)) => "map[string]string",
            Self::Map(_) => "map[string]interface {}",
            Self::Time(_) => "time.Time",
            Self::Duration(_) => "time.Duration",
            Self::Object(object) => object.type_name(),
        }
    }

    /// The text, where it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::string(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::string(text)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}
