//! Values of any shape: webhook payloads, PagerDuty details, Jira fields.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value as Json};
use skopos_config::strict::{Node, Result, Section, Value};

/// The value as JSON. Unquoted scalars get their type by YAML's rules, as Go's reader has them.
pub(super) fn json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Scalar(text) if node.is_quoted => Json::String(text.clone()),
        Value::Scalar(text) => scalar(text),
        Value::List(items) => Json::Array(items.iter().map(json).collect()),
        Value::Map(entries) => {
            let pairs = entries.iter().map(|entry| (entry.key.clone(), json(&entry.node)));
            Json::Object(pairs.collect::<Map<_, _>>())
        }
    }
}

/// A mapping of free-form values; empty where absent.
pub(super) fn json_map(section: &Section<'_>, key: &'static str) -> Result<BTreeMap<String, Json>> {
    let Some(node) = section.get(key) else {
        return Ok(BTreeMap::new());
    };
    let section = Section::new(node, "map[string]interface {}")?;
    let pairs = section.pairs().iter();
    Ok(pairs.map(|entry| (entry.key.clone(), json(&entry.node))).collect())
}

fn scalar(text: &str) -> Json {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Json::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Json::Bool(false),
        _ => number(text).map_or_else(|| Json::String(text.to_owned()), Json::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return None;
    }
    let plain = text.replace('_', "");
    let (is_negative, digits) = match plain.as_bytes().first() {
        Some(b'-') => (true, &plain[1..]),
        Some(b'+') => (false, &plain[1..]),
        _ => (false, plain.as_str()),
    };
    if let Some(magnitude) = integer(digits) {
        return match i64::try_from(magnitude) {
            Ok(value) => Some(Number::from(if is_negative { -value } else { value })),
            Err(_) if !is_negative => Some(Number::from(magnitude)),
            Err(_) => None,
        };
    }
    let is_float = digits
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    plain.parse().ok().filter(|_| is_float).and_then(Number::from_f64)
}

/// Decimal, hexadecimal, binary and octal numbers (a leading zero).
fn integer(digits: &str) -> Option<u64> {
    let prefixed = [("0x", 16), ("0b", 2), ("0o", 8)];
    if let Some((digits, radix)) = prefixed
        .iter()
        .find_map(|(prefix, radix)| Some((digits.strip_prefix(prefix)?, *radix)))
    {
        return u64::from_str_radix(digits, radix).ok();
    }
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let radix = if digits.len() > 1 && digits.starts_with('0') {
        8
    } else {
        10
    };
    u64::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_have_the_types_of_yaml() {
        for (text, wanted) in [
            ("10", "10"),
            ("-7", "-7"),
            ("0x1F", "31"),
            ("010", "8"),
            ("1.5", "1.5"),
            ("1e3", "1000.0"),
            ("yes", "true"),
            ("off", "false"),
            ("1.2.3", "\"1.2.3\""),
            ("2020-01-01", "\"2020-01-01\""),
            ("{{ .x }}", "\"{{ .x }}\""),
        ] {
            assert_eq!(scalar(text).to_string(), wanted, "{text}");
        }
    }
}
