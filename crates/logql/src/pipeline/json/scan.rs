//! A JSON scanner that gives members as slices of the line. It checks what it walks over and
//! nothing else, as the parsers of Loki do.

use std::borrow::Cow;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    Text,
    Null,
    /// A number, `true` or `false`.
    Scalar,
}

/// A value as it stands in the line; texts without their quotes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'l> {
    pub(super) kind: Kind,
    pub(super) raw: &'l str,
}

impl<'l> Value<'l> {
    pub(super) fn object(raw: &'l str) -> Self {
        Self {
            kind: Kind::Object,
            raw,
        }
    }

    /// The value as a label: texts unescaped, everything else as written.
    pub(super) fn text(&self) -> Cow<'l, str> {
        match self.kind {
            Kind::Text => unescape(self.raw),
            _ => Cow::Borrowed(self.raw),
        }
    }
}

/// A name and its value.
pub(super) type Member<'l> = (Cow<'l, str>, Value<'l>);

/// The text is no JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

/// Walks over the members of one object or the elements of one array.
#[derive(Debug, Clone)]
pub(super) struct Scanner<'l> {
    text: &'l str,
    at: usize,
    first: bool,
}

impl<'l> Scanner<'l> {
    /// Starts on a text that must be an object.
    pub(super) fn object(text: &'l str) -> Result<Self, Broken> {
        Self::open(text, b'{').ok_or(Broken)
    }

    /// Starts on a text that must be an array.
    pub(super) fn array(text: &'l str) -> Option<Self> {
        Self::open(text, b'[')
    }

    fn open(text: &'l str, bracket: u8) -> Option<Self> {
        let mut scanner = Self {
            text,
            at: 0,
            first: true,
        };
        scanner.eat(bracket)?;
        Some(scanner)
    }

    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Steps to the next item: `Some(false)` at the closing bracket, `None` if the text is broken.
    fn more(&mut self, close: u8) -> Option<bool> {
        if self.peek()? == close {
            return Some(false);
        }
        if !std::mem::take(&mut self.first) {
            self.eat(b',')?;
            // A comma before the closing bracket is let pass, as in Loki.
            return Some(self.peek()? != close);
        }
        Some(true)
    }

    /// The next member, `None` at the end.
    pub(super) fn member(&mut self) -> Result<Option<Member<'l>>, Broken> {
        if !self.more(b'}').ok_or(Broken)? {
            return Ok(None);
        }
        self.key_and_value().map(Some).ok_or(Broken)
    }

    fn key_and_value(&mut self) -> Option<Member<'l>> {
        self.peek()?;
        let key = unescape(self.quoted()?);
        self.eat(b':')?;
        Some((key, self.value()?))
    }

    /// The element of that index, if there is one.
    pub(super) fn element(mut self, index: usize) -> Option<Value<'l>> {
        for _ in 0..index {
            self.more(b']')?.then(|| self.value())??;
        }
        self.more(b']')?.then(|| self.value())?
    }

    /// Walks over all members.
    pub(super) fn skip_all(mut self) -> Result<(), Broken> {
        while self.member()?.is_some() {}
        Ok(())
    }

    fn value(&mut self) -> Option<Value<'l>> {
        let (kind, raw) = match self.peek()? {
            b'"' => (Kind::Text, self.quoted()?),
            b'{' => (Kind::Object, self.nested(b'{', b'}')?),
            b'[' => (Kind::Array, self.nested(b'[', b']')?),
            _ => {
                let raw = self.scalar()?;
                (if raw == "null" { Kind::Null } else { Kind::Scalar }, raw)
            }
        };
        Some(Value { kind, raw })
    }

    /// The text between the quotes at the position.
    fn quoted(&mut self) -> Option<&'l str> {
        let bytes = self.text.as_bytes();
        if bytes.get(self.at) != Some(&b'"') {
            return None;
        }
        let start = self.at + 1;
        let mut end = start;
        loop {
            end += memchr::memchr2(b'"', b'\\', bytes.get(end..)?)?;
            if bytes[end] == b'"' {
                break;
            }
            end += 2;
        }
        self.at = end + 1;
        self.text.get(start..end)
    }

    /// The object or array at the position, found by counting its brackets.
    fn nested(&mut self, open: u8, close: u8) -> Option<&'l str> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut depth = 0usize;
        while let Some(&byte) = bytes.get(self.at) {
            if byte == b'"' {
                self.quoted()?;
                continue;
            }
            self.at += 1;
            if byte == open {
                depth += 1;
            } else if byte == close {
                depth -= 1;
                if depth == 0 {
                    return self.text.get(start..self.at);
                }
            }
        }
        None
    }

    fn scalar(&mut self) -> Option<&'l str> {
        let rest = self.text.get(self.at..)?;
        let length = rest
            .bytes()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.'))
            .count();
        let raw = &rest[..length];
        let is_word = matches!(raw, "null" | "true" | "false");
        let is_number = raw.starts_with(|c: char| c == '-' || c.is_ascii_digit()) && raw.parse::<f64>().is_ok();
        self.at += length;
        (is_word || is_number).then_some(raw)
    }
}

/// Decodes the escapes of a JSON text; a broken one makes it empty.
fn unescape(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(decode(raw).unwrap_or_default())
}

fn decode(raw: &str) -> Option<String> {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = rest[at + 1..].chars().next()?;
        rest = &rest[at + 1 + escape.len_utf8()..];
        out.push(match escape {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            '"' | '\\' | '/' => escape,
            'u' => unicode(&mut rest)?,
            _ => return None,
        });
    }
    out.push_str(rest);
    Some(out)
}

/// `XXXX` after `\u`, with the second half of a surrogate pair where there is one.
fn unicode(rest: &mut &str) -> Option<char> {
    let first = u32::from_str_radix(rest.get(..4)?, 16).ok()?;
    *rest = &rest[4..];
    if !(0xd800..0xdc00).contains(&first) {
        return Some(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    let second = rest
        .strip_prefix("\\u")
        .and_then(|after| u32::from_str_radix(after.get(..4)?, 16).ok())
        .filter(|second| (0xdc00..0xe000).contains(second));
    let Some(second) = second else {
        return Some(char::REPLACEMENT_CHARACTER);
    };
    *rest = &rest[6..];
    char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_slices() {
        let mut scanner = Scanner::object(r#" {"a":1, "b":{"c":"}"}, "d":"x\"\u00e9\ud83d\ude00"}"#).expect("object");
        let (_, a) = scanner.member().ok().flatten().expect("a");
        assert_eq!(a.raw, "1");
        let (_, b) = scanner.member().ok().flatten().expect("b");
        assert_eq!((b.kind, b.raw), (Kind::Object, r#"{"c":"}"}"#));
        let (_, d) = scanner.member().ok().flatten().expect("d");
        assert_eq!(d.text(), "x\"é😀");
        assert_eq!(scanner.member().map(|end| end.is_none()), Ok(true));
    }

    #[test]
    fn broken_texts_are_refused() {
        for text in [
            r#"{"a"#,
            r#"{"a":"#,
            r#"{"a":1"#,
            r#"{"a":tru}"#,
            "{a:1}",
            r#"{"a":1 "b":2}"#,
            r#"{"a":"\"#,
            "",
        ] {
            let complete = Scanner::object(text).and_then(Scanner::skip_all);
            assert_eq!(complete, Err(Broken), "{text}");
        }
    }
}
