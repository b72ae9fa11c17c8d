//! Durations in Prometheus' and Go's notation, as nanoseconds.

use std::fmt::Write as _;

const MICRO: i64 = 1_000;
const MILLI: i64 = 1_000_000;
const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Prometheus' units, largest first, as they must follow each other.
const PROMETHEUS_UNITS: [(&str, i64); 7] = [
    ("y", 365 * DAY),
    ("w", 7 * DAY),
    ("d", DAY),
    ("h", HOUR),
    ("m", MINUTE),
    ("s", SECOND),
    ("ms", MILLI),
];

/// Reads a duration as Loki's lexer does: Prometheus' notation, else Go's.
pub fn parse(text: &str) -> Result<i64, String> {
    parse_prometheus(text).or_else(|_| parse_go(text))
}

/// Reads `1h30m`, `5d`, `0`.
pub fn parse_prometheus(text: &str) -> Result<i64, String> {
    if text.is_empty() {
        return Err("empty duration string".to_owned());
    }
    if text == "0" {
        return Ok(0);
    }
    let invalid = || format!("not a valid duration string: {text:?}");
    let mut rest = text;
    let mut total = 0i64;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let unit_length = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit_text = &rest[digits..digits + unit_length];
        let number: i64 = rest[..digits].parse().map_err(|_| invalid())?;
        let Some(found) = PROMETHEUS_UNITS[next_unit..]
            .iter()
            .position(|(name, _)| *name == unit_text)
        else {
            return Err(unknown_unit(unit_text, text).unwrap_or_else(invalid));
        };
        next_unit += found;
        total = number
            .checked_mul(PROMETHEUS_UNITS[next_unit].1)
            .and_then(|part| total.checked_add(part))
            .ok_or("duration out of range")?;
        next_unit += 1;
        rest = &rest[digits + unit_length..];
    }
    Ok(total)
}

fn unknown_unit(unit: &str, text: &str) -> Option<String> {
    let known = unit.is_empty() || PROMETHEUS_UNITS.iter().any(|(name, _)| *name == unit);
    (!known).then(|| format!("unknown unit {unit:?} in duration {text:?}"))
}

/// Reads Go's `time.ParseDuration` notation, with its error texts.
pub fn parse_go(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0f64;
    let mut exact = 0i64;
    while !rest.is_empty() {
        let number_length = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let number = &rest[..number_length];
        if number_length == 0 || number.matches('.').count() > 1 || number == "." {
            return Err(invalid());
        }
        rest = &rest[number_length..];
        let unit_length = rest
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(rest.len());
        let unit_text = &rest[..unit_length];
        if unit_text.is_empty() {
            return Err(format!("time: missing unit in duration {text:?}"));
        }
        let unit =
            go_unit(unit_text).ok_or_else(|| format!("time: unknown unit {unit_text:?} in duration {text:?}"))?;
        let part = number_times_unit(number, unit).ok_or_else(invalid)?;
        exact = exact.checked_add(part).ok_or_else(invalid)?;
        total += part as f64;
        rest = &rest[unit_length..];
    }
    if !total.is_finite() {
        return Err(invalid());
    }
    Ok(if negative { -exact } else { exact })
}

fn go_unit(name: &str) -> Option<i64> {
    Some(match name {
        "ns" => 1,
        "us" | "µs" | "μs" => MICRO,
        "ms" => MILLI,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        _ => return None,
    })
}

fn number_times_unit(number: &str, unit: i64) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut total = whole.checked_mul(unit)?;
    let mut scale = unit as f64;
    let mut part = 0f64;
    for digit in fraction.bytes() {
        scale /= 10.0;
        part += f64::from(digit - b'0') * scale;
    }
    total = total.checked_add((part + 1e-6) as i64)?;
    Some(total)
}

/// Writes a duration as Prometheus does: `1h30m`, `5d`, `0s`.
pub fn format_prometheus(duration_ns: i64) -> String {
    let mut rest = duration_ns.unsigned_abs() / MILLI as u64;
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    if duration_ns < 0 {
        out.push('-');
    }
    for (name, unit_ns) in PROMETHEUS_UNITS {
        let unit = unit_ns as u64 / MILLI as u64;
        // Years, weeks and days are only written where they are exact, as in Prometheus.
        if matches!(name, "y" | "w" | "d") && !rest.is_multiple_of(unit) {
            continue;
        }
        let count = rest / unit;
        if count > 0 {
            write!(out, "{count}{name}").expect("writing to a String cannot fail");
            rest -= count * unit;
        }
    }
    out
}

/// Writes a duration as Go's `Duration.String`: `1h30m0s`, `1.5s`, `20ms`.
pub fn format_go(duration_ns: i64) -> String {
    let sign = if duration_ns < 0 { "-" } else { "" };
    let ns = duration_ns.unsigned_abs();
    let fraction = |unit: i64| crate::gofmt::shortest(ns as f64 / unit as f64);
    match ns {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{ns}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", fraction(MICRO)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", fraction(MILLI)),
        _ => {
            let minutes = ns / MINUTE as u64;
            let seconds = crate::gofmt::shortest((ns % MINUTE as u64) as f64 / SECOND as f64);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_notations() {
        assert_eq!(parse("1w"), Ok(604_800 * SECOND));
        assert_eq!(parse("1h15m30.918273645s"), Ok(4_530_918_273_645));
        assert_eq!(parse("-123ms"), Ok(-123 * MILLI));
        assert_eq!(parse("1µs"), Ok(1000));
        assert_eq!(
            parse_go("1d"),
            Err(r#"time: unknown unit "d" in duration "1d""#.to_owned())
        );
        assert_eq!(parse_go("5"), Err(r#"time: missing unit in duration "5""#.to_owned()));
        assert!(parse_prometheus("1s1h").is_err() && parse_prometheus("99999999999999y").is_err());
    }

    #[test]
    fn writes_both_notations() {
        assert_eq!(format_prometheus(90 * MINUTE), "1h30m");
        assert_eq!(format_prometheus(5 * DAY), "5d");
        assert_eq!(format_go(20 * MILLI), "20ms");
        assert_eq!(format_go(5 * DAY), "120h0m0s");
        assert_eq!(format_go(1_500 * MILLI), "1.5s");
    }
}
