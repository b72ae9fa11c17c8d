//! One line of the protocol, read from front to back.

use std::borrow::Cow;

use crate::number::parse_float;

type Text<'a> = Cow<'a, str>;

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum FieldValue {
    /// A float, integer or boolean.
    Number(f64),
    /// A text, which no metric holds.
    Text,
}

/// A line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line<'a> {
    pub(super) measurement: Text<'a>,
    pub(super) tags: Vec<(Text<'a>, Text<'a>)>,
    pub(super) fields: Vec<(Text<'a>, FieldValue)>,
    pub(super) timestamp: Option<i64>,
}

impl<'a> Line<'a> {
    /// Reads a line; the error says what is wrong with it.
    pub(super) fn read(text: &'a str) -> Result<Self, String> {
        let mut reader = Reader { rest: text };
        let measurement = reader.word(&[',', ' ']);
        if measurement.is_empty() {
            return Err("missing measurement".to_owned());
        }
        let mut tags = Vec::new();
        while reader.eat(',') {
            let (name, value) = reader.tag()?;
            tags.push((name, value));
        }
        reader.blanks("missing fields")?;
        let mut fields = vec![reader.field()?];
        while reader.eat(',') {
            fields.push(reader.field()?);
        }
        let timestamp = reader.rest.trim();
        let timestamp = match timestamp {
            "" => None,
            digits => Some(
                digits
                    .parse()
                    .map_err(|_| format!("bad timestamp {:?}", shown(digits)))?,
            ),
        };
        Ok(Self {
            measurement,
            tags,
            fields,
            timestamp,
        })
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn eat(&mut self, wanted: char) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn blanks(&mut self, otherwise: &str) -> Result<(), String> {
        let rest = self.rest.trim_start_matches(' ');
        if rest.len() == self.rest.len() || rest.is_empty() {
            return Err(otherwise.to_owned());
        }
        self.rest = rest;
        Ok(())
    }

    /// The text up to one of `ends` that no backslash stands before; escapes are resolved.
    fn word(&mut self, ends: &[char]) -> Text<'a> {
        let mut is_escaped = false;
        let mut has_escapes = false;
        let mut end = self.rest.len();
        for (at, c) in self.rest.char_indices() {
            if is_escaped {
                is_escaped = false;
            } else if c == '\\' {
                (is_escaped, has_escapes) = (true, true);
            } else if ends.contains(&c) {
                end = at;
                break;
            }
        }
        let (word, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        if has_escapes {
            unescaped(word).into()
        } else {
            word.into()
        }
    }

    fn tag(&mut self) -> Result<(Text<'a>, Text<'a>), String> {
        let name = self.word(&['=', ',', ' ']);
        if name.is_empty() {
            return Err("missing tag key".to_owned());
        }
        if !self.eat('=') {
            return Err(format!("tag {:?} has no value", shown(&name)));
        }
        let value = self.word(&[',', ' ']);
        if value.is_empty() {
            return Err(format!("tag {:?} has no value", shown(&name)));
        }
        Ok((name, value))
    }

    fn field(&mut self) -> Result<(Text<'a>, FieldValue), String> {
        let name = self.word(&['=', ',', ' ']);
        if name.is_empty() {
            return Err("missing field key".to_owned());
        }
        if !self.eat('=') {
            return Err(format!("field {:?} has no value", shown(&name)));
        }
        if self.eat('"') {
            self.text(&name)?;
            return Ok((name, FieldValue::Text));
        }
        let end = self.rest.find([',', ' ']).unwrap_or(self.rest.len());
        let (value, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        let number = number(value).ok_or_else(|| {
            format!(
                "field {:?} has the value {:?}, which is none",
                shown(&name),
                shown(value)
            )
        })?;
        Ok((name, FieldValue::Number(number)))
    }

    /// Steps over a text and the quote that ends it.
    fn text(&mut self, name: &str) -> Result<(), String> {
        let mut is_escaped = false;
        for (at, c) in self.rest.char_indices() {
            match c {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '"' => {
                    self.rest = self.rest.get(at + 1..).unwrap_or_default();
                    return Ok(());
                }
                _ => {}
            }
        }
        Err(format!("field {:?} has a text that does not end", shown(name)))
    }
}

fn number(text: &str) -> Option<f64> {
    match text {
        "t" | "T" | "true" | "True" | "TRUE" => return Some(1.0),
        "f" | "F" | "false" | "False" | "FALSE" => return Some(0.0),
        _ => {}
    }
    if let Some(digits) = text.strip_suffix('i') {
        return digits.parse::<i64>().ok().map(|number| number as f64);
    }
    if let Some(digits) = text.strip_suffix('u') {
        return digits.parse::<u64>().ok().map(|number| number as f64);
    }
    parse_float(text.as_bytes()).filter(|number| number.is_finite())
}

/// Resolves `\,`, `\=`, `\ ` and `\\`; other backslashes stay.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(next @ (',' | '=' | ' ' | '\\'))) => {
                out.push(*next);
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}

/// A short piece of outside text, for errors.
fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}
