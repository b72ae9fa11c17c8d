//! Go's `strconv.Unquote` for double-quoted texts that must be UTF-8.

/// The text inside the quotes; `None` where Go refuses it.
pub(super) fn unquote(quoted: &str) -> Option<String> {
    let body = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let mut bytes = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '"' | '\n' => return None,
            '\\' => rest = escape(rest, &mut bytes)?,
            c => push(&mut bytes, c),
        }
    }
    String::from_utf8(bytes).ok()
}

fn push(bytes: &mut Vec<u8>, c: char) {
    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Reads what follows a backslash and gives what follows that.
fn escape<'a>(rest: &'a str, bytes: &mut Vec<u8>) -> Option<&'a str> {
    let kind = rest.chars().next()?;
    let after = &rest[kind.len_utf8()..];
    let simple = match kind {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' => b'\\',
        '"' => b'"',
        'x' => return byte(after, 2, 16, bytes),
        '0'..='7' => return byte(rest, 3, 8, bytes),
        'u' => return code_point(after, 4, bytes),
        'U' => return code_point(after, 8, bytes),
        _ => return None,
    };
    bytes.push(simple);
    Some(after)
}

fn byte<'a>(rest: &'a str, digits: usize, radix: u32, bytes: &mut Vec<u8>) -> Option<&'a str> {
    let (value, after) = number(rest, digits, radix)?;
    bytes.push(u8::try_from(value).ok()?);
    Some(after)
}

fn code_point<'a>(rest: &'a str, digits: usize, bytes: &mut Vec<u8>) -> Option<&'a str> {
    let (value, after) = number(rest, digits, 16)?;
    push(bytes, char::from_u32(value)?);
    Some(after)
}

fn number(rest: &str, digits: usize, radix: u32) -> Option<(u32, &str)> {
    let text = rest.get(..digits)?;
    if !text.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    Some((u32::from_str_radix(text, radix).ok()?, &rest[digits..]))
}
