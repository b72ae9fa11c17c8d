//! Go's string literals: quoting as `%q` prints, unquoting of the three kinds of quotes.

use std::fmt::Write;

/// Quotes `text` as Go's `strconv.Quote`.
#[must_use]
pub fn quote(text: &str) -> String {
    quote_with(text, '"')
}

/// Quotes a character as Go's `%q` of a rune.
#[must_use]
pub fn quote_char(c: char) -> String {
    quote_with(c.encode_utf8(&mut [0; 4]), '\'')
}

fn quote_with(text: &str, delimiter: char) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(delimiter);
    for c in text.chars() {
        push_escaped(&mut out, c, delimiter);
    }
    out.push(delimiter);
    out
}

fn push_escaped(out: &mut String, c: char, delimiter: char) {
    let short = match c {
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\u{c}' => 'f',
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        '\u{b}' => 'v',
        '\\' => '\\',
        _ if c == delimiter => c,
        _ if is_printable(c) => return out.push(c),
        _ => return push_code_point(out, c),
    };
    out.push('\\');
    out.push(short);
}

fn push_code_point(out: &mut String, c: char) {
    let code = u32::from(c);
    let written = match code {
        0..=0x7f => write!(out, "\\x{code:02x}"),
        0x80..=0xffff => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
    written.expect("writing to a string cannot fail");
}

fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return matches!(c, ' '..='~');
    }
    !c.is_control()
        && !c.is_whitespace()
        && !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{fffe}'..='\u{ffff}' | '\u{e000}'..='\u{f8ff}')
}

/// Reads a string literal with its quotes. Bytes above 0x7f that escapes make without forming
/// UTF-8 become U+FFFD.
pub fn unquote(literal: &str) -> Result<String, &'static str> {
    const INVALID: &str = "invalid syntax";
    let mut chars = literal.chars();
    let delimiter = chars.next().ok_or(INVALID)?;
    if literal.len() < 2 || chars.next_back() != Some(delimiter) || !matches!(delimiter, '"' | '\'' | '`') {
        return Err(INVALID);
    }
    let inner = chars.as_str();
    if delimiter == '`' {
        return if inner.contains('`') {
            Err(INVALID)
        } else {
            Ok(inner.to_owned())
        };
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => unescape(&mut rest, delimiter, &mut bytes).ok_or(INVALID)?,
            '\n' => return Err(INVALID),
            _ if c == delimiter => return Err(INVALID),
            _ => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

fn unescape(rest: &mut std::str::Chars<'_>, delimiter: char, out: &mut Vec<u8>) -> Option<()> {
    let simple = match rest.next()? {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' => b'\\',
        'x' => u8::try_from(digits(rest, 16, 2)?).ok()?,
        'u' => return push_char(digits(rest, 16, 4)?, out),
        'U' => return push_char(digits(rest, 16, 8)?, out),
        c @ '0'..='7' => {
            let high = c.to_digit(8)?;
            u8::try_from(high * 64 + digits(rest, 8, 2)?).ok()?
        }
        c if c == delimiter => u8::try_from(c).ok()?,
        _ => return None,
    };
    out.push(simple);
    Some(())
}

fn push_char(code: u32, out: &mut Vec<u8>) -> Option<()> {
    let c = char::from_u32(code)?;
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    Some(())
}

fn digits(rest: &mut std::str::Chars<'_>, radix: u32, count: usize) -> Option<u32> {
    let mut value = 0u32;
    for _ in 0..count {
        value = value.checked_mul(radix)?.checked_add(rest.next()?.to_digit(radix)?)?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_as_go_does() {
        assert_eq!(quote("a\"b\n\u{1}ü'"), r#""a\"b\n\x01ü'""#);
        assert_eq!(quote_char('\''), r"'\''");
        assert_eq!(quote_char('~'), "'~'");
    }

    #[test]
    fn unquotes_all_three_kinds() {
        assert_eq!(unquote(r#""a\x41\101\u00fc""#).as_deref(), Ok("aAAü"));
        assert_eq!(unquote(r"'it\'s'").as_deref(), Ok("it's"));
        assert_eq!(unquote(r"`raw\n`").as_deref(), Ok(r"raw\n"));
        assert!(unquote(r#""\q""#).is_err());
        assert!(unquote("\"").is_err());
    }
}
