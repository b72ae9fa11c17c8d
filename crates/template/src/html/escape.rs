//! The escaping of each place (`html/template`: html.go, url.go, css.go, js.go).

use super::UrlPart;
use crate::format::{push, text};
use crate::value::{Safe, SafePlace, Value};

/// What stands in place of a value that is dangerous where it stands.
pub(super) const REFUSED: &str = "ZgotmplZ";

/// What `html/template` prints: nothing where there is no value.
fn shown(value: &Value) -> String {
    match value {
        Value::Nil => String::new(),
        other => text(other),
    }
}

fn safe(value: &Value, place: SafePlace) -> Option<&str> {
    match value {
        Value::Safe(Safe { place: at, text }) if *at == place => Some(text),
        _ => None,
    }
}

/// Between tags.
pub(super) fn html(value: &Value, out: &mut String) {
    match safe(value, SafePlace::Html) {
        Some(text) => out.push_str(text),
        None => replace(&shown(value), out, true),
    }
}

/// In `title` and `textarea`.
pub(super) fn rcdata(value: &Value, out: &mut String) {
    match safe(value, SafePlace::Html) {
        Some(text) => replace(text, out, false),
        None => replace(&shown(value), out, true),
    }
}

/// In a quoted attribute.
pub(super) fn attribute(value: &Value, out: &mut String) {
    match safe(value, SafePlace::Html) {
        Some(text) => replace(&without_tags(text), out, false),
        None => replace(&shown(value), out, true),
    }
}

fn without_tags(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut in_tag = false;
    for c in html.chars() {
        match c {
            '<' => in_tag = true,
            '>' if in_tag => in_tag = false,
            c if !in_tag => out.push(c),
            _ => {}
        }
    }
    out
}

fn replace(text: &str, out: &mut String, escapes_ampersand: bool) {
    for c in text.chars() {
        match c {
            '\0' => out.push('\u{fffd}'),
            '"' => out.push_str("&#34;"),
            '&' if escapes_ampersand => out.push_str("&amp;"),
            '\'' => out.push_str("&#39;"),
            '+' => out.push_str("&#43;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
}

/// In an attribute without quotes.
pub(super) fn unquoted(value: &Value, out: &mut String) {
    let text = shown(value);
    if text.is_empty() {
        out.push_str(REFUSED);
    }
    for c in text.chars() {
        match c {
            '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | ' ' | '=' | '`' => {
                push(out, format_args!("&#{};", u32::from(c)));
            }
            c => replace(c.encode_utf8(&mut [0; 4]), out, true),
        }
    }
}

/// In an attribute that holds a URL. Schemes other than those of the web and of mail are refused.
pub(super) fn url(value: &Value, part: UrlPart) -> String {
    let is_safe = safe(value, SafePlace::Url).is_some();
    let text = shown(value);
    if part == UrlPart::Start && !is_safe && !has_safe_scheme(&text) {
        return format!("#{REFUSED}");
    }
    let keeps_reserved = is_safe || part != UrlPart::Query;
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    for (at, byte) in bytes.iter().enumerate() {
        let is_escape = *byte == b'%'
            && bytes
                .get(at + 1..at + 3)
                .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let is_kept = byte.is_ascii_alphanumeric()
            || b"-._~".contains(byte)
            || keeps_reserved && (is_escape || b"!#$&*+,/:;=?@[]".contains(byte));
        if is_kept {
            out.push(char::from(*byte));
        } else {
            push(&mut out, format_args!("%{byte:02x}"));
        }
    }
    out
}

fn has_safe_scheme(url: &str) -> bool {
    match url.split_once(':') {
        Some((scheme, _)) if !scheme.contains('/') => ["http", "https", "mailto"]
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known)),
        _ => true,
    }
}

/// In a style.
pub(super) fn css(value: &Value) -> String {
    let text = shown(value);
    let letters: String = text
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let is_dangerous = text.contains(|c: char| "\0\"'()/;@[\\]`{}<>".contains(c))
        || text.contains("--")
        || letters.contains("expression")
        || letters.contains("mozbinding");
    if is_dangerous { REFUSED.to_owned() } else { text }
}

/// In a script: a literal, or a part of the text between quotes.
pub(super) fn javascript(value: &Value, in_quotes: bool) -> String {
    match value {
        Value::Nil if !in_quotes => " null ".to_owned(),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) if !in_quotes => format!(" {} ", text(value)),
        _ => {
            let mut out = String::new();
            for c in shown(value).chars() {
                match c {
                    '\n' => out.push_str("\\n"),
                    '\r' => out.push_str("\\r"),
                    '\t' => out.push_str("\\t"),
                    '\\' => out.push_str("\\\\"),
                    '"' if !in_quotes => out.push_str("\\\""),
                    '/' if in_quotes => out.push_str("\\/"),
                    '"' | '\'' | '+' | '`' if in_quotes => push(&mut out, format_args!("\\u{:04x}", u32::from(c))),
                    '&' | '<' | '>' | '\0'..='\x1f' | '\u{2028}' | '\u{2029}' => {
                        push(&mut out, format_args!("\\u{:04x}", u32::from(c)));
                    }
                    c => out.push(c),
                }
            }
            if in_quotes { out } else { format!("\"{out}\"") }
        }
    }
}
