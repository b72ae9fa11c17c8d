//! Go's `fmt`: how values print, and `printf`.

use std::fmt::{self, Write};

use crate::number::format_float;
use crate::time::format_duration;
use crate::value::Value;

/// Widest field and highest precision that a verb may ask for.
const MAX_WIDTH: usize = 10_000;

/// Appends formatted text.
pub(crate) fn push(out: &mut String, text: fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a string takes every text");
}

/// What `%v` prints.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Nil => "<no value>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => format_float(*value, 'v', None),
        Value::String(text) => text.to_string(),
        Value::Safe(safe) => safe.text.to_string(),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(inner_text).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Map(map) => {
            let pairs: Vec<String> = map
                .entries
                .iter()
                .map(|(name, value)| format!("{name}:{}", inner_text(value)))
                .collect();
            format!("map[{}]", pairs.join(" "))
        }
        Value::Time(time) => time.to_string(),
        Value::Duration(nanoseconds) => format_duration(*nanoseconds),
        Value::Object(object) => object.text(),
    }
}

fn inner_text(value: &Value) -> String {
    match value {
        Value::Nil => "<nil>".to_owned(),
        other => text(other),
    }
}

/// `fmt.Sprint`: a space between two values neither of which is text.
pub(crate) fn sprint(values: &[Value]) -> String {
    let mut out = String::new();
    for (i, value) in values.iter().enumerate() {
        let is_text = |value: &Value| value.as_str().is_some();
        if i > 0 && !is_text(value) && !is_text(&values[i - 1]) {
            out.push(' ');
        }
        out.push_str(&inner_text(value));
    }
    out
}

/// `fmt.Sprintln`.
pub(crate) fn sprintln(values: &[Value]) -> String {
    let texts: Vec<String> = values.iter().map(inner_text).collect();
    format!("{}\n", texts.join(" "))
}

/// One verb with its flags.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "a verb has five independent flags")]
struct Directive {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// `fmt.Sprintf`.
pub fn sprintf(format: &str, arguments: &[Value]) -> String {
    let mut out = String::with_capacity(format.len());
    let mut next = 0;
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let mut directive = Directive::default();
        rest = directive.read(rest, arguments, &mut next);
        let Some(verb) = rest.chars().next() else {
            out.push_str("%!(NOVERB)");
            break;
        };
        rest = &rest[verb.len_utf8()..];
        if verb == '%' {
            out.push('%');
            continue;
        }
        match arguments.get(next) {
            Some(value) => directive.write(&mut out, verb, value),
            None => push(&mut out, format_args!("%!{verb}(MISSING)")),
        }
        next += 1;
    }
    out.push_str(rest);
    if next < arguments.len() {
        write_extra(&mut out, &arguments[next..]);
    }
    out
}

fn write_extra(out: &mut String, extra: &[Value]) {
    let texts: Vec<String> = extra
        .iter()
        .map(|value| match value {
            Value::Nil => "<nil>".to_owned(),
            other => format!("{}={}", other.type_name(), text(other)),
        })
        .collect();
    push(out, format_args!("%!(EXTRA {})", texts.join(", ")));
}

impl Directive {
    /// Reads flags, width and precision; gives what follows.
    fn read<'a>(&mut self, mut rest: &'a str, arguments: &[Value], next: &mut usize) -> &'a str {
        while let Some(flag) = rest.chars().next() {
            match flag {
                '-' => self.minus = true,
                '+' => self.plus = true,
                '#' => self.sharp = true,
                ' ' => self.space = true,
                '0' => self.zero = true,
                _ => break,
            }
            rest = &rest[1..];
        }
        (self.width, rest) = read_size(rest, arguments, next);
        if let Some(after) = rest.strip_prefix('.') {
            let (precision, after) = read_size(after, arguments, next);
            self.precision = Some(precision.unwrap_or(0));
            rest = after;
        }
        self.zero &= !self.minus;
        rest
    }

    fn write(&self, out: &mut String, verb: char, value: &Value) {
        let text = match (verb, value) {
            ('v', Value::Float(number)) => self.float(*number, 'v'),
            ('v', Value::Int(number)) => self.integer(*number, verb),
            ('v', Value::String(text)) if self.sharp => quote(text),
            ('v', _) => inner_text(value),
            ('T', _) => value.type_name().to_owned(),
            ('t', Value::Bool(value)) => value.to_string(),
            ('d' | 'b' | 'o' | 'O' | 'x' | 'X' | 'c' | 'q' | 'U', Value::Int(number) | Value::Duration(number)) => {
                self.integer(*number, verb)
            }
            ('e' | 'E' | 'f' | 'F' | 'g' | 'G', Value::Float(number)) => self.float(*number, verb),
            (
                's' | 'q' | 'x' | 'X',
                Value::Time(_) | Value::Duration(_) | Value::String(_) | Value::Safe(_) | Value::Object(_),
            ) => self.string(&text(value), verb),
            ('s' | 'd' | 'q', Value::List(items)) => {
                let items: Vec<String> = items
                    .iter()
                    .map(|item| sprintf(&format!("%{verb}"), std::slice::from_ref(item)))
                    .collect();
                format!("[{}]", items.join(" "))
            }
            ('s', Value::Map(map)) if map.entries.values().all(|value| matches!(value, Value::String(_))) => {
                text(value)
            }
            (_, Value::Nil) => format!("%!{verb}(<nil>)"),
            _ => format!("%!{verb}({}={})", value.type_name(), text(value)),
        };
        self.pad(out, &text, matches!(value, Value::Int(_) | Value::Float(_)));
    }

    fn string(&self, text: &str, verb: char) -> String {
        let cut: String = match self.precision {
            Some(precision) => text.chars().take(precision).collect(),
            None => text.to_owned(),
        };
        match verb {
            'q' => quote(&cut),
            'x' => hex(&cut),
            'X' => hex(&cut).to_uppercase(),
            _ => cut,
        }
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, _, _) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            _ => "",
        }
    }

    fn integer(&self, number: i64, verb: char) -> String {
        let magnitude = number.unsigned_abs();
        let prefix = |text: &'static str| if self.sharp { text } else { "" };
        let digits = match verb {
            'b' => format!("{}{magnitude:b}", prefix("0b")),
            'o' => format!("{}{magnitude:o}", prefix("0")),
            'O' => format!("0o{magnitude:o}"),
            'x' => format!("{}{magnitude:x}", prefix("0x")),
            'X' => format!("{}{magnitude:X}", prefix("0X")),
            'U' => return format!("U+{magnitude:04X}"),
            'c' | 'q' => {
                let character = u32::try_from(number)
                    .ok()
                    .and_then(char::from_u32)
                    .unwrap_or('\u{fffd}');
                return if verb == 'c' {
                    character.to_string()
                } else {
                    format!("'{character}'")
                };
            }
            _ => magnitude.to_string(),
        };
        let digits = match self.precision {
            Some(precision) => format!("{digits:0>precision$}"),
            None => digits,
        };
        format!("{}{digits}", self.sign(number < 0))
    }

    fn float(&self, number: f64, verb: char) -> String {
        let precision = match verb {
            'e' | 'E' | 'f' | 'F' => Some(self.precision.unwrap_or(6)),
            _ => self.precision,
        };
        let text = format_float(number, verb, precision);
        let plain = text.trim_start_matches(['-', '+']);
        let infinite = number.is_infinite() && number > 0.0;
        let sign = if infinite {
            "+"
        } else {
            self.sign(text.starts_with('-'))
        };
        format!("{sign}{plain}")
    }

    fn pad(&self, out: &mut String, text: &str, is_number: bool) {
        let missing = self.width.unwrap_or(0).saturating_sub(text.chars().count());
        if self.minus {
            out.push_str(text);
            out.extend(std::iter::repeat_n(' ', missing));
        } else if self.zero && is_number {
            let sign_length = usize::from(text.starts_with(['-', '+', ' ']));
            out.push_str(&text[..sign_length]);
            out.extend(std::iter::repeat_n('0', missing));
            out.push_str(&text[sign_length..]);
        } else {
            out.extend(std::iter::repeat_n(' ', missing));
            out.push_str(text);
        }
    }
}

fn read_size<'a>(rest: &'a str, arguments: &[Value], next: &mut usize) -> (Option<usize>, &'a str) {
    if let Some(after) = rest.strip_prefix('*') {
        let size = match arguments.get(*next) {
            Some(Value::Int(size)) => usize::try_from(*size).ok(),
            _ => None,
        };
        *next += 1;
        return (size.map(|size| size.min(MAX_WIDTH)), after);
    }
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let size = rest[..length].parse::<usize>().ok();
    (size.map(|size| size.min(MAX_WIDTH)), &rest[length..])
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        push(&mut out, format_args!("{byte:02x}"));
        out
    })
}

/// `strconv.Quote`.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_ascii_control() => push(&mut out, format_args!("\\x{:02x}", u32::from(c))),
            c if c.is_control() => push(&mut out, format_args!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
