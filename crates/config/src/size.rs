//! Sizes as Prometheus writes them: `15MB` is 15 times 2^20.

use serde::Serializer;

/// A text that is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// Not a number and a unit.
    #[error("units: invalid {0}")]
    Invalid(String),
    /// A unit that is not known, or none.
    #[error("units: unknown unit {unit} in {text}")]
    UnknownUnit {
        /// The unit.
        unit: String,
        /// The whole text.
        text: String,
    },
}

const UNITS: [(&str, u32); 7] = [
    ("B", 0),
    ("K", 10),
    ("M", 20),
    ("G", 30),
    ("T", 40),
    ("P", 50),
    ("E", 60),
];

/// Reads a size in bytes; a size may be negative.
pub fn parse_size(text: &str) -> Result<i64, SizeError> {
    if text == "0" {
        return Ok(0);
    }
    let invalid = || SizeError::Invalid(text.chars().take(64).collect());
    let number_length = text
        .bytes()
        .take_while(|b| b.is_ascii_digit() || b"+-.".contains(b))
        .count();
    let (number, unit) = text.split_at(number_length);
    let number: f64 = number.parse().map_err(|_| invalid())?;
    let letter = match unit.strip_suffix("iB").or_else(|| unit.strip_suffix('B')) {
        Some("") => "B",
        Some(letter) => letter,
        None => "",
    };
    let shift = UNITS.iter().find(|(name, _)| *name == letter).map(|(_, shift)| *shift);
    let shift = shift.filter(|_| unit != "iB").ok_or_else(|| SizeError::UnknownUnit {
        unit: unit.to_owned(),
        text: text.to_owned(),
    })?;
    let bytes = number * 2f64.powi(shift as i32);
    if bytes.abs() < i64::MAX as f64 {
        Ok(bytes as i64)
    } else {
        Err(invalid())
    }
}

/// The size in its largest whole unit: `15MiB`.
pub fn format_size(bytes: i64) -> String {
    let shift = UNITS
        .iter()
        .rev()
        .find(|(_, shift)| bytes != 0 && bytes % (1i64 << shift) == 0);
    match shift {
        None | Some((_, 0)) => format!("{bytes}B"),
        Some((letter, shift)) => format!("{}{letter}iB", bytes >> shift),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
pub(crate) fn serialize<S: Serializer>(bytes: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format_size(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes() {
        for (text, bytes, written) in [
            ("0", 0, "0B"),
            ("15MB", 15 << 20, "15MiB"),
            ("1GiB", 1 << 30, "1GiB"),
            ("-1GB", -(1 << 30), "-1GiB"),
            ("1.5KB", 1536, "1536B"),
            ("512B", 512, "512B"),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
            assert_eq!(format_size(bytes), written);
        }
        assert_eq!(
            parse_size("100").expect_err("no unit").to_string(),
            "units: unknown unit  in 100"
        );
        for text in ["", "MB", "1XB", "1iB", "9999999EB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
