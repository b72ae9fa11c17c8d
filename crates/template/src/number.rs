//! Numbers: constants in templates, and floats printed by Go's verbs.

/// Exponents from here on are written where no precision is asked for (`strconv/ftoa.go`).
const SHORTEST_PRECISION: i32 = 6;

/// A constant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Int(i64),
    Float(f64),
}

/// Reads a constant as Go's lexer allows it: decimal, `0x`, `0o`, `0b`, `_` between digits,
/// floats with an exponent.
pub(crate) fn parse(text: &str) -> Option<Number> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let cleaned = digits.replace('_', "");
    let lower = cleaned.to_ascii_lowercase();
    let based = |radix: u32, prefix: usize| i64::from_str_radix(lower.get(prefix..)?, radix).ok();
    let whole = match lower.get(..2) {
        Some("0x") => based(16, 2),
        Some("0o") => based(8, 2),
        Some("0b") => based(2, 2),
        _ if lower.len() > 1 && lower.starts_with('0') && lower.bytes().all(|b| b.is_ascii_digit()) => based(8, 1),
        _ => lower.parse().ok(),
    };
    match whole {
        Some(value) => Some(Number::Int(if negative { -value } else { value })),
        None if lower.bytes().all(|b| b.is_ascii_digit() || b".e+-".contains(&b)) => {
            let value: f64 = lower.parse().ok()?;
            Some(Number::Float(if negative { -value } else { value }))
        }
        None => None,
    }
}

/// Prints a float by one of Go's verbs `e`, `E`, `f`, `F`, `g`, `G`; without a precision the
/// shortest text that reads back to the same value. `v` is `g`.
pub fn format_float(value: f64, verb: char, precision: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let text = match (verb, precision) {
        ('f' | 'F', Some(precision)) => format!("{value:.precision$}"),
        ('f' | 'F', None) => format!("{value}"),
        ('e' | 'E', precision) => scientific(value, precision),
        (_, precision) => general(value, precision),
    };
    if verb.is_ascii_uppercase() {
        text.to_uppercase()
    } else {
        text
    }
}

fn scientific(value: f64, precision: Option<usize>) -> String {
    let text = match precision {
        Some(precision) => format!("{value:.precision$e}"),
        None => format!("{value:e}"),
    };
    let (mantissa, exponent) = split_exponent(&text);
    join_exponent(mantissa, exponent)
}

/// Mantissa and exponent of what Rust's `{:e}` prints.
fn split_exponent(text: &str) -> (&str, i32) {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    (mantissa, exponent.parse().unwrap_or(0))
}

fn join_exponent(mantissa: &str, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// `%g`: an exponent where it is below -4 or not below the precision, which counts as 6 for the
/// shortest text.
fn general(value: f64, precision: Option<usize>) -> String {
    let digits = precision.map(|precision| precision.max(1));
    let text = match digits {
        Some(digits) => format!("{value:.*e}", digits - 1),
        None => format!("{value:e}"),
    };
    let (mantissa, exponent) = split_exponent(&text);
    let threshold = digits.map_or(SHORTEST_PRECISION, |digits| digits as i32);
    if exponent < -4 || exponent >= threshold {
        return join_exponent(trim_zeros(mantissa), exponent);
    }
    let decimals = match digits {
        Some(digits) => (digits as i32 - 1 - exponent).max(0) as usize,
        None => return format!("{value}"),
    };
    trim_zeros(&format!("{value:.decimals$}")).to_owned()
}

fn trim_zeros(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}
