//! Looks for a field in a logfmt line. It does not check the rest of the line.

/// The value of the first of `fields` that the line has.
pub(super) fn find<'l>(line: &'l str, fields: &[String]) -> Option<&'l str> {
    let mut rest = line;
    while let Some(equals) = rest.find('=') {
        let key_start = rest[..equals]
            .rfind(|c: char| c <= ' ' || c == '"')
            .map_or(0, |at| at + 1);
        let key = &rest[key_start..equals];
        let after = &rest[equals + 1..];
        let (value, length) = value(after);
        if fields.iter().any(|field| field == key) {
            return Some(value);
        }
        rest = &after[length..];
    }
    None
}

/// The value at the start and the bytes that it takes.
fn value(text: &str) -> (&str, usize) {
    let Some(body) = text.strip_prefix('"') else {
        let end = text.find(|c: char| c <= ' ').unwrap_or(text.len());
        return (&text[..end], end);
    };
    let mut escaped = false;
    for (at, byte) in body.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return (&body[..at], at + 2),
            _ => {}
        }
    }
    (body, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_taken_for_keys() {
        let fields = ["level".to_owned()];
        assert_eq!(find(r#"msg="a level=x \" b" level=warn"#, &fields), Some("warn"));
        assert_eq!(find(r#"a=b sublevel=x level="Error" "#, &fields), Some("Error"));
        assert_eq!(find("no pairs", &fields), None);
        assert_eq!(find(r#"level="open"#, &fields), Some("open"));
    }
}
