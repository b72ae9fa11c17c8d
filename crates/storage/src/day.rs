//! UTC days as `yyyy-mm-dd`, the folders that parts lie in.

const MS_PER_DAY: i64 = 86_400_000;

/// Days since 1970-01-01 of a time in milliseconds.
pub const fn day_number(timestamp_ms: i64) -> i64 {
    timestamp_ms.div_euclid(MS_PER_DAY)
}

/// First millisecond of a day counted from 1970-01-01.
pub const fn day_start_ms(day: i64) -> i64 {
    day.saturating_mul(MS_PER_DAY)
}

/// The UTC day of a time in milliseconds as `yyyy-mm-dd`.
pub fn day_name(timestamp_ms: i64) -> String {
    let (year, month, day) = civil_from_days(day_number(timestamp_ms));
    format!("{year:04}-{month:02}-{day:02}")
}

/// Proleptic Gregorian date of a day number (Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `civil_from_days`).
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + (month <= 2) as i64;
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_days() {
        for (timestamp_ms, expected) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (951_782_400_000, "2000-02-29"),
            (1_795_478_400_000, "2026-11-24"),
            (4_102_444_799_999, "2099-12-31"),
        ] {
            assert_eq!(day_name(timestamp_ms), expected);
        }
    }
}
