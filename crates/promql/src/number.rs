//! Numbers as Go's `strconv` and `fmt` print them.

/// The shortest text that reads back as `value`, in Go's `%v` manner (`FormatFloat(v, 'g', -1)`
/// with the exponent threshold of 21).
#[must_use]
pub fn format_value(value: f64) -> String {
    format_shortest(value, 21)
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

/// `%g` with the shortest digits: an exponent below -4 and from `threshold` up.
fn format_shortest(value: f64, threshold: i32) -> String {
    if let Some(text) = special(value) {
        return text.to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if value == 0.0 || (-4..threshold).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
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
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1e-5, "1e-05"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(format_value(value), text);
        }
        assert_eq!(format_plain(1e22), "10000000000000000000000");
        assert_eq!(format_fixed(0.5), "0.500000");
    }
}
