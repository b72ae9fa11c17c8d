//! Prometheus durations: `1h30m`, whole units in falling order, each at most once.

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;
const YEAR: i64 = 365 * DAY;

/// The longest duration: what Go's nanoseconds in 64 bits hold, in milliseconds.
pub const MAX_DURATION_MS: i64 = i64::MAX / 1_000_000;

/// Units in the order in which they may follow each other, with their milliseconds. `exact` says
/// that printing uses the unit only if nothing remains below it.
const UNITS: [(&str, i64, bool); 7] = [
    ("y", YEAR, true),
    ("w", WEEK, true),
    ("d", DAY, false),
    ("h", HOUR, false),
    ("m", MINUTE, false),
    ("s", SECOND, false),
    ("ms", 1, false),
];

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// The text is empty.
    #[error("empty duration string")]
    Empty,
    /// Unknown unit, wrong order, a fraction, or no unit at all.
    #[error("not a valid duration string: {}", crate::quote::quote(.0))]
    Invalid(String),
    /// More than about 292 years.
    #[error("duration out of range")]
    OutOfRange,
}

/// Milliseconds of a duration text; `0` needs no unit.
pub fn parse_duration(text: &str) -> Result<i64, DurationError> {
    match text {
        "0" => return Ok(0),
        "" => return Err(DurationError::Empty),
        _ => {}
    }
    let invalid = || DurationError::Invalid(text.to_owned());
    let (mut rest, mut total_ms, mut next_unit) = (text, 0i64, 0);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let unit_length = after.bytes().take_while(u8::is_ascii_lowercase).count();
        let (unit, after) = after.split_at(unit_length);
        let position = UNITS[next_unit..].iter().position(|(name, _, _)| *name == unit);
        let position = position.filter(|_| digits > 0).ok_or_else(invalid)? + next_unit;
        total_ms = number
            .parse::<i64>()
            .ok()
            .and_then(|count| count.checked_mul(UNITS[position].1))
            .and_then(|part| total_ms.checked_add(part))
            .filter(|total| *total <= MAX_DURATION_MS)
            .ok_or(DurationError::OutOfRange)?;
        (rest, next_unit) = (after, position + 1);
    }
    Ok(total_ms)
}

/// Whole milliseconds of a duration in seconds, which counts in nanoseconds as Go's do. `None`
/// beyond [`MAX_DURATION_MS`].
#[must_use]
pub fn milliseconds(seconds: f64) -> Option<i64> {
    let ns = (seconds * 1e9).round();
    (ns.abs() < i64::MAX as f64).then_some(ns as i64 / 1_000_000)
}

/// The canonical text of a duration; negative ones start with `-`.
#[must_use]
pub fn format_duration(duration_ms: i64) -> String {
    if duration_ms == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    if duration_ms < 0 {
        out.push('-');
    }
    let mut rest = duration_ms.unsigned_abs();
    for (unit, unit_ms, exact) in UNITS {
        let unit_ms = unit_ms.unsigned_abs();
        if rest >= unit_ms && (!exact || rest.is_multiple_of(unit_ms)) {
            out.push_str(&(rest / unit_ms).to_string());
            out.push_str(unit);
            rest %= unit_ms;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints() {
        for (text, ms, canonical) in [
            ("0", 0, "0s"),
            ("14d", 14 * DAY, "2w"),
            ("3w2d1h", 23 * DAY + HOUR, "23d1h"),
            ("1h30m", 90 * MINUTE, "1h30m"),
            ("90ms", 90, "90ms"),
        ] {
            assert_eq!(parse_duration(text), Ok(ms), "{text}");
            assert_eq!(format_duration(ms), canonical);
        }
        assert_eq!(format_duration(-5 * MINUTE), "-5m");
    }

    #[test]
    fn refuses() {
        for text in ["1", "1y1m1d", "1.5d", "d", "-1s", "1s1s", "1 s"] {
            assert_eq!(
                parse_duration(text),
                Err(DurationError::Invalid(text.to_owned())),
                "{text}"
            );
        }
        assert_eq!(parse_duration("294y"), Err(DurationError::OutOfRange));
        assert_eq!(parse_duration(""), Err(DurationError::Empty));
    }
}
