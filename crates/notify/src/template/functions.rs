//! The functions of notification templates.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use jiff::tz::TimeZone;
use skopos_core::re2;
use skopos_template::{Functions, Map, Safe, SafePlace, TimeValue, Value, humanize};

use super::data::Data;
use super::json;
use super::kv::texts;

const NAMES: &[&str] = &[
    "append",
    "base64decode",
    "base64encode",
    "date",
    "dict",
    "humanizeDuration",
    "join",
    "list",
    "match",
    "mustToDate",
    "now",
    "reReplaceAll",
    "routeLabels",
    "safeHtml",
    "safeUrl",
    "since",
    "stringSlice",
    "title",
    "toDate",
    "toJson",
    "toLower",
    "toUpper",
    "trimSpace",
    "tz",
    "urlUnescape",
];

/// The names alone, for parsing.
pub(super) struct NamesOnly;

impl Functions for NamesOnly {
    fn contains(&self, name: &str) -> bool {
        NAMES.contains(&name)
    }

    fn call(&self, name: &str, _arguments: &[Value]) -> Result<Value, String> {
        Err(format!("{name} is not callable while a template is parsed"))
    }
}

/// The functions of one rendering.
pub(super) struct NotificationFunctions {
    pub(super) now_ms: i64,
    pub(super) data: Arc<Data>,
}

impl Functions for NotificationFunctions {
    fn contains(&self, name: &str) -> bool {
        NAMES.contains(&name)
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, String> {
        match (name, arguments) {
            ("now", []) => Ok(Value::Time(self.now())),
            ("since", [Value::Time(time)]) => Ok(Value::Duration(self.now().since(time))),
            ("date", [Value::String(layout), Value::Time(time)]) => Ok(time.format(layout).into()),
            ("tz", [Value::String(zone), Value::Time(time)]) => in_zone(zone, time),
            ("toDate", [Value::String(layout), Value::String(text)]) => {
                let zero = TimeValue::utc(TimeValue::ZERO_NANOSECONDS);
                Ok(Value::Time(parsed(layout, text).unwrap_or(zero)))
            }
            ("mustToDate", [Value::String(layout), Value::String(text)]) => parsed(layout, text)
                .map(Value::Time)
                .ok_or_else(|| format!("parsing time {text:?} as {layout:?}: cannot parse")),
            ("humanizeDuration", [value]) => {
                let number = humanize::number(value)?;
                Ok(humanize::humanize(name, number).into())
            }
            ("toJson", [value]) => Ok(json::value(value).to_string().into()),
            ("match", [Value::String(pattern), Value::String(text)]) => {
                Ok(re2::compile(pattern)?.is_match(text).into())
            }
            ("reReplaceAll", [Value::String(pattern), Value::String(with), Value::String(text)]) => {
                Ok(re2::compile(pattern)?.replace_all(text, &**with).as_ref().into())
            }
            ("join", [Value::String(separator), list]) if texts(list).is_some() => {
                Ok(texts(list).unwrap_or_default().join(separator).into())
            }
            ("stringSlice", _) if arguments.iter().all(|value| value.as_str().is_some()) => {
                Ok(Value::list(arguments.to_vec()))
            }
            ("list", _) => Ok(Value::list(arguments.to_vec())),
            ("append", [list, more @ ..]) => append(list, more),
            ("dict", _) => dict(arguments),
            ("routeLabels", [Value::String(label)]) => Ok(self.data.route_labels.get(label).into()),
            (_, [Value::String(text)]) if NAMES.contains(&name) => of_text(name, text),
            _ => Err(wrong_arguments(name, arguments)),
        }
    }
}

impl NotificationFunctions {
    fn now(&self) -> TimeValue {
        TimeValue::utc(i128::from(self.now_ms) * 1_000_000)
    }
}

fn in_zone(name: &str, time: &TimeValue) -> Result<Value, String> {
    let zone = match name {
        "" | "UTC" => TimeZone::UTC,
        _ => TimeZone::get(name).map_err(|_| format!("unknown time zone {name}"))?,
    };
    Ok(Value::Time(TimeValue {
        nanoseconds: time.nanoseconds,
        zone,
    }))
}

fn parsed(layout: &str, text: &str) -> Option<TimeValue> {
    TimeValue::parse(layout, text, TimeZone::UTC)
}

fn append(list: &Value, more: &[Value]) -> Result<Value, String> {
    let mut items = match list {
        Value::List(items) => items.to_vec(),
        Value::Object(object) if object.items().is_some() => object.items().unwrap_or_default(),
        Value::Nil => Vec::new(),
        other => return Err(format!("cannot append to type {}", other.type_name())),
    };
    items.extend_from_slice(more);
    Ok(Value::list(items))
}

fn dict(arguments: &[Value]) -> Result<Value, String> {
    if !arguments.len().is_multiple_of(2) {
        return Err("dict requires key value pairs".to_owned());
    }
    let pairs = arguments.chunks_exact(2);
    let entries: Option<BTreeMap<String, Value>> = pairs
        .map(|pair| Some((pair.first()?.as_str()?.to_owned(), pair.get(1)?.clone())))
        .collect();
    let entries = entries.ok_or("dict keys must be strings")?;
    Ok(Value::Map(Arc::new(Map {
        entries,
        missing: Value::Nil,
    })))
}

fn of_text(name: &str, text: &str) -> Result<Value, String> {
    let safe = |place| {
        Value::Safe(Safe {
            place,
            text: text.into(),
        })
    };
    Ok(match name {
        "toUpper" => text.to_uppercase().into(),
        "toLower" => text.to_lowercase().into(),
        "title" => humanize::title(&text.to_lowercase()).into(),
        "trimSpace" => text.trim().into(),
        "safeHtml" => safe(SafePlace::Html),
        "safeUrl" => safe(SafePlace::Url),
        "urlUnescape" => unescaped(text)?.into(),
        "base64encode" => URL_SAFE.encode(text).into(),
        "base64decode" => {
            let bytes = URL_SAFE
                .decode(text)
                .map_err(|error| format!("illegal base64 data: {error}"))?;
            String::from_utf8_lossy(&bytes).into_owned().into()
        }
        _ => return Err(wrong_arguments(name, &[text.into()])),
    })
}

/// `url.QueryUnescape`.
fn unescaped(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
                let byte = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
                let byte = byte.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                let shown = digits.unwrap_or_default();
                bytes.push(byte.ok_or_else(|| format!("invalid URL escape \"%{shown}\""))?);
                rest = &after[2..];
            }
            other => bytes.push(*other),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn wrong_arguments(name: &str, arguments: &[Value]) -> String {
    let want = match name {
        "now" => 0,
        "date" | "join" | "match" | "mustToDate" | "toDate" | "tz" => 2,
        "reReplaceAll" => 3,
        _ => 1,
    };
    if arguments.len() != want {
        return format!("wrong number of args for {name}: want {want} got {}", arguments.len());
    }
    let types: Vec<&str> = arguments.iter().map(Value::type_name).collect();
    format!("wrong type for value; got {}", types.join(", "))
}
