//! Times and durations in the spellings of the APIs: Unix seconds, RFC 3339, Prometheus and Go
//! durations.

use jiff::Timestamp;

/// The earliest and latest time that Prometheus' clients print.
const PROMETHEUS_MIN_TIME: &str = "-292273086-05-16T16:47:06Z";
const PROMETHEUS_MAX_TIME: &str = "292277025-08-18T07:12:54.999999999Z";
/// Go's zero time, which Prometheus prints for "never".
const NEVER: &str = "0001-01-01T00:00:00Z";

const NS_PER_SECOND: i64 = 1_000_000_000;

/// Prometheus' units, largest first, in milliseconds.
const PROMETHEUS_UNITS: [(&str, i64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Go's units in nanoseconds.
const GO_UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
];

/// A duration that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DurationError {
    /// It is no duration.
    Malformed,
    /// It does not fit into 64 bits of nanoseconds.
    Overflow,
}

/// Reads Unix seconds with decimals or RFC 3339, to milliseconds (`parseTime` in Prometheus).
pub(crate) fn parse_time_ms(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return seconds_to_ms(seconds);
    }
    match text {
        PROMETHEUS_MIN_TIME => Some(i64::MIN / 1_000_000),
        PROMETHEUS_MAX_TIME => Some(i64::MAX / 1_000_000),
        _ => parse_rfc3339(text).map(Timestamp::as_millisecond),
    }
}

fn seconds_to_ms(seconds: f64) -> Option<i64> {
    let ms = (seconds.trunc() * 1000.0) + (seconds.fract() * 1000.0).round();
    (ms.is_finite() && ms.abs() < i64::MAX as f64).then_some(ms as i64)
}

/// Reads RFC 3339 with an offset or `Z`.
pub(crate) fn parse_rfc3339(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// Reads float seconds or a Prometheus duration, to milliseconds (`parseDuration`).
pub(crate) fn parse_step_ms(text: &str) -> Result<i64, DurationError> {
    if let Ok(seconds) = text.parse::<f64>() {
        let ns = seconds * NS_PER_SECOND as f64;
        return if ns.is_finite() && ns.abs() <= i64::MAX as f64 {
            Ok((ns / 1e6) as i64)
        } else {
            Err(DurationError::Overflow)
        };
    }
    parse_prometheus_duration_ms(text)
}

/// Reads a Prometheus duration such as `1h30m`, to milliseconds (`model.ParseDuration`).
pub(crate) fn parse_prometheus_duration_ms(text: &str) -> Result<i64, DurationError> {
    if text == "0" {
        return Ok(0);
    }
    let (mut rest, mut total, mut next_unit) = (text, 0i64, 0usize);
    if rest.is_empty() {
        return Err(DurationError::Malformed);
    }
    while !rest.is_empty() {
        let (digits, after) = split_while(rest, |c| c.is_ascii_digit());
        let (unit, after) = split_while(after, |c| c.is_ascii_alphabetic());
        let index = PROMETHEUS_UNITS.iter().position(|(name, _)| *name == unit);
        let index = index
            .filter(|index| *index >= next_unit)
            .ok_or(DurationError::Malformed)?;
        let count: i64 = digits.parse().map_err(|_| DurationError::Malformed)?;
        let part = count
            .checked_mul(PROMETHEUS_UNITS[index].1)
            .ok_or(DurationError::Overflow)?;
        total = total.checked_add(part).ok_or(DurationError::Overflow)?;
        (rest, next_unit) = (after, index + 1);
    }
    if total <= i64::MAX / 1_000_000 {
        Ok(total)
    } else {
        Err(DurationError::Overflow)
    }
}

/// Reads a Go duration such as `1.5s` or `-2h45m`, to nanoseconds (`time.ParseDuration`).
pub(crate) fn parse_go_duration_ns(text: &str) -> Result<i64, DurationError> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(DurationError::Malformed);
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let (number, after) = split_while(rest, |c| c.is_ascii_digit() || c == '.');
        let (unit, after) = split_while(after, |c| !c.is_ascii_digit() && c != '.');
        let number: f64 = number.parse().map_err(|_| DurationError::Malformed)?;
        let scale = GO_UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or(DurationError::Malformed)?
            .1;
        total += number * scale;
        rest = after;
    }
    if total < i64::MAX as f64 {
        Ok((sign * total) as i64)
    } else {
        Err(DurationError::Overflow)
    }
}

/// A time as RFC 3339 in UTC; Go's zero time for `None`.
pub(crate) fn rfc3339(timestamp_ms: Option<i64>) -> String {
    timestamp_ms
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .map_or_else(|| NEVER.to_owned(), |time| time.to_string())
}

/// A name for a snapshot made at that time, as Prometheus gives them: the time and something random.
pub(crate) fn snapshot_name(now_ms: i64) -> String {
    let time = Timestamp::from_millisecond(now_ms).unwrap_or_default();
    let (random, _) = uuid::Uuid::new_v4().as_u64_pair();
    format!("{}-{random:016x}", time.strftime("%Y%m%dT%H%M%SZ"))
}

fn split_while(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_in_both_forms() {
        assert_eq!(parse_time_ms("1700004495.1234"), Some(1_700_004_495_123));
        assert_eq!(parse_time_ms("-1.5"), Some(-1500));
        assert_eq!(parse_time_ms("2023-11-14T23:28:15.5Z"), Some(1_700_004_495_500));
        assert_eq!(parse_time_ms("2023-11-15T00:28:15+01:00"), Some(1_700_004_495_000));
        assert_eq!(parse_time_ms("NaN"), None);
        assert_eq!(parse_time_ms("yesterday"), None);
        assert!(parse_time_ms(PROMETHEUS_MAX_TIME) > parse_time_ms(PROMETHEUS_MIN_TIME));
    }

    #[test]
    fn prometheus_durations() {
        for (text, ms) in [
            ("15s", Ok(15_000)),
            ("1h30m", Ok(5_400_000)),
            ("0", Ok(0)),
            ("5ms", Ok(5)),
            ("1m1m", Err(DurationError::Malformed)),
            ("1s1h", Err(DurationError::Malformed)),
            ("", Err(DurationError::Malformed)),
            ("-1s", Err(DurationError::Malformed)),
            ("294y", Err(DurationError::Overflow)),
        ] {
            assert_eq!(parse_prometheus_duration_ms(text), ms, "{text}");
        }
        assert_eq!(parse_step_ms("0.5"), Ok(500));
        assert_eq!(parse_step_ms("9223372037"), Err(DurationError::Overflow));
    }

    #[test]
    fn go_durations() {
        assert_eq!(parse_go_duration_ns("1.5s"), Ok(1_500_000_000));
        assert_eq!(parse_go_duration_ns("-2h45m"), Ok(-9_900_000_000_000));
        assert_eq!(parse_go_duration_ns("100µs"), Ok(100_000));
        assert_eq!(parse_go_duration_ns("10"), Err(DurationError::Malformed));
        assert_eq!(parse_go_duration_ns("s"), Err(DurationError::Malformed));
    }

    #[test]
    fn never_is_gos_zero_time() {
        assert_eq!(rfc3339(None), "0001-01-01T00:00:00Z");
        assert_eq!(rfc3339(Some(1_700_004_495_500)), "2023-11-14T23:28:15.5Z");
    }
}
