//! Secrets in a text: its assignments and headers, after what is encoded in it.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::keys::{Class, Words};
use super::{MAX_DECODINGS, MAX_ROUNDS, MAX_TEXT, Profile, REDACTED, ServiceFilter, encoded, shapes};

/// Stands at the end of a text that was cut.
const CUT: &str = "[CUT]";
/// Shortest text with anything to find.
const MIN_TEXT: usize = 4;
/// Headers whose value is the rest of the line.
const LINE_HEADERS: &[&str] = &["authorization", "cookie"];

/// A name and the sign between it and its value, as JSON, YAML, headers, query strings and people write it.
static ASSIGNMENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"([A-Za-z_][A-Za-z0-9_.\-]{0,127})(?:\\{0,8}["']?\s{0,8}(?:=>|:=|[:=])\s{0,8}|\s{1,8}(?:is|was)\s{1,8})"#,
    )
    .expect("a constant expression, which the tests compile")
});
/// The name of a scheme before a credential.
static SCHEME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?i)(?:bearer|basic|token|digest|apikey|negotiate)\s{1,8}")
        .expect("a constant expression, which the tests compile")
});

impl ServiceFilter {
    pub(super) fn text<'a>(&self, text: &'a str, decodings: usize) -> Cow<'a, str> {
        if text.len() < MIN_TEXT || text == REDACTED {
            return Cow::Borrowed(text);
        }
        let mut now = cut(text);
        // What is left after a find may look like another.
        for _ in 0..MAX_ROUNDS {
            let next = cut_owned(self.once(&now, decodings));
            if next == now {
                break;
            }
            now = Cow::Owned(next);
        }
        now
    }

    fn once(&self, text: &str, decodings: usize) -> String {
        let json = (decodings < MAX_DECODINGS)
            .then(|| self.json(text, decodings))
            .flatten();
        let mut text = json.unwrap_or_else(|| text.to_owned());
        if decodings < MAX_DECODINGS {
            text = encoded::scrub(&text, |decoded| self.text(decoded, decodings + 1).into_owned());
        }
        text = self.assignments(&text);
        shapes::scrub(&text, self.profile == Profile::Strict)
    }

    /// A text that is JSON, if something in it had to go.
    fn json(&self, text: &str, decodings: usize) -> Option<String> {
        if !text.trim_start().starts_with(['{', '[', '"']) {
            return None;
        }
        let before: Value = serde_json::from_str(text).ok()?;
        let mut after = before.clone();
        self.value(&mut after, None, 0, decodings + 1);
        (after != before).then(|| after.to_string())
    }

    fn assignments(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let (mut copied, mut at) = (0, 0);
        while let Some(captures) = ASSIGNMENT.captures_at(text, at) {
            let (whole, key) = (captures.get_match(), &captures[1]);
            at = whole.end();
            let words = Words::of(key);
            let Some(class) = self.class(&words, None) else {
                continue;
            };
            let (start, end) = extent(text, whole.end(), class, &words);
            let value = &text[start..end];
            if value.is_empty() || text[start..].starts_with(REDACTED) {
                continue;
            }
            let replaced = match class {
                Class::Hashed => self.hash_in_text(value),
                Class::Amount if !value.bytes().any(|b| b.is_ascii_digit()) => continue,
                class if words.is_harmless(class, &Value::String(value.to_owned())) => continue,
                _ => REDACTED.to_owned(),
            };
            out.push_str(&text[copied..start]);
            out.push_str(&replaced);
            copied = end;
            at = end;
        }
        out.push_str(&text[copied..]);
        out
    }

    /// An id, or a list of them in brackets.
    fn hash_in_text(&self, value: &str) -> String {
        if !value.starts_with(['[', '{', '(']) {
            return self.issued.hash(value);
        }
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
        let mut out = String::new();
        let mut rest = value;
        while let Some(start) = rest.find(is_part) {
            let length = rest[start..].find(|c| !is_part(c)).unwrap_or(rest.len() - start);
            out.push_str(&rest[..start]);
            out.push_str(&self.issued.hash(&rest[start..start + length]));
            rest = &rest[start + length..];
        }
        out + rest
    }
}

/// Where the value of an assignment begins and ends. One that is not closed goes to the end of the text.
fn extent(text: &str, from: usize, class: Class, words: &Words) -> (usize, usize) {
    let rest = &text[from..];
    let escapes = rest.len() - rest.trim_start_matches('\\').len();
    let opening = rest[escapes..].chars().next();
    match opening {
        Some(quote @ ('"' | '\'' | '`')) => {
            let start = from + escapes + 1;
            (start, closing_quote(text, start, quote, escapes))
        }
        Some('[' | '{') if !rest.starts_with(REDACTED) => (from, closing_bracket(text, from)),
        _ => {
            let is_header = class == Class::Secret && LINE_HEADERS.iter().any(|name| words.is_header(name));
            let scheme = SCHEME.find(rest).map_or(0, |scheme| scheme.end());
            let ends = |c: char| match c {
                '\n' | '\r' | '"' | '\'' | '`' | '<' | '>' => true,
                _ if is_header => false,
                ',' => class != Class::Amount,
                ';' | '&' | ')' | '}' | ']' | '\\' => true,
                c => c.is_whitespace(),
            };
            let length = rest[scheme..].find(ends).unwrap_or(rest.len() - scheme);
            (from, from + scheme + length)
        }
    }
}

/// The quote that is escaped as often as the opening one.
fn closing_quote(text: &str, start: usize, quote: char, escapes: usize) -> usize {
    let mut backslashes = 0;
    for (index, c) in text[start..].char_indices() {
        if c == '\\' {
            backslashes += 1;
        } else {
            if c == quote && backslashes <= escapes {
                return start + index - backslashes;
            }
            backslashes = 0;
        }
    }
    text.len()
}

fn closing_bracket(text: &str, start: usize) -> usize {
    let mut open = 0_usize;
    for (index, c) in text[start..].char_indices() {
        match c {
            '[' | '{' => open += 1,
            ']' | '}' => open -= 1,
            _ => continue,
        }
        if open == 0 {
            return start + index + c.len_utf8();
        }
    }
    text.len()
}

fn cut(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_TEXT {
        return Cow::Borrowed(text);
    }
    let kept = text.floor_char_boundary(MAX_TEXT - CUT.len());
    Cow::Owned(format!("{}{CUT}", &text[..kept]))
}

fn cut_owned(text: String) -> String {
    match cut(&text) {
        Cow::Owned(cut) => cut,
        Cow::Borrowed(_) => text,
    }
}
