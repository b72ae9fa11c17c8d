//! The label name in `/api/v1/label/{name}/values`: percent-encoded bytes, maybe escaped as `U__…`.

use std::fmt::Write;

/// Prefix of names in which other characters are escaped (`model.ValueEncodingEscaping`).
const ESCAPED_PREFIX: &str = "U__";

/// Takes the name out of the request's path. The error is Prometheus' text.
pub(super) fn from_path(path: &str) -> Result<String, String> {
    let name = path.split('/').rev().nth(1).unwrap_or_default();
    let bytes = percent_decoded(name);
    match String::from_utf8(bytes) {
        Ok(name) if !name.is_empty() => Ok(unescaped(&name).unwrap_or(name)),
        Ok(_) => Err("invalid label name: \"\"".to_owned()),
        Err(error) => Err(format!("invalid label name: {}", quoted(error.as_bytes()))),
    }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let digit = |index: usize| tail.get(index).and_then(|byte| char::from(*byte).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (first, digit(0), digit(1)) {
            bytes.push((high * 16 + low) as u8);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    bytes
}

/// Undoes `U__`: `__` is an underscore, `_2e_` the character with that code. `None` if the name is
/// not so escaped.
fn unescaped(name: &str) -> Option<String> {
    let mut rest = name.strip_prefix(ESCAPED_PREFIX)?;
    let mut out = String::with_capacity(rest.len());
    while let Some(at) = rest.find('_') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let (code, tail) = after[1..].split_once('_')?;
        match code {
            "" => out.push('_'),
            code => out.push(char::from_u32(u32::from_str_radix(code, 16).ok()?)?),
        }
        rest = tail;
    }
    out.push_str(rest);
    Some(out)
}

/// Bytes as Go's `%q` prints them.
fn quoted(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        out.extend(chunk.valid().escape_debug());
        for byte in chunk.invalid() {
            write!(out, "\\x{byte:02x}").expect("writing to memory cannot fail");
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_decoded_and_unescaped() {
        let read = |name: &str| from_path(&format!("/api/v1/label/{name}/values"));
        assert_eq!(read("job"), Ok("job".to_owned()));
        assert_eq!(read("a%20b"), Ok("a b".to_owned()));
        assert_eq!(read("U__instance"), Ok("instance".to_owned()));
        assert_eq!(read("U__http_2e_status__code"), Ok("http.status_code".to_owned()));
        assert_eq!(read("U__odd_zz_"), Ok("U__odd_zz_".to_owned()));
        assert_eq!(read("%FF"), Err("invalid label name: \"\\xff\"".to_owned()));
    }
}
