//! Functions on text.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose};
use skopos_template::Value;

use super::{Answer, Arguments};

/// Longest text that a function may make of a shorter one.
const MAX_TEXT_BYTES: usize = 1 << 20;

pub(super) const NAMES: &[&str] = &[
    "ToLower",
    "ToUpper",
    "Replace",
    "Trim",
    "TrimLeft",
    "TrimRight",
    "TrimPrefix",
    "TrimSuffix",
    "TrimSpace",
    "regexReplaceAll",
    "regexReplaceAllLiteral",
    "count",
    "urldecode",
    "urlencode",
    "alignLeft",
    "alignRight",
    "b64enc",
    "b64dec",
    "lower",
    "upper",
    "title",
    "trunc",
    "substr",
    "contains",
    "hasPrefix",
    "hasSuffix",
    "indent",
    "nindent",
    "replace",
    "repeat",
    "trim",
    "trimAll",
    "trimPrefix",
    "trimSuffix",
    "fromJson",
    "default",
];

pub(super) fn call(arguments: &Arguments<'_>) -> Answer {
    match arguments.name {
        "fromJson" => from_json(arguments),
        "default" => default(arguments),
        "contains" | "hasPrefix" | "hasSuffix" => test(arguments),
        "trunc" | "substr" | "alignLeft" | "alignRight" | "indent" | "nindent" | "repeat" => sized(arguments),
        "regexReplaceAll" | "regexReplaceAllLiteral" | "count" => by_regex(arguments),
        "Replace" | "replace" => replace(arguments),
        _ => simple(arguments),
    }
}

fn simple(arguments: &Arguments<'_>) -> Answer {
    let two = matches!(
        arguments.name,
        "Trim" | "TrimLeft" | "TrimRight" | "TrimPrefix" | "TrimSuffix" | "trimAll" | "trimPrefix" | "trimSuffix"
    );
    arguments.expect(if two { 2 } else { 1 })?;
    let first = arguments.text(0)?;
    let second = if two { arguments.text(1)? } else { "" };
    let in_set = |set: &str, c: char| set.contains(c);
    let out = match arguments.name {
        "ToLower" | "lower" => first.to_lowercase(),
        "ToUpper" | "upper" => first.to_uppercase(),
        "Trim" => first.trim_matches(|c| in_set(second, c)).to_owned(),
        "TrimLeft" => first.trim_start_matches(|c| in_set(second, c)).to_owned(),
        "TrimRight" => first.trim_end_matches(|c| in_set(second, c)).to_owned(),
        "TrimPrefix" => first.strip_prefix(second).unwrap_or(first).to_owned(),
        "TrimSuffix" => first.strip_suffix(second).unwrap_or(first).to_owned(),
        "trimAll" => second.trim_matches(|c| in_set(first, c)).to_owned(),
        "trimPrefix" => second.strip_prefix(first).unwrap_or(second).to_owned(),
        "trimSuffix" => second.strip_suffix(first).unwrap_or(second).to_owned(),
        "TrimSpace" | "trim" => first.trim().to_owned(),
        "title" => title(first),
        "urlencode" => skopos_template::query_escape(first),
        "urldecode" => url_decode(first)?,
        "b64enc" => general_purpose::STANDARD.encode(first),
        "b64dec" => base64_decode(first)?,
        name => return Err(format!("function {name:?} not defined")),
    };
    Ok(Value::from(out))
}

fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut starts_word = true;
    for c in text.chars() {
        if starts_word {
            out.extend(c.to_uppercase());
        } else {
            out.push(c);
        }
        starts_word = c.is_whitespace();
    }
    out
}

fn url_decode(text: &str) -> Result<String, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        match c {
            '+' => out.push(b' '),
            '%' => {
                let code = rest.get(1..3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
                let shown = rest.get(..3).unwrap_or(rest);
                out.push(code.ok_or_else(|| format!("invalid URL escape {}", crate::gofmt::quote(shown)))?);
                length = 3;
            }
            _ => out.extend_from_slice(&rest.as_bytes()[..length]),
        }
        rest = &rest[length..];
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// Padding may be missing.
fn base64_decode(text: &str) -> Result<String, String> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = GeneralPurpose::new(&STANDARD, config)
        .decode(text)
        .map_err(|error| format!("illegal base64 data: {error}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn test(arguments: &Arguments<'_>) -> Answer {
    arguments.expect(2)?;
    let (part, text) = (arguments.text(0)?, arguments.text(1)?);
    Ok(Value::Bool(match arguments.name {
        "contains" => text.contains(part),
        "hasPrefix" => text.starts_with(part),
        _ => text.ends_with(part),
    }))
}

fn sized(arguments: &Arguments<'_>) -> Answer {
    arguments.expect(if arguments.name == "substr" { 3 } else { 2 })?;
    let size = arguments.int(0);
    let text = arguments.text(arguments.values.len() - 1)?;
    let characters: Vec<char> = text.chars().collect();
    let out = match arguments.name {
        "trunc" => trunc(size, &characters),
        "substr" => substr(size, arguments.int(1), &characters),
        "alignLeft" | "alignRight" => align(arguments.name == "alignLeft", size, &characters)?,
        "repeat" => text.repeat(bounded(size, text.len())?),
        name => {
            let padding = " ".repeat(bounded(size, text.lines().count())?);
            let body = text.replace('\n', &format!("\n{padding}"));
            let lead = if name == "nindent" { "\n" } else { "" };
            format!("{lead}{padding}{body}")
        }
    };
    Ok(Value::from(out))
}

/// A count that makes no more than the allowed bytes when each takes `unit` bytes.
fn bounded(count: i64, unit: usize) -> Result<usize, String> {
    let count = usize::try_from(count.max(0)).unwrap_or(usize::MAX);
    match count.checked_mul(unit.max(1)) {
        Some(total) if total <= MAX_TEXT_BYTES => Ok(count),
        _ => Err(format!("the text would be larger than {MAX_TEXT_BYTES} bytes")),
    }
}

fn trunc(size: i64, characters: &[char]) -> String {
    let length = characters.len() as i64;
    if size < 0 && length + size > 0 {
        return characters[(length + size) as usize..].iter().collect();
    }
    if size >= 0 && length > size {
        return characters[..size as usize].iter().collect();
    }
    characters.iter().collect()
}

fn substr(start: i64, end: i64, characters: &[char]) -> String {
    let length = characters.len() as i64;
    let (start, end) = (start.min(length), end.min(length));
    let range = match (start < 0, end < 0) {
        (true, true) => return String::new(),
        (true, false) => 0..end as usize,
        (false, true) => start as usize..characters.len(),
        (false, false) if start > end => return String::new(),
        (false, false) => start as usize..end as usize,
    };
    characters[range].iter().collect()
}

fn align(left: bool, size: i64, characters: &[char]) -> Result<String, String> {
    if size < 0 || size == characters.len() as i64 {
        return Ok(characters.iter().collect());
    }
    let size = bounded(size, 1)?;
    if let Some(missing) = size.checked_sub(characters.len()) {
        let text: String = characters.iter().collect();
        let padding = " ".repeat(missing);
        return Ok(if left { text + &padding } else { padding + &text });
    }
    let kept = if left {
        &characters[..size]
    } else {
        &characters[characters.len() - size..]
    };
    Ok(kept.iter().collect())
}

fn by_regex(arguments: &Arguments<'_>) -> Answer {
    let regex = |text: &str| skopos_core::re2::compile(text);
    if arguments.name == "count" {
        arguments.expect(2)?;
        let found = regex(arguments.text(0)?)?.find_iter(arguments.text(1)?).count();
        return Ok(Value::Int(found as i64));
    }
    arguments.expect(3)?;
    let (regex, text, replacement) = (regex(arguments.text(0)?)?, arguments.text(1)?, arguments.text(2)?);
    let out = if arguments.name == "regexReplaceAll" {
        regex.replace_all(text, replacement)
    } else {
        regex.replace_all(text, regex::NoExpand(replacement))
    };
    Ok(Value::from(out.into_owned()))
}

fn replace(arguments: &Arguments<'_>) -> Answer {
    let (text, old, new, count) = if arguments.name == "Replace" {
        arguments.expect(4)?;
        (
            arguments.text(0)?,
            arguments.text(1)?,
            arguments.text(2)?,
            arguments.int(3),
        )
    } else {
        arguments.expect(3)?;
        (arguments.text(2)?, arguments.text(0)?, arguments.text(1)?, -1)
    };
    let grown = text
        .len()
        .saturating_add(text.len().saturating_add(1).saturating_mul(new.len()));
    if grown > MAX_TEXT_BYTES && text.matches(old).count().saturating_mul(new.len()) > MAX_TEXT_BYTES {
        return Err(format!("the text would be larger than {MAX_TEXT_BYTES} bytes"));
    }
    let out = match usize::try_from(count) {
        Ok(count) => text.replacen(old, new, count),
        Err(_) => text.replace(old, new),
    };
    Ok(Value::from(out))
}

fn default(arguments: &Arguments<'_>) -> Answer {
    arguments.at_least(1)?;
    let given = arguments.values.get(1).filter(|value| value.is_true());
    Ok(given.unwrap_or(&arguments.values[0]).clone())
}

fn from_json(arguments: &Arguments<'_>) -> Answer {
    arguments.expect(1)?;
    let parsed: serde_json::Value = serde_json::from_str(arguments.text(0)?).unwrap_or(serde_json::Value::Null);
    Ok(to_value(&parsed))
}

fn to_value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        serde_json::Value::String(text) => Value::string(text),
        serde_json::Value::Array(items) => Value::list(items.iter().map(to_value).collect()),
        serde_json::Value::Object(members) => Value::map(
            members
                .iter()
                .map(|(name, value)| (name.clone(), to_value(value)))
                .collect(),
        ),
    }
}
