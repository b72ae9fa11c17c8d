//! Floats as Go reads and prints them: what Prometheus, Loki and the Collector put on the wire.

/// Shortest text of `value` as Go's `strconv.FormatFloat(value, 'g', -1, 64)`: the exponent form
/// below 10^-4 and from 10^6 on; infinities as `+Inf` and `-Inf`.
pub fn format_float(value: f64) -> String {
    format_with_exponent(value, -4..6)
}

/// Text of `value` as OpenMetrics writes it: like [`format_float`], with `.0` where it would look
/// like an integer. The normal form of `le` and `quantile` in Prometheus 3.
pub fn format_openmetrics_float(value: f64) -> String {
    let mut text = format_float(value);
    if value.is_finite() && !text.contains(['.', 'e']) {
        text.push_str(".0");
    }
    text
}

/// Text of `value` as Go's `encoding/json` writes it: the exponent form below 10^-6 and from
/// 10^21 on.
pub fn format_json_float(value: f64) -> String {
    format_with_exponent(value, -6..21)
}

/// The exponent form is used where the decimal exponent lies outside of `plain`.
fn format_with_exponent(value: f64, plain: std::ops::Range<i32>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if value != 0.0 && !plain.contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
        }
        _ => value.to_string(),
    }
}

/// Reads a float as the exposition formats allow it: Go's syntax without hexadecimal digits and
/// underscores. `None` for anything else, a number out of range included.
pub fn parse_float(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let value: f64 = text.parse().ok()?;
    if value.is_finite() {
        return Some(value);
    }
    let named = text.bytes().any(|byte| matches!(byte, b'n' | b'N'));
    let signed_nan = value.is_nan() && text.starts_with(['+', '-']);
    (named && !signed_nan).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_go() {
        for (value, short, open, json) in [
            (0.0, "0", "0.0", "0"),
            (-0.0, "-0", "-0.0", "-0"),
            (1.0, "1", "1.0", "1"),
            (0.1, "0.1", "0.1", "0.1"),
            (999_999.0, "999999", "999999.0", "999999"),
            (1e6, "1e+06", "1e+06", "1000000"),
            (12_345_678.0, "1.2345678e+07", "1.2345678e+07", "12345678"),
            (1e21, "1e+21", "1e+21", "1e+21"),
            (0.0001, "0.0001", "0.0001", "0.0001"),
            (0.000_01, "1e-05", "1e-05", "0.00001"),
            (f64::INFINITY, "+Inf", "+Inf", "+Inf"),
            (f64::NAN, "NaN", "NaN", "NaN"),
        ] {
            assert_eq!(format_float(value), short);
            assert_eq!(format_openmetrics_float(value), open);
            assert_eq!(format_json_float(value), json);
        }
    }

    #[test]
    fn reads_as_go() {
        for (text, value) in [
            ("1", 1.0),
            ("+5.", 5.0),
            ("-.5e3", -500.0),
            ("+Inf", f64::INFINITY),
            ("-infinity", f64::NEG_INFINITY),
        ] {
            assert_eq!(parse_float(text.as_bytes()), Some(value), "{text}");
        }
        assert!(parse_float(b"nan").is_some_and(f64::is_nan));
        for text in ["", "+nan", "1e999", "0x1p4", "1_000", "1e", "Infx", " 1"] {
            assert_eq!(parse_float(text.as_bytes()), None, "{text}");
        }
    }
}
