//! The values that templates work on.

use std::any::Any;
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
    /// Text that is not escaped in one place of HTML; elsewhere like any other text.
    Safe(Safe),
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

/// Text that its author vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Safe {
    /// Where it is not escaped.
    pub place: SafePlace,
    /// The text.
    pub text: Arc<str>,
}

/// A place of HTML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SafePlace {
    /// Between tags.
    Html,
    /// In an attribute that holds a URL.
    Url,
}

/// A struct of the host program, which finds its own type again by [`Any`].
pub trait Object: Any + fmt::Debug + Send + Sync {
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

    /// The entries, where the object is a map; fields that are no members are looked up there.
    fn entries(&self) -> Option<Arc<Map>> {
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
            Self::Safe(safe) => !safe.text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Map(map) => !map.entries.is_empty(),
            Self::Time(_) => true,
            Self::Object(object) => match (object.items(), object.entries()) {
                (Some(items), _) => !items.is_empty(),
                (None, Some(map)) => !map.entries.is_empty(),
                (None, None) => true,
            },
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
            Self::Safe(safe) => match safe.place {
                SafePlace::Html => "template.HTML",
                SafePlace::Url => "template.URL",
            },
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
            Self::Safe(safe) => Some(&safe.text),
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
