//! Numbers as Go's `strconv` and Prometheus' JSON print them.

use std::io::Write;

use serde::Serializer;

/// A float as Prometheus' API prints sample values: shortest decimal, exponent form only below
/// 1e-6 and from 1e21 on (`jsonutil.MarshalFloat`).
pub(crate) fn write_value(out: &mut Vec<u8>, value: f64) {
    let magnitude = value.abs();
    if magnitude != 0.0 && value.is_finite() && !(1e-6..1e21).contains(&magnitude) {
        write_exponent(out, value);
    } else {
        write_decimal(out, value);
    }
}

/// A float in shortest decimal form, never with an exponent (`FormatFloat(v, 'f', -1, 64)`).
pub(crate) fn write_decimal(out: &mut Vec<u8>, value: f64) {
    let text = if value.is_nan() {
        "NaN"
    } else if value == f64::INFINITY {
        "+Inf"
    } else if value == f64::NEG_INFINITY {
        "-Inf"
    } else {
        return write_finite(out, value);
    };
    out.extend_from_slice(text.as_bytes());
}

fn write_finite(out: &mut Vec<u8>, value: f64) {
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(value);
    if text.contains('e') {
        return push(out, format_args!("{value}"));
    }
    out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
}

/// A float in shortest exponent form with at least two exponent digits
/// (`FormatFloat(v, 'e', -1, 64)`).
fn write_exponent(out: &mut Vec<u8>, value: f64) {
    if !value.is_finite() {
        return write_decimal(out, value);
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    push(out, format_args!("{mantissa}e{sign}{digits:0>2}"));
}

/// A float as Go's `encoding/json` writes it, for `serialize_with`: whole numbers without `.0`.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    const MAX_EXACT: f64 = (1_u64 << 53) as f64;
    if value.fract() == 0.0 && value.abs() <= MAX_EXACT {
        serializer.serialize_i64(*value as i64)
    } else {
        serializer.serialize_f64(*value)
    }
}

/// Milliseconds as seconds with up to three decimals.
pub(crate) fn write_seconds(out: &mut Vec<u8>, timestamp_ms: i64) {
    let (seconds, millis) = (timestamp_ms.unsigned_abs() / 1000, timestamp_ms.unsigned_abs() % 1000);
    if timestamp_ms < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(itoa::Buffer::new().format(seconds).as_bytes());
    if millis == 0 {
        return;
    }
    let digits = [millis / 100, millis / 10 % 10, millis % 10].map(|digit| b'0' + digit as u8);
    let used = digits
        .iter()
        .rposition(|digit| *digit != b'0')
        .map_or(0, |last| last + 1);
    out.push(b'.');
    out.extend_from_slice(&digits[..used]);
}

/// [`write_value`] as a text.
pub(crate) fn value_text(value: f64) -> String {
    text_of(|out| write_value(out, value))
}

fn text_of(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::with_capacity(24);
    write(&mut out);
    String::from_utf8(out).expect("numbers are ASCII")
}

fn push(out: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    out.write_fmt(arguments).expect("writing to memory cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_print_as_in_go() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (4.0, "4"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1_755_548_814_826_078.2, "1755548814826078.2"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e-7, "1.5e-07"),
            (1e-6, "0.000001"),
            (-2.5e300, "-2.5e+300"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(value_text(value), text, "{value}");
        }
        assert_eq!(text_of(|out| write_decimal(out, 1e21)), "1000000000000000000000");
        assert_eq!(text_of(|out| write_exponent(out, 0.05)), "5e-02");
    }

    /// Beside the standard library, which differs where two shortest decimals are equally near: there
    /// Go, and so Prometheus, takes the even one.
    #[test]
    fn decimals_are_the_shortest_and_even_ones() {
        // SplitMix64 over the bits, and numbers as counters and ratios have them.
        let mut state = 1u64;
        for at in 0..200_000u64 {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            for value in [
                f64::from_bits(mixed),
                (mixed >> 20) as f64 / 1000.0,
                at as f64,
                at as f64 / 37.0,
            ] {
                if !value.is_finite() {
                    continue;
                }
                let (text, other) = (text_of(|out| write_decimal(out, value)), value.to_string());
                if text == other {
                    continue;
                }
                let last = |text: &str| text.bytes().next_back().map_or(0, |digit| digit - b'0');
                assert_eq!(text.parse(), Ok(value), "{text} {other}");
                assert_eq!(text[..text.len() - 1], other[..other.len() - 1], "{text} {other}");
                assert!(
                    last(&text) % 2 == 0 && last(&text).abs_diff(last(&other)) == 1,
                    "{text} {other}"
                );
            }
        }
    }

    #[test]
    fn seconds_have_up_to_three_decimals() {
        for (ms, text) in [
            (1_700_004_495_123, "1700004495.123"),
            (1_500, "1.5"),
            (-1_050, "-1.05"),
            (2_000, "2"),
            (7, "0.007"),
            (-3, "-0.003"),
        ] {
            assert_eq!(text_of(|out| write_seconds(out, ms)), text);
        }
    }

    #[test]
    fn whole_numbers_of_json_have_no_fraction() {
        let json = |value: f64| {
            let mut out = Vec::new();
            serialize(&value, &mut serde_json::Serializer::new(&mut out)).expect("memory");
            String::from_utf8(out).expect("ASCII")
        };
        assert_eq!([15.0, 0.0, 0.25].map(json), ["15", "0", "0.25"]);
    }
}
