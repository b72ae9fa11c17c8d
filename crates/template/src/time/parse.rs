//! Reads times by Go's layouts.

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use super::TimeValue;

/// Pieces of Go's layouts and of `strptime`, longest first where one begins another.
const LAYOUT: &[(&str, &str)] = &[
    ("January", "%B"),
    ("Monday", "%A"),
    ("2006", "%Y"),
    ("Z07:00", "%:z"),
    ("-07:00", "%:z"),
    ("-0700", "%z"),
    (".999999999", "%.f"),
    (".000000000", "%.f"),
    (".999999", "%.f"),
    (".000000", "%.f"),
    (".999", "%.f"),
    (".000", "%.f"),
    ("Jan", "%b"),
    ("Mon", "%a"),
    ("01", "%m"),
    ("02", "%d"),
    ("03", "%I"),
    ("04", "%M"),
    ("05", "%S"),
    ("06", "%y"),
    ("15", "%H"),
    ("PM", "%p"),
    ("_2", "%e"),
    ("1", "%m"),
    ("2", "%d"),
    ("3", "%I"),
    ("4", "%M"),
    ("5", "%S"),
];

impl TimeValue {
    /// Reads a time by a layout of Go, in `zone` where the text names none; `None` if it does not
    /// fit.
    pub fn parse(layout: &str, text: &str, zone: TimeZone) -> Option<Self> {
        let text = match text.strip_suffix('Z') {
            Some(body) if layout.ends_with("Z07:00") => format!("{body}+00:00"),
            _ => text.to_owned(),
        };
        let parsed = strtime::parse(strptime_layout(layout), text).ok()?;
        let in_zone = || {
            let time = parsed.to_time().unwrap_or_default();
            let zoned = DateTime::from_parts(parsed.to_date().ok()?, time).to_zoned(zone.clone());
            Some(zoned.ok()?.timestamp())
        };
        let timestamp = parsed.to_timestamp().ok().or_else(in_zone)?;
        Some(Self {
            nanoseconds: timestamp.as_nanosecond(),
            zone,
        })
    }
}

fn strptime_layout(layout: &str) -> String {
    let mut out = String::with_capacity(layout.len() + 8);
    let mut rest = layout;
    while let Some(c) = rest.chars().next() {
        if let Some((go, strptime)) = LAYOUT.iter().find(|(go, _)| rest.starts_with(go)) {
            out.push_str(strptime);
            rest = &rest[go.len()..];
            continue;
        }
        if c == '%' {
            out.push('%');
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}
