//! Numbers as Go's `strconv` and `fmt` print them.

/// The shortest text that reads back as `value`, as Go's `%v` and `%g` print it.
#[must_use]
pub fn format_value(value: f64) -> String {
    if let Some(text) = special(value) {
        return text.to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if value == 0.0 || PLAIN_EXPONENTS.contains(&exponent) {
        return format!("{value}");
    }
    with_exponent(mantissa, exponent)
}

/// Exponents for which Go's `%g` with the shortest digits prints none.
const PLAIN_EXPONENTS: std::ops::Range<i32> = -4..6;

/// Mantissa and exponent, the latter with a sign and at least two digits.
fn with_exponent(mantissa: &str, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// As `strconv.FormatFloat(value, 'f', -1, 64)`: never an exponent. Prometheus' API and labels of
/// `count_values` print so.
pub fn format_plain(value: f64) -> String {
    special(value).map_or_else(|| format!("{value}"), str::to_owned)
}

/// As `%f`: six digits after the point.
pub fn format_fixed(value: f64) -> String {
    special(value).map_or_else(|| format!("{value:.6}"), str::to_owned)
}

/// As `OpenMetrics` has floats in labels: with a point or an exponent, so that no whole number
/// looks like an integer.
pub(crate) fn format_openmetrics(value: f64) -> String {
    let text = format_value(value);
    let is_whole = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if is_whole { format!("{text}.0") } else { text }
}

/// As `%.2g`: two significant digits.
pub(crate) fn format_two_digits(value: f64) -> String {
    if let Some(text) = special(value) {
        return text.to_owned();
    }
    let scientific = format!("{value:.1e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if value == 0.0 || (-4..2).contains(&exponent) {
        // Rounded to two digits first, so that the plain form has no more.
        let rounded: f64 = scientific.parse().unwrap_or(value);
        return format!("{rounded}");
    }
    let mantissa = mantissa.strip_suffix(".0").unwrap_or(mantissa);
    with_exponent(mantissa, exponent)
}

fn special(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value == f64::INFINITY {
        Some("+Inf")
    } else if value == f64::NEG_INFINITY {
        Some("-Inf")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_go() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.5, "1.5"),
            (100_000.0, "100000"),
            (123_456_789.0, "1.23456789e+08"),
            (1e21, "1e+21"),
            (1e-5, "1e-05"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(format_value(value), text);
        }
        assert_eq!(format_plain(1e22), "10000000000000000000000");
        assert_eq!(format_fixed(0.5), "0.500000");
        assert_eq!(format_openmetrics(1.0), "1.0");
        assert_eq!(format_openmetrics(0.99), "0.99");
        for (value, text) in [
            (9.0, "9"),
            (0.127, "0.13"),
            (99.9, "1e+02"),
            (1234.0, "1.2e+03"),
            (0.0, "0"),
        ] {
            assert_eq!(format_two_digits(value), text);
        }
    }
}
