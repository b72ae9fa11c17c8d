//! The classic grammar: tolerant, and without names beyond `[a-zA-Z_:][a-zA-Z0-9_:]*`.

use skopos_core::MatchOp;
use skopos_core::labels::is_legacy_metric_name;

use super::{Matcher, MatcherError};

/// Reads matchers separated by commas, with or without braces.
pub(super) fn parse(input: &str) -> Result<Vec<Matcher>, MatcherError> {
    let input = input.strip_prefix('{').unwrap_or(input);
    let input = input.strip_suffix('}').unwrap_or(input);
    split(input).into_iter().map(parse_one).collect()
}

/// Splits at commas outside quotes; what follows the last one may be blank.
fn split(input: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut is_quoted, mut is_escaped) = (0, false, false);
    for (at, c) in input.char_indices() {
        match c {
            ',' if !is_quoted => {
                parts.push(&input[start..at]);
                start = at + 1;
            }
            // A comma inside quotes leaves a backslash before it in force.
            ',' => {}
            '"' if is_escaped => is_escaped = false,
            '"' => is_quoted = !is_quoted,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    let last = input[start..].trim();
    if !last.is_empty() {
        parts.push(last);
    }
    parts
}

/// Reads one matcher: name, operator, value.
pub(super) fn parse_one(input: &str) -> Result<Matcher, MatcherError> {
    let bad_format = || MatcherError::Format(input.to_owned());
    let trimmed = trim(input);
    let end = trimmed
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | ':')))
        .unwrap_or(trimmed.len());
    let (name, rest) = trimmed.split_at(end);
    if !is_legacy_metric_name(name) {
        return Err(bad_format());
    }
    let rest = trim(rest);
    let (op, value) = [
        ("=~", MatchOp::Regex),
        ("=", MatchOp::Equal),
        ("!=", MatchOp::NotEqual),
        ("!~", MatchOp::NotRegex),
    ]
    .into_iter()
    .find_map(|(text, op)| Some((op, rest.strip_prefix(text)?)))
    .ok_or_else(bad_format)?;
    Ok(Matcher::new(op, name, unescape(trim(value))?)?)
}

/// Without the white space that Go's `\s` matches around it.
fn trim(text: &str) -> &str {
    text.trim_matches(['\t', '\n', '\u{c}', '\r', ' '])
}

fn unescape(raw: &str) -> Result<String, MatcherError> {
    let unescaped_quote = || MatcherError::UnescapedQuote(raw.to_owned());
    let (text, mut expects_quote) = match raw.strip_prefix('"') {
        Some(text) => (text, true),
        None => (raw, false),
    };
    let mut value = String::with_capacity(text.len());
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        let is_last = at + c.len_utf8() == text.len();
        match c {
            '\\' if is_last => value.push('\\'),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                Some((_, other)) => value.extend(['\\', other]),
                None => value.push('\\'),
            },
            '"' if expects_quote && is_last => expects_quote = false,
            '"' => return Err(unescaped_quote()),
            other => value.push(other),
        }
    }
    if expects_quote {
        return Err(unescaped_quote());
    }
    Ok(value)
}
