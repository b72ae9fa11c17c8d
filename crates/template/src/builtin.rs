//! The functions that every template has. `and` and `or` are in `exec`, because they evaluate
//! their arguments only as far as needed.

use std::cmp::Ordering;

use crate::compare::{equals, equals_any, order};
use crate::format::{push, sprint, sprintf, sprintln, text};
use crate::value::Value;

const NAMES: &[&str] = &[
    "and", "call", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or", "print", "printf",
    "println", "slice", "urlquery",
];

pub(crate) fn is_builtin(name: &str) -> bool {
    NAMES.contains(&name)
}

pub(crate) fn call(name: &str, arguments: &[Value]) -> Result<Value, String> {
    match (name, arguments) {
        ("print", _) => Ok(sprint(arguments).into()),
        ("println", _) => Ok(sprintln(arguments).into()),
        ("printf", [Value::String(format), rest @ ..]) => Ok(sprintf(format, rest).into()),
        ("printf", [other, ..]) => Err(format!(
            "wrong type for value; expected string; got {}",
            other.type_name()
        )),
        ("html", _) => Ok(escape_html(&sprint(arguments)).into()),
        ("js", _) => Ok(escape_js(&sprint(arguments)).into()),
        ("urlquery", _) => Ok(query_escape(&sprint(arguments)).into()),
        ("len", [value]) => length(value).map(Value::Int),
        ("index", [value, indexes @ ..]) => index(value, indexes),
        ("slice", [value, bounds @ ..]) => slice(value, bounds),
        ("not", [value]) => Ok(Value::Bool(!value.is_true())),
        ("eq", _) => equals_any(arguments).map(Value::Bool),
        ("ne", [a, b]) => equals(a, b).map(|equal| Value::Bool(!equal)),
        ("lt", [a, b]) => ordered(a, b, |ordering| ordering == Ordering::Less),
        ("le", [a, b]) => ordered(a, b, Ordering::is_le),
        ("gt", [a, b]) => ordered(a, b, |ordering| ordering == Ordering::Greater),
        ("ge", [a, b]) => ordered(a, b, Ordering::is_ge),
        ("call", [value, ..]) => Err(format!("non-function of type {}", value.type_name())),
        _ => Err(wrong_count(name, arguments.len())),
    }
}

fn wrong_count(name: &str, got: usize) -> String {
    let want = match name {
        "len" | "not" => "1",
        "index" | "slice" | "printf" | "call" => "at least 1",
        _ => "2",
    };
    format!("wrong number of args for {name}: want {want} got {got}")
}

fn ordered(a: &Value, b: &Value, test: impl Fn(Ordering) -> bool) -> Result<Value, String> {
    Ok(Value::Bool(order(a, b)?.is_some_and(test)))
}

fn length(value: &Value) -> Result<i64, String> {
    match value {
        Value::String(text) => Ok(text.len() as i64),
        Value::Safe(safe) => Ok(safe.text.len() as i64),
        Value::List(items) => Ok(items.len() as i64),
        Value::Map(map) => Ok(map.entries.len() as i64),
        Value::Object(object) => match (object.items(), object.entries()) {
            (Some(items), _) => Ok(items.len() as i64),
            (None, Some(map)) => Ok(map.entries.len() as i64),
            (None, None) => Err(format!("len of type {}", object.type_name())),
        },
        Value::Nil => Err("len of nil pointer".to_owned()),
        other => Err(format!("len of type {}", other.type_name())),
    }
}

fn index(value: &Value, indexes: &[Value]) -> Result<Value, String> {
    let mut current = value.clone();
    for index in indexes {
        current = index_one(&current, index)?;
    }
    Ok(current)
}

fn index_one(value: &Value, index: &Value) -> Result<Value, String> {
    match (value, index) {
        (Value::List(items), Value::Int(index)) => element(items, *index),
        (Value::String(text), Value::Int(index)) => {
            let byte = usize::try_from(*index)
                .ok()
                .and_then(|index| text.as_bytes().get(index));
            byte.map(|byte| Value::Int(i64::from(*byte)))
                .ok_or_else(|| format!("index out of range: {index}"))
        }
        (Value::Map(map), Value::String(name)) => Ok(map.entries.get(&**name).unwrap_or(&map.missing).clone()),
        (Value::Object(object), Value::Int(index)) if object.items().is_some() => {
            element(&object.items().unwrap_or_default(), *index)
        }
        (Value::Object(object), Value::String(name)) if object.entries().is_some() => {
            let map = object.entries().unwrap_or_default();
            Ok(map.entries.get(&**name).unwrap_or(&map.missing).clone())
        }
        (Value::Nil, _) => Err("index of untyped nil".to_owned()),
        (Value::Map(_), other) => Err(format!("value has type {}; should be string", other.type_name())),
        (Value::List(_) | Value::String(_), other) => {
            Err(format!("cannot index slice/array with type {}", other.type_name()))
        }
        (other, _) => Err(format!("can't index item of type {}", other.type_name())),
    }
}

fn element(items: &[Value], index: i64) -> Result<Value, String> {
    usize::try_from(index)
        .ok()
        .and_then(|index| items.get(index))
        .cloned()
        .ok_or_else(|| format!("index out of range: {index}"))
}

fn slice(value: &Value, bounds: &[Value]) -> Result<Value, String> {
    if let Value::Object(object) = value
        && let Some(items) = object.items()
    {
        return slice(&Value::list(items), bounds);
    }
    let length = match value {
        Value::String(text) => text.len(),
        Value::List(items) => items.len(),
        other => return Err(format!("can't slice item of type {}", other.type_name())),
    };
    let bound = |position: usize, default: usize| match bounds.get(position) {
        None => Ok(default),
        Some(Value::Int(bound)) => usize::try_from(*bound)
            .ok()
            .filter(|bound| *bound <= length)
            .ok_or_else(|| format!("index out of range: {bound}")),
        Some(other) => Err(format!("cannot index slice/array with type {}", other.type_name())),
    };
    let (start, end) = (bound(0, 0)?, bound(1, length)?);
    if start > end {
        return Err(format!("invalid slice index: {start} > {end}"));
    }
    match value {
        Value::String(text) => match text.get(start..end) {
            Some(part) => Ok(part.into()),
            None => Err(format!("index {start} or {end} is inside a character")),
        },
        Value::List(items) => Ok(Value::list(items[start..end].to_vec())),
        _ => Err(format!("can't slice item of type {}", value.type_name())),
    }
}

/// `template.HTMLEscapeString`.
pub(crate) fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\0' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

fn escape_js(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '\'' | '"' => {
                out.push('\\');
                out.push(c);
            }
            '<' | '>' | '&' | '=' => push(&mut out, format_args!("\\u{:04X}", u32::from(c))),
            c if c.is_control() => push(&mut out, format_args!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// Escapes a text for the query of a URL (`url.QueryEscape`).
pub fn query_escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => push(&mut out, format_args!("%{byte:02X}")),
        }
    }
    out
}

/// Prints a value where an action ends.
pub(crate) fn print(value: &Value) -> String {
    text(value)
}
