//! Numbers as Go's `strconv` reads them: decimal, hexadecimal, octal, with `_` between digits.

/// Reads a number literal. The error is Go's text.
pub(crate) fn parse_number(text: &str) -> Result<f64, String> {
    if let Some(integer) = parse_integer(text) {
        return Ok(integer as f64);
    }
    let plain = text.replace('_', "");
    let invalid = |reason: &str| {
        let quoted = crate::quote::quote(text);
        format!("strconv.ParseFloat: parsing {quoted}: {reason}")
    };
    let value: f64 = plain.parse().map_err(|_| invalid("invalid syntax"))?;
    let names_infinity = plain
        .bytes()
        .any(|byte| byte.is_ascii_alphabetic() && !matches!(byte, b'e' | b'E'));
    if value.is_infinite() && !names_infinity {
        return Err(invalid("value out of range"));
    }
    Ok(value)
}

fn parse_integer(text: &str) -> Option<i64> {
    let plain = text.replace('_', "");
    let lower = plain.to_ascii_lowercase();
    let (digits, radix) = match lower.as_bytes() {
        [b'0', b'x', ..] => (&lower[2..], 16),
        [b'0', b'b', ..] => (&lower[2..], 2),
        [b'0', b'o', ..] => (&lower[2..], 8),
        [b'0', _, ..] => (&lower[1..], 8),
        _ => (lower.as_str(), 10),
    };
    i64::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::parse_number;

    #[test]
    fn reads_go_numbers() {
        for (text, value) in [
            ("0755", 493.0),
            ("08", 8.0),
            ("0xc", 12.0),
            ("1_000", 1000.0),
            ("5.5e-3", 0.0055),
            (".5", 0.5),
            ("3.", 3.0),
            ("Inf", f64::INFINITY),
        ] {
            assert_eq!(parse_number(text), Ok(value), "{text}");
        }
        assert!(parse_number("nAn").is_ok_and(f64::is_nan));
        assert!(parse_number("1e999").is_err_and(|text| text.ends_with("value out of range")));
        assert!(parse_number("0x").is_err());
    }
}
