//! Numbers as people write them (`humanize` and its kin of `prometheus/common/helpers/templates`).

use crate::{TimeValue, Value, sprintf};

/// Whether `name` is a function that shows a number, a time or a duration.
pub fn is_number_function(name: &str) -> bool {
    name.starts_with("humanize") || name == "toTime" || name == "toDuration"
}

/// `%.4g` and a suffix.
fn short(value: f64, suffix: &str) -> String {
    sprintf("%.4g%s", &[Value::Float(value), suffix.into()])
}

/// What the function `name` (`humanize`, `humanize1024`, `humanizeDuration`, `humanizePercentage`) gives.
pub fn humanize(name: &str, value: f64) -> String {
    match name {
        "humanize1024" => humanize_1024(value),
        "humanizeDuration" => humanize_duration(value),
        "humanizePercentage" => short(value * 100.0, "%"),
        _ => humanize_1000(value),
    }
}

fn humanize_1000(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return short(value, "");
    }
    if value.abs() >= 1.0 {
        let (value, prefix) = scale_down(value, 1000.0, &["k", "M", "G", "T", "P", "E", "Z", "Y"]);
        return short(value, prefix);
    }
    let (value, prefix) = scale_up(value);
    short(value, prefix)
}

fn humanize_1024(value: f64) -> String {
    if value.abs() <= 1.0 || !value.is_finite() {
        return short(value, "");
    }
    let prefixes = ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];
    let (value, prefix) = scale_down(value, 1024.0, &prefixes);
    short(value, prefix)
}

fn scale_down<'a>(mut value: f64, by: f64, prefixes: &[&'a str]) -> (f64, &'a str) {
    let mut prefix = "";
    for next in prefixes {
        if value.abs() < by {
            break;
        }
        prefix = next;
        value /= by;
    }
    (value, prefix)
}

fn scale_up(mut value: f64) -> (f64, &'static str) {
    let mut prefix = "";
    for next in ["m", "u", "n", "p", "f", "a", "z", "y"] {
        if value.abs() >= 1.0 {
            break;
        }
        prefix = next;
        value *= 1000.0;
    }
    (value, prefix)
}

fn humanize_duration(value: f64) -> String {
    if !value.is_finite() {
        return short(value, "");
    }
    if value == 0.0 {
        return short(value, "s");
    }
    if value.abs() < 1.0 {
        let (value, prefix) = scale_up(value);
        return short(value, &format!("{prefix}s"));
    }
    let sign = if value < 0.0 { "-" } else { "" };
    let whole = value.abs() as i64;
    let (days, hours) = (whole / 86_400, whole / 3600 % 24);
    let (minutes, seconds) = (whole / 60 % 60, whole % 60);
    if days != 0 {
        format!("{sign}{days}d {hours}h {minutes}m {seconds}s")
    } else if hours != 0 {
        format!("{sign}{hours}h {minutes}m {seconds}s")
    } else if minutes != 0 {
        format!("{sign}{minutes}m {seconds}s")
    } else {
        format!("{sign}{}", short(value.abs(), "s"))
    }
}

/// Nanoseconds of a Unix time in seconds, whole milliseconds of them (`model.Time`).
pub fn nanoseconds(seconds: f64) -> Result<i64, String> {
    let nanoseconds = seconds * 1e9;
    if nanoseconds.is_nan() || nanoseconds.abs() >= i64::MAX as f64 {
        return Err(format!(
            "{seconds} cannot be represented as a nanoseconds timestamp since it overflows int64"
        ));
    }
    Ok(nanoseconds as i64 / 1_000_000 * 1_000_000)
}

/// `2015-06-09 14:52:19.123 +0000 UTC`.
pub fn timestamp(seconds: f64) -> Result<String, String> {
    if !seconds.is_finite() {
        return Ok(short(seconds, ""));
    }
    Ok(TimeValue::utc(nanoseconds(seconds)?).to_string())
}

/// The number that a value stands for (`ConvertToFloat` of `prometheus/common`).
pub fn number(value: &Value) -> Result<f64, String> {
    match value {
        Value::Float(number) => Ok(*number),
        Value::Int(number) => Ok(*number as f64),
        Value::Duration(nanoseconds) => Ok(*nanoseconds as f64 / 1e9),
        Value::String(text) => text
            .parse()
            .map_err(|_| format!("strconv.ParseFloat: parsing {text:?}: invalid syntax")),
        other => Err(format!("can't convert {} to float", other.type_name())),
    }
}

/// Each word's first letter in upper case; the others stay.
pub fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_word = false;
    for c in text.chars() {
        if in_word {
            out.push(c);
        } else {
            out.extend(c.to_uppercase());
        }
        in_word = c.is_alphanumeric() || c == '\'' && in_word || c == '_';
    }
    out
}
