//! Partial comparison of JSON.

use regex::RegexBuilder;
use serde_json::Value;

/// Whether a pattern is found in a text.
pub(super) fn matches(pattern: &str, text: &str) -> Result<(), String> {
    let regex = RegexBuilder::new(pattern).build().map_err(|error| error.to_string())?;
    if regex.is_match(text) {
        Ok(())
    } else {
        Err(format!("should match {pattern:?}: {text}"))
    }
}

/// Whether a value has all that is wanted: objects may have more keys, lists the same length, and
/// a text that starts with `~` is a pattern.
pub(super) fn contains(wanted: &Value, value: &Value, path: &str) -> Result<(), String> {
    let differs = || Err(format!("at {path:?}: should be {wanted}, is {value}"));
    match (wanted, value) {
        (Value::Object(wanted), Value::Object(object)) => wanted.iter().try_for_each(|(name, wanted)| {
            let path = format!("{path}.{name}");
            match object.get(name) {
                Some(value) => contains(wanted, value, &path),
                None => Err(format!("at {path:?}: should be {wanted}, is missing")),
            }
        }),
        (Value::Array(wanted), Value::Array(items)) if wanted.len() == items.len() => wanted
            .iter()
            .zip(items)
            .enumerate()
            .try_for_each(|(index, (wanted, item))| contains(wanted, item, &format!("{path}.{index}"))),
        (Value::String(wanted), Value::String(text)) if wanted.starts_with('~') => {
            matches(&wanted[1..], text).map_err(|error| format!("at {path:?}: {error}"))
        }
        (wanted, value) if wanted == value => Ok(()),
        _ => differs(),
    }
}

/// The value at a dotted path.
pub(super) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, part| match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        Value::Object(object) => object.get(part),
        _ => None,
    })
}
