//! Reads the JSON that parts hold. Strict, without recursion beyond a bound.

use skopos_core::span::{AttributeValue, Attributes, SpanEvent, SpanLink};

/// Text that is not such JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("broken JSON at byte {position}: {reason}")]
pub(in crate::part) struct JsonError {
    position: usize,
    reason: &'static str,
}

/// Deepest nesting: that of records, with the wrappers of single values.
const MAX_DEPTH: usize = 2 * crate::record::MAX_DEPTH + 8;

/// An object as attributes.
pub(in crate::part) fn read_attributes(text: &str) -> Result<Attributes, JsonError> {
    if text == "{}" {
        return Ok(Vec::new());
    }
    let mut reader = Reader { text, position: 0 };
    let attributes = reader.object(ObjectKind::Attributes, 0)?;
    reader.end()?;
    Ok(attributes)
}

/// A value.
pub(in crate::part) fn read_value(text: &str) -> Result<AttributeValue, JsonError> {
    let mut reader = Reader { text, position: 0 };
    let value = reader.value(0)?;
    reader.end()?;
    Ok(value)
}

/// A list of events; none of an empty text.
pub(in crate::part) fn read_events(text: &str) -> Result<Vec<SpanEvent>, JsonError> {
    let read = |mut fields: Fields| {
        Some(SpanEvent {
            timestamp_ns: match fields.take("time_unix_nano")? {
                AttributeValue::Int(timestamp_ns) => timestamp_ns,
                _ => return None,
            },
            name: fields.text("name")?,
            attributes: fields.map("attributes")?,
        })
    };
    read_list(text, read)
}

/// A list of links; none of an empty text.
pub(in crate::part) fn read_links(text: &str) -> Result<Vec<SpanLink>, JsonError> {
    let read = |mut fields: Fields| {
        Some(SpanLink {
            trace_id: skopos_core::span::TraceId(hex_array(&fields.text("trace_id")?)?),
            span_id: skopos_core::span::SpanId(hex_array(&fields.text("span_id")?)?),
            trace_state: fields.text("trace_state")?,
            attributes: fields.map("attributes")?,
        })
    };
    read_list(text, read)
}

fn hex_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    hex::decode(text).ok()?.try_into().ok()
}

fn read_list<T>(text: &str, read: impl Fn(Fields) -> Option<T>) -> Result<Vec<T>, JsonError> {
    let mut items = Vec::new();
    if text.is_empty() {
        return Ok(items);
    }
    let mut reader = Reader { text, position: 0 };
    reader.expect(b'[')?;
    loop {
        let fields = Fields(reader.object(ObjectKind::Fields, 0)?);
        match read(fields) {
            Some(item) => items.push(item),
            None => return reader.error("a field is missing"),
        }
        if !reader.take(b',') {
            break;
        }
    }
    reader.expect(b']')?;
    reader.end()?;
    Ok(items)
}

/// The fields of an event or a link.
struct Fields(Attributes);

impl Fields {
    fn take(&mut self, name: &str) -> Option<AttributeValue> {
        let position = self.0.iter().position(|(own, _)| own == name)?;
        Some(self.0.remove(position).1)
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            AttributeValue::String(text) => Some(text),
            _ => None,
        }
    }

    fn map(&mut self, name: &str) -> Option<Attributes> {
        match self.take(name)? {
            AttributeValue::Map(pairs) => Some(pairs),
            _ => None,
        }
    }
}

/// What an object stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ObjectKind {
    /// Attributes, whatever their names.
    Attributes,
    /// An event or a link.
    Fields,
    /// A value: a map, or a special value with one name that starts with `$`.
    Value,
}

struct Reader<'a> {
    text: &'a str,
    position: usize,
}

impl Reader<'_> {
    fn error<T>(&self, reason: &'static str) -> Result<T, JsonError> {
        Err(JsonError {
            position: self.position,
            reason,
        })
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.position += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.take(byte) {
            return Ok(());
        }
        self.error("unexpected character")
    }

    fn end(&self) -> Result<(), JsonError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => self.error("something follows"),
        }
    }

    fn object(&mut self, kind: ObjectKind, depth: usize) -> Result<Attributes, JsonError> {
        let mut pairs = Vec::new();
        self.expect(b'{')?;
        if self.take(b'}') {
            return Ok(pairs);
        }
        loop {
            let name = self.string()?;
            self.expect(b':')?;
            let holds_attributes = match kind {
                ObjectKind::Attributes => false,
                ObjectKind::Fields => name == "attributes",
                ObjectKind::Value => pairs.is_empty() && name == "$map",
            };
            let value = if holds_attributes && self.peek() == Some(b'{') {
                AttributeValue::Map(self.object(ObjectKind::Attributes, depth + 1)?)
            } else {
                self.value(depth + 1)?
            };
            pairs.push((name, value));
            if !self.take(b',') {
                break;
            }
        }
        self.expect(b'}')?;
        Ok(pairs)
    }

    fn value(&mut self, depth: usize) -> Result<AttributeValue, JsonError> {
        if depth > MAX_DEPTH {
            return self.error("nested too deep");
        }
        match self.peek() {
            Some(b'"') => Ok(AttributeValue::String(self.string()?)),
            Some(b'{') => {
                let pairs = self.object(ObjectKind::Value, depth)?;
                self.special(pairs)
            }
            Some(b'[') => self.array(depth),
            Some(b't') => self.word("true", AttributeValue::Bool(true)),
            Some(b'f') => self.word("false", AttributeValue::Bool(false)),
            _ => self.number(),
        }
    }

    fn special(&self, mut pairs: Attributes) -> Result<AttributeValue, JsonError> {
        let is_special = matches!(pairs.as_slice(), [(name, _)] if name.starts_with('$'));
        if !is_special {
            // A first `$map` among others was a name like any other: its value is read as one.
            return match pairs.first_mut() {
                Some((name, AttributeValue::Map(inner))) if name == "$map" => {
                    pairs[0].1 = self.special(std::mem::take(inner))?;
                    Ok(AttributeValue::Map(pairs))
                }
                _ => Ok(AttributeValue::Map(pairs)),
            };
        }
        let Some((name, value)) = pairs.pop() else {
            return self.error("an object is empty");
        };
        let read = match (name.as_str(), value) {
            ("$bytes", AttributeValue::String(text)) => hex::decode(text).ok().map(AttributeValue::Bytes),
            ("$double", AttributeValue::String(text)) => text.parse().ok().map(AttributeValue::Double),
            ("$map", AttributeValue::Map(pairs)) => Some(AttributeValue::Map(pairs)),
            _ => None,
        };
        read.map_or_else(|| self.error("unknown special value"), Ok)
    }

    fn array(&mut self, depth: usize) -> Result<AttributeValue, JsonError> {
        let mut items = Vec::new();
        self.expect(b'[')?;
        if self.take(b']') {
            return Ok(AttributeValue::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if !self.take(b',') {
                break;
            }
        }
        self.expect(b']')?;
        Ok(AttributeValue::Array(items))
    }

    fn word(&mut self, word: &str, value: AttributeValue) -> Result<AttributeValue, JsonError> {
        if self.text[self.position..].starts_with(word) {
            self.position += word.len();
            return Ok(value);
        }
        self.error("unknown word")
    }

    fn number(&mut self) -> Result<AttributeValue, JsonError> {
        let rest = &self.text.as_bytes()[self.position..];
        let length = rest.iter().take_while(|byte| b"0123456789+-.eE".contains(byte)).count();
        let text = &self.text[self.position..self.position + length];
        let value = if text.contains(['.', 'e', 'E']) {
            text.parse().ok().map(AttributeValue::Double)
        } else {
            text.parse().ok().map(AttributeValue::Int)
        };
        match value {
            Some(value) => {
                self.position += length;
                Ok(value)
            }
            None => self.error("no value"),
        }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.expect(b'"')?;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.position..];
            let Some(stop) = rest.find(['"', '\\']) else {
                return self.error("a string does not end");
            };
            out.push_str(&rest[..stop]);
            self.position += stop + 1;
            if rest.as_bytes()[stop] == b'"' {
                return Ok(out);
            }
            out.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let kind = self.peek();
        self.position += 1;
        match kind {
            Some(b'"') => Ok('"'),
            Some(b'\\') => Ok('\\'),
            Some(b'n') => Ok('\n'),
            Some(b'r') => Ok('\r'),
            Some(b't') => Ok('\t'),
            Some(b'u') => {
                let digits = self.text.get(self.position..self.position + 4);
                let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
                match code.and_then(char::from_u32) {
                    Some(c) => {
                        self.position += 4;
                        Ok(c)
                    }
                    None => self.error("broken escape"),
                }
            }
            _ => {
                self.position -= 1;
                self.error("unknown escape")
            }
        }
    }
}
