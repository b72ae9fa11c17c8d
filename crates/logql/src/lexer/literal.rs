//! Literals: quoted texts, numbers, and numbers with a unit of time or size.

/// Reads a quoted text at the start of `rest`: the text and the bytes it took.
pub(crate) fn unquote(rest: &str) -> Result<(String, usize), String> {
    if let Some(body) = rest.strip_prefix('`') {
        let end = body.find('`').ok_or("literal not terminated")?;
        return Ok((body[..end].replace('\r', ""), end + 2));
    }
    let mut out = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((out, at + 1)),
            '\n' => return Err("literal not terminated".to_owned()),
            '\\' => {
                let escape = rest.get(at + 1..).unwrap_or("");
                let (decoded, length) = unescape(escape).ok_or("invalid char escape")?;
                out.push(decoded);
                for _ in 0..escape[..length].chars().count() {
                    chars.next();
                }
            }
            c => out.push(c),
        }
    }
    Err("literal not terminated".to_owned())
}

/// Decodes what follows a backslash: the character and the bytes it took.
fn unescape(escape: &str) -> Option<(char, usize)> {
    let simple = match escape.chars().next()? {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        '\\' => '\\',
        '"' => '"',
        '\'' => '\'',
        'x' => return code_point(escape, 1, 2, 16),
        'u' => return code_point(escape, 1, 4, 16),
        'U' => return code_point(escape, 1, 8, 16),
        '0'..='7' => return code_point(escape, 0, 3, 8),
        _ => return None,
    };
    Some((simple, 1))
}

fn code_point(escape: &str, skip: usize, digits: usize, radix: u32) -> Option<(char, usize)> {
    let code = u32::from_str_radix(escape.get(skip..skip + digits)?, radix).ok()?;
    Some((char::from_u32(code)?, skip + digits))
}

/// Length of the number at the start of `rest`, as Go's scanner cuts it.
pub(crate) fn number_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let prefixed = bytes.first() == Some(&b'0')
        && matches!(bytes.get(1), Some(b'x' | b'X' | b'b' | b'B' | b'o' | b'O'))
        && bytes.get(2).is_some_and(u8::is_ascii_hexdigit);
    if prefixed {
        return 2 + prefixed_digits(&bytes[2..], matches!(bytes[1], b'x' | b'X'));
    }
    let mut length = digits(bytes);
    if bytes.get(length) == Some(&b'.') {
        length += 1;
        length += digits(&bytes[length..]);
    }
    length + exponent(&bytes[length..], b'e')
}

fn prefixed_digits(bytes: &[u8], hex: bool) -> usize {
    let digit = |b: &u8| {
        if hex {
            b.is_ascii_hexdigit() || *b == b'.'
        } else {
            b.is_ascii_digit()
        }
    };
    let length = bytes.iter().take_while(|b| digit(b)).count();
    length + if hex { exponent(&bytes[length..], b'p') } else { 0 }
}

fn digits(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| b.is_ascii_digit()).count()
}

fn exponent(bytes: &[u8], letter: u8) -> usize {
    if bytes.first().map(u8::to_ascii_lowercase) != Some(letter) {
        return 0;
    }
    let sign = usize::from(matches!(bytes.get(1), Some(b'+' | b'-')));
    match digits(&bytes[1 + sign..]) {
        0 => 0,
        count => 1 + sign + count,
    }
}

/// Tries to read the number of `length` bytes at the start as a duration: its value and bytes.
pub(crate) fn duration(rest: &str, length: usize) -> Option<(i64, usize)> {
    let unit = |c: char| c.is_numeric() || matches!(c, '.' | 'n' | 's' | 'u' | 'm' | 'h' | 'µ' | 'd' | 'w' | 'y');
    let total = with_unit(rest, length, unit)?;
    Some((crate::duration::parse(&rest[..total]).ok()?, total))
}

/// Tries to read the number of `length` bytes at the start as a size: its value and bytes.
pub(crate) fn bytes(rest: &str, length: usize) -> Option<(u64, usize)> {
    let unit = |c: char| c.is_numeric() || matches!(c, '.' | 'B' | 'i' | 'k' | 'K' | 'M' | 'G' | 'T' | 'P');
    let total = with_unit(rest, length, unit)?;
    Some((crate::bytesize::parse(&rest[..total]).ok()?, total))
}

fn with_unit(rest: &str, length: usize, unit: impl Fn(char) -> bool) -> Option<usize> {
    let tail = &rest[length..];
    let more = tail.find(|c| !unit(c)).unwrap_or(tail.len());
    (more > 0).then_some(length + more)
}
