//! A place in a JSON document that knows its path, so that errors name the field.

use serde_json::{Map, Value};

use super::OtlpError;

/// The way to a value; lives on the stack and is only written out for an error.
#[derive(Clone, Copy)]
enum Path<'a> {
    Root,
    Field(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl std::fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Field(Path::Root, name) => f.write_str(name),
            Path::Field(parent, name) => write!(f, "{parent}.{name}"),
            Path::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// A JSON object. A field that is `null` counts as absent; unknown fields are never looked at.
pub(super) struct Node<'a> {
    fields: &'a Map<String, Value>,
    path: Path<'a>,
}

impl<'a> Node<'a> {
    /// The root of a document.
    pub(super) fn root(value: &'a Value) -> Result<Self, OtlpError> {
        Self::at(value, Path::Root)
    }

    fn at(value: &'a Value, path: Path<'a>) -> Result<Self, OtlpError> {
        match value {
            Value::Object(fields) => Ok(Self { fields, path }),
            _ => Err(refused(path, "an object is expected")),
        }
    }

    pub(super) fn field(&self, name: &str) -> Option<&'a Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// What `name` does not hold, for errors found by the caller.
    pub(super) fn error(&self, name: &str, reason: impl Into<String>) -> OtlpError {
        refused(Path::Field(&self.path, name), reason)
    }

    /// Reads the object `name`, if there is one.
    pub(super) fn object<T>(
        &self,
        name: &str,
        read: impl FnOnce(&Node<'_>) -> Result<T, OtlpError>,
    ) -> Result<Option<T>, OtlpError> {
        match self.field(name) {
            None => Ok(None),
            Some(value) => Node::at(value, Path::Field(&self.path, name))
                .and_then(|node| read(&node))
                .map(Some),
        }
    }

    /// Reads the objects of the list `name`; `null` items are skipped.
    pub(super) fn list<T>(
        &self,
        name: &str,
        read: impl Fn(&Node<'_>) -> Result<T, OtlpError>,
    ) -> Result<Vec<T>, OtlpError> {
        let items = match self.field(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(self.error(name, "a list is expected")),
        };
        let path = Path::Field(&self.path, name);
        let mut out = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate().filter(|(_, item)| !item.is_null()) {
            out.push(read(&Node::at(item, Path::Item(&path, index))?)?);
        }
        Ok(out)
    }

    pub(super) fn text(&self, name: &str) -> Result<String, OtlpError> {
        match self.field(name) {
            None => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(self.error(name, "a string is expected")),
        }
    }

    /// An unsigned number, as number or decimal text.
    pub(super) fn u64(&self, name: &str) -> Result<u64, OtlpError> {
        let number = match self.field(name) {
            None => Some(0),
            Some(value) => unsigned(value),
        };
        number.ok_or_else(|| {
            self.error(
                name,
                "an unsigned 64-bit number, or its digits as a string, is expected",
            )
        })
    }

    /// A signed 64-bit number, as number or decimal text, if there is one.
    pub(super) fn i64(&self, name: &str) -> Result<Option<i64>, OtlpError> {
        self.optional(name, "a 64-bit number or its digits are expected", int)
    }

    /// A float, as number or text, if there is one.
    pub(super) fn double(&self, name: &str) -> Result<Option<f64>, OtlpError> {
        self.optional(name, "a number is expected", double)
    }

    pub(super) fn i32(&self, name: &str) -> Result<i32, OtlpError> {
        i32::try_from(self.i64(name)?.unwrap_or(0)).map_err(|_| self.error(name, "a 32-bit number is expected"))
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, OtlpError> {
        let flag = self.optional(name, "true or false is expected", Value::as_bool)?;
        Ok(flag.unwrap_or(false))
    }

    /// A list of unsigned numbers.
    pub(super) fn u64s(&self, name: &str) -> Result<Vec<u64>, OtlpError> {
        self.values(name, "unsigned 64-bit numbers are expected", unsigned)
    }

    /// A list of floats.
    pub(super) fn doubles(&self, name: &str) -> Result<Vec<f64>, OtlpError> {
        self.values(name, "numbers are expected", double)
    }

    fn optional<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, OtlpError> {
        self.field(name)
            .map(|value| read(value).ok_or_else(|| self.error(name, expected)))
            .transpose()
    }

    fn values<T>(&self, name: &str, expected: &str, read: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>, OtlpError> {
        let values = match self.field(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(items)) => items.iter().map(read).collect(),
            Some(_) => None,
        };
        values.ok_or_else(|| self.error(name, expected))
    }

    pub(super) fn u32(&self, name: &str) -> Result<u32, OtlpError> {
        u32::try_from(self.u64(name)?).map_err(|_| self.error(name, "a number below 2^32 is expected"))
    }

    /// An enum by number, or liberally by one of `names` (index is the number).
    pub(super) fn enumeration(&self, name: &str, names: &[&str]) -> Result<i32, OtlpError> {
        if let Some(Value::String(text)) = self.field(name)
            && let Some(number) = names.iter().position(|candidate| candidate == text)
        {
            return Ok(number as i32);
        }
        i32::try_from(self.u64(name)?).map_err(|_| self.error(name, "the number of an enum value is expected"))
    }

    /// Bytes in hex digits of any case.
    pub(super) fn hex(&self, name: &str) -> Result<Vec<u8>, OtlpError> {
        hex::decode(self.text(name)?).map_err(|error| self.error(name, format!("hex digits are expected: {error}")))
    }
}

fn refused(path: Path<'_>, reason: impl Into<String>) -> OtlpError {
    let path = match path {
        Path::Root => "(document)".to_owned(),
        path => path.to_string(),
    };
    OtlpError::Field {
        path,
        reason: reason.into(),
    }
}

/// A float that stands for a whole number (`1e9`), as protobuf JSON allows.
fn whole(number: f64) -> Option<u64> {
    (number.fract() == 0.0 && (0.0..18_446_744_073_709_551_616.0).contains(&number)).then_some(number as u64)
}

fn unsigned(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

pub(super) fn int(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

pub(super) fn double(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            "NaN" => Some(f64::NAN),
            digits => digits.parse().ok(),
        },
        _ => None,
    }
}
