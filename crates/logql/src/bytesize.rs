//! Sizes such as `42kB` and `13 MiB`, as go-humanize reads and writes them.

/// Reads a size.
pub fn parse(text: &str) -> Result<u64, String> {
    let digits = text
        .bytes()
        .take_while(|b| b.is_ascii_digit() || matches!(b, b'.' | b','))
        .count();
    let number = text[..digits].replace(',', "");
    let value: f64 = number
        .parse()
        .map_err(|_| format!("strconv.ParseFloat: parsing {number:?}: invalid syntax"))?;
    let unit = text[digits..].trim().to_lowercase();
    let factor = unit_factor(&unit).ok_or_else(|| format!("unhandled size name: {unit}"))?;
    let bytes = value * factor;
    if bytes >= u64::MAX as f64 {
        return Err(format!("too large: {text}"));
    }
    Ok(bytes as u64)
}

fn unit_factor(unit: &str) -> Option<f64> {
    let (base, prefix) = match unit {
        "" | "b" => return Some(1.0),
        _ if unit.ends_with("ib") => (1024f64, &unit[..unit.len() - 2]),
        _ if unit.ends_with('i') => (1024f64, &unit[..unit.len() - 1]),
        _ => (1000f64, unit.strip_suffix('b').unwrap_or(unit)),
    };
    let power = ["k", "m", "g", "t", "p", "e"].iter().position(|p| *p == prefix)?;
    Some(base.powi(power as i32 + 1))
}

/// Writes a size with a decimal unit and at most three digits: `42 kB`, `5.1 MB`.
pub fn format(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 10 {
        return format!("{bytes} B");
    }
    let mut exponent = 0;
    let mut scaled = bytes as f64;
    while scaled >= 1000.0 && exponent + 1 < UNITS.len() {
        scaled /= 1000.0;
        exponent += 1;
    }
    let value = (scaled * 10.0 + 0.5).floor() / 10.0;
    if value < 10.0 {
        format!("{value:.1} {}", UNITS[exponent])
    } else {
        format!("{value:.0} {}", UNITS[exponent])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sizes() {
        for (text, bytes) in [
            ("42B", 42),
            ("42kB", 42_000),
            ("42KiB", 43_008),
            ("13 MiB", 13_631_488),
            ("2.5k", 2_500),
            ("1,000", 1000),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        assert_eq!(
            parse(""),
            Err(r#"strconv.ParseFloat: parsing "": invalid syntax"#.to_owned())
        );
        assert!(parse("5 parsecs").is_err() && parse("99999999EB").is_err());
    }

    #[test]
    fn writes_sizes() {
        assert_eq!(format(7), "7 B");
        assert_eq!(format(5_100_000), "5.1 MB");
        assert_eq!(format(42_000), "42 kB");
    }
}
