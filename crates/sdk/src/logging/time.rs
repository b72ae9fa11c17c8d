//! The time of a line: microseconds in UTC, with the seconds' text kept per thread until the second is over.

use std::cell::RefCell;
use std::io::Write;

/// Text of one second, as `2026-01-02T03:04:05`.
struct Second {
    second: i64,
    text: Vec<u8>,
}

thread_local! {
    static LAST: RefCell<Second> = const {
        RefCell::new(Second { second: i64::MIN, text: Vec::new() })
    };
}

/// Writes the present time as `2026-01-02T03:04:05.678901Z`.
pub(super) fn write_now(buffer: &mut Vec<u8>) {
    write(buffer, jiff::Timestamp::now());
}

fn write(buffer: &mut Vec<u8>, now: jiff::Timestamp) {
    // Before 1970 the fraction counts backwards: rare enough for the formatter.
    let Ok(micros) = u32::try_from(now.subsec_nanosecond() / 1000) else {
        drop(write!(buffer, "{now:.6}"));
        return;
    };
    LAST.with_borrow_mut(|last| {
        if last.second != now.as_second() {
            last.text.clear();
            // A write into a Vec cannot fail; the last character is the zone.
            drop(write!(last.text, "{now:.0}"));
            last.text.pop();
            last.second = now.as_second();
        }
        buffer.extend_from_slice(&last.text);
    });
    let mut digits = *b".000000Z";
    let mut rest = micros;
    for digit in digits[1..7].iter_mut().rev() {
        *digit += (rest % 10) as u8;
        rest /= 10;
    }
    buffer.extend_from_slice(&digits);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_that_of_the_formatter() {
        for text in [
            "2026-01-02T03:04:05.678901234Z",
            "2026-01-02T03:04:05.000001Z",
            "2026-01-02T03:04:06Z",
            "1969-12-31T23:59:59.25Z",
            "1970-01-01T00:00:00.999999999Z",
        ] {
            let now: jiff::Timestamp = text.parse().expect("a time");
            let mut written = Vec::new();
            write(&mut written, now);
            let seconds = now.to_string();
            let expected = format!(
                "{}Z",
                format!("{now:.9}")
                    .trim_end_matches('Z')
                    .get(..26)
                    .expect("nine digits")
            );
            assert_eq!(String::from_utf8_lossy(&written), expected, "{seconds}");
        }
    }
}
