//! Durations as Prometheus writes them: `1h30m`, `15s`, `500ms`.

use std::time::Duration;

use serde::Serializer;

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing there.
    #[error("empty duration string")]
    Empty,
    /// Not of the form.
    #[error("not a valid duration string: {0:?}")]
    Invalid(String),
    /// A unit that does not exist.
    #[error("unknown unit {unit:?} in duration {text:?}")]
    UnknownUnit {
        /// What stands where a unit should.
        unit: String,
        /// The whole text.
        text: String,
    },
    /// More than 2^63 nanoseconds.
    #[error("duration out of range")]
    OutOfRange,
}

/// Units from the largest to the smallest, in milliseconds; the order in which they may come.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Reads a duration: units from years to milliseconds, each at most once, from large to small.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    match text {
        "" => return Err(DurationError::Empty),
        "0" => return Ok(Duration::ZERO),
        _ => {}
    }
    let shown = || text.chars().take(64).collect();
    let invalid = || DurationError::Invalid(shown());
    let mut rest = text;
    let mut total_ms = 0u64;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        if number.is_empty() || unit.is_empty() {
            return Err(invalid());
        }
        let index = UNITS
            .iter()
            .position(|(name, _)| *name == unit)
            .ok_or_else(|| DurationError::UnknownUnit {
                unit: unit.to_owned(),
                text: shown(),
            })?;
        if index < next_unit {
            return Err(invalid());
        }
        let number: u64 = number.parse().map_err(|_| DurationError::OutOfRange)?;
        let ms = number.checked_mul(UNITS[index].1).ok_or(DurationError::OutOfRange)?;
        total_ms = total_ms.checked_add(ms).ok_or(DurationError::OutOfRange)?;
        next_unit = index + 1;
        rest = after;
    }
    if total_ms > (i64::MAX / 1_000_000) as u64 {
        return Err(DurationError::OutOfRange);
    }
    Ok(Duration::from_millis(total_ms))
}

/// The shortest text that reads back as `duration`, as Prometheus prints it: years, weeks and days
/// only where they are the whole of it.
pub fn format_duration(duration: Duration) -> String {
    let mut ms = duration.as_millis() as u64;
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    for (index, (unit, size)) in UNITS.iter().enumerate() {
        let must_be_exact = index < 3;
        if ms >= *size && (!must_be_exact || ms.is_multiple_of(*size)) {
            out.push_str(&(ms / size).to_string());
            out.push_str(unit);
            ms %= size;
        }
    }
    out
}

pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format_duration(*duration))
}

#[expect(clippy::ref_option, reason = "serde passes fields by reference")]
pub(crate) fn serialize_option<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => serializer.serialize_str(&format_duration(*duration)),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes() {
        for (text, ms, written) in [
            ("0", 0, "0s"),
            ("15s", 15_000, "15s"),
            ("1m30s", 90_000, "1m30s"),
            ("90s", 90_000, "1m30s"),
            ("1d", 86_400_000, "1d"),
            ("25h", 90_000_000, "25h"),
            ("1y2w", (365 + 14) * 86_400_000, "379d"),
            ("5m10ms", 300_010, "5m10ms"),
        ] {
            let duration = parse_duration(text).expect(text);
            assert_eq!(duration, Duration::from_millis(ms), "{text}");
            assert_eq!(format_duration(duration), written);
        }
        for text in [
            "",
            "1",
            "-1h",
            "1s1m",
            "1h1h",
            "1.5h",
            "h",
            "1x",
            "99999999999999999999s",
            "500y",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
