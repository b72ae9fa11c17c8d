//! Times and durations as Go prints them: layouts by the reference time
//! `Mon Jan 2 15:04:05 MST 2006`, durations as `1h2m3.5s`.

mod parse;

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::value::Value;

/// A point in time, shown in a time zone.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeValue {
    /// Nanoseconds since the Unix epoch.
    pub nanoseconds: i128,
    /// The zone it is shown in.
    pub zone: TimeZone,
}

/// What a layout is made of, longest first where one begins another.
const LAYOUT_PARTS: &[(&str, &str)] = &[
    ("January", "%B"),
    ("Monday", "%A"),
    ("2006", "%Y"),
    ("-07:00", "%:z"),
    ("Z07:00", "Z%:z"),
    ("-0700", "%z"),
    ("Jan", "%b"),
    ("Mon", "%a"),
    ("MST", "%Z"),
    ("002", "%j"),
    ("01", "%m"),
    ("02", "%d"),
    ("03", "%I"),
    ("04", "%M"),
    ("05", "%S"),
    ("06", "%y"),
    ("15", "%H"),
    ("PM", "%p"),
    ("pm", "%P"),
    ("_2", "%e"),
    ("1", "%-m"),
    ("2", "%-d"),
    ("3", "%-I"),
    ("4", "%-M"),
    ("5", "%-S"),
];

impl TimeValue {
    /// Go's zero time, 1 January of the year 1, in nanoseconds since the Unix epoch.
    pub const ZERO_NANOSECONDS: i128 = -62_135_596_800_000_000_000;

    /// The nanoseconds from `earlier` to this time; what does not fit is cut.
    pub fn since(&self, earlier: &Self) -> i64 {
        let between = self.nanoseconds.saturating_sub(earlier.nanoseconds);
        between.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
    }

    /// A time shown in UTC.
    pub fn utc(nanoseconds: impl Into<i128>) -> Self {
        Self {
            nanoseconds: nanoseconds.into(),
            zone: TimeZone::UTC,
        }
    }

    fn zoned(&self) -> jiff::Zoned {
        // Times outside the years -9999 to 9999 show as the epoch.
        let timestamp = Timestamp::from_nanosecond(self.nanoseconds).unwrap_or_default();
        timestamp.to_zoned(self.zone.clone())
    }

    /// Prints the time by a layout of Go.
    pub fn format(&self, layout: &str) -> String {
        let zoned = self.zoned();
        let mut out = String::with_capacity(layout.len() + 8);
        let mut rest = layout;
        while let Some(first) = rest.chars().next() {
            if let Some(length) = fraction(rest, &out) {
                self.write_fraction(&mut out, &rest[..length]);
                rest = &rest[length..];
            } else if let Some((part, directive)) = LAYOUT_PARTS.iter().find(|(part, _)| rest.starts_with(part)) {
                if *directive == "Z%:z" && zoned.offset().is_zero() {
                    out.push('Z');
                } else {
                    let directive = directive.trim_start_matches('Z');
                    out.push_str(&zoned.strftime(directive).to_string());
                }
                rest = &rest[part.len()..];
            } else {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        out
    }

    /// `.000` prints that many digits, `.999` the same without trailing zeros.
    fn write_fraction(&self, out: &mut String, layout: &str) {
        let nanoseconds = format!("{:09}", self.nanoseconds.rem_euclid(1_000_000_000));
        let digits = &nanoseconds[..(layout.len() - 1).min(9)];
        let digits = if layout.ends_with('9') {
            digits.trim_end_matches('0')
        } else {
            digits
        };
        if !digits.is_empty() {
            out.push_str(&layout[..1]);
            out.push_str(digits);
        }
    }

    /// The method `name`.
    pub(crate) fn member(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
        let zoned = self.zoned();
        let value = match (name, arguments) {
            ("Format", [Value::String(layout)]) => self.format(layout).into(),
            ("Unix", []) => Value::Int(self.nanoseconds.div_euclid(1_000_000_000) as i64),
            ("UnixMilli", []) => Value::Int(self.nanoseconds.div_euclid(1_000_000) as i64),
            ("UnixNano", []) => Value::Int(self.nanoseconds as i64),
            ("Year", []) => Value::Int(i64::from(zoned.year())),
            ("Month", []) => self.format("January").into(),
            ("Day", []) => Value::Int(i64::from(zoned.day())),
            ("Hour", []) => Value::Int(i64::from(zoned.hour())),
            ("Minute", []) => Value::Int(i64::from(zoned.minute())),
            ("Second", []) => Value::Int(i64::from(zoned.second())),
            ("Weekday", []) => self.format("Monday").into(),
            ("YearDay", []) => Value::Int(i64::from(zoned.day_of_year())),
            ("UTC", []) => Value::Time(Self::utc(self.nanoseconds)),
            ("String", []) => self.to_string().into(),
            ("Add", [Value::Duration(by)]) => Value::Time(Self {
                nanoseconds: self.nanoseconds.saturating_add(i128::from(*by)),
                zone: self.zone.clone(),
            }),
            ("Sub", [Value::Time(other)]) => Value::Duration(self.since(other)),
            ("Before", [Value::Time(other)]) => Value::Bool(self.nanoseconds < other.nanoseconds),
            ("After", [Value::Time(other)]) => Value::Bool(self.nanoseconds > other.nanoseconds),
            ("Equal", [Value::Time(other)]) => Value::Bool(self.nanoseconds == other.nanoseconds),
            ("IsZero", []) => Value::Bool(self.nanoseconds == Self::ZERO_NANOSECONDS),
            _ => return None,
        };
        Some(Ok(value))
    }
}

/// `Time.String`.
impl fmt::Display for TimeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format("2006-01-02 15:04:05.999999999 -0700 MST"))
    }
}

/// The length of a fraction of a second at the start of `rest`, which must follow the seconds.
fn fraction(rest: &str, before: &str) -> Option<usize> {
    let mut characters = rest.chars();
    if !matches!(characters.next(), Some('.' | ',')) || !before.ends_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let digit = characters.next().filter(|digit| "09".contains(*digit))?;
    let count = rest[1..].chars().take_while(|c| *c == digit).count();
    let ended = !rest[1 + count..].starts_with(|c: char| c.is_ascii_digit());
    ended.then_some(1 + count)
}

/// The method `name` of a duration.
pub(crate) fn duration_member(nanoseconds: i64, name: &str) -> Option<Result<Value, String>> {
    let seconds = nanoseconds as f64 / 1e9;
    let value = match name {
        "Seconds" => Value::Float(seconds),
        "Minutes" => Value::Float(seconds / 60.0),
        "Hours" => Value::Float(seconds / 3600.0),
        "Milliseconds" => Value::Int(nanoseconds / 1_000_000),
        "Microseconds" => Value::Int(nanoseconds / 1000),
        "Nanoseconds" => Value::Int(nanoseconds),
        "String" => format_duration(nanoseconds).into(),
        _ => return None,
    };
    Some(Ok(value))
}

/// `Duration.String`: `1h2m3.5s`, `1.5ms`, `0s`.
pub fn format_duration(nanoseconds: i64) -> String {
    let magnitude = nanoseconds.unsigned_abs();
    let sign = if nanoseconds < 0 { "-" } else { "" };
    match magnitude {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{magnitude}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", decimal(magnitude, 1_000)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", decimal(magnitude, 1_000_000)),
        _ => {
            let minutes = magnitude / 60_000_000_000;
            let seconds = decimal(magnitude % 60_000_000_000, 1_000_000_000);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

fn decimal(value: u64, unit: u64) -> String {
    let (whole, fraction) = (value / unit, value % unit);
    if fraction == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    let digits = format!("{fraction:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}
