//! When it is night: hours of a time zone.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// The hours of the night, in a time zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NightHours {
    /// The hour at which it begins, 0 to 23.
    pub from: u8,
    /// The hour at which it is over, 0 to 23; the same as `from` is never.
    pub to: u8,
    /// Name in the IANA database, such as `Europe/Berlin`.
    #[serde(default = "utc")]
    pub time_zone: String,
}

impl Default for NightHours {
    /// From 22 to 6 o'clock UTC.
    fn default() -> Self {
        Self {
            from: 22,
            to: 6,
            time_zone: utc(),
        }
    }
}

fn utc() -> String {
    "UTC".to_owned()
}

/// Why the hours make no sense.
#[derive(Debug, thiserror::Error)]
pub enum NightError {
    /// There is no such time zone.
    #[error("night: unknown time zone {0:?}; give a name of the IANA database, such as Europe/Berlin")]
    TimeZone(String),
    /// There is no such hour.
    #[error("night: {0} is no hour; give a number from 0 to 23")]
    Hour(u8),
}

/// Tells whether it is night.
#[derive(Debug)]
pub(super) struct Night {
    from: u8,
    to: u8,
    zone: TimeZone,
}

impl Night {
    pub(super) fn new(hours: &NightHours) -> Result<Self, NightError> {
        if let Some(hour) = [hours.from, hours.to].into_iter().find(|hour| *hour > 23) {
            return Err(NightError::Hour(hour));
        }
        let zone = TimeZone::get(&hours.time_zone).map_err(|_| NightError::TimeZone(hours.time_zone.clone()))?;
        Ok(Self {
            from: hours.from,
            to: hours.to,
            zone,
        })
    }

    pub(super) fn contains(&self, at_ms: i64) -> bool {
        let Ok(time) = Timestamp::from_millisecond(at_ms) else {
            return false;
        };
        let hour = self.zone.to_datetime(time).hour().unsigned_abs();
        if self.from <= self.to {
            (self.from..self.to).contains(&hour)
        } else {
            hour >= self.from || hour < self.to
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn night(from: u8, to: u8, time_zone: &str) -> Night {
        let time_zone = time_zone.to_owned();
        Night::new(&NightHours { from, to, time_zone }).expect("the hours make sense")
    }

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().expect("a time").as_millisecond()
    }

    #[test]
    fn hours_cross_midnight_and_follow_the_zone() {
        let utc = night(22, 6, "UTC");
        assert!(utc.contains(ms("2026-01-10T22:00:00Z")) && utc.contains(ms("2026-01-10T05:59:59Z")));
        assert!(!utc.contains(ms("2026-01-10T21:59:59Z")) && !utc.contains(ms("2026-01-10T06:00:00Z")));
        // Berlin is one hour ahead in winter and two in summer.
        let berlin = night(22, 6, "Europe/Berlin");
        assert!(berlin.contains(ms("2026-01-10T21:00:00Z")) && !berlin.contains(ms("2026-01-10T20:59:00Z")));
        assert!(berlin.contains(ms("2026-07-10T20:00:00Z")) && !berlin.contains(ms("2026-07-10T04:00:00Z")));
        assert!(night(1, 3, "UTC").contains(ms("2026-01-10T02:00:00Z")));
        assert!(!night(3, 3, "UTC").contains(ms("2026-01-10T03:00:00Z")));
    }

    #[test]
    fn nonsense_is_refused() {
        let hours = |from, time_zone: &str| NightHours {
            from,
            to: 6,
            time_zone: time_zone.to_owned(),
        };
        assert!(matches!(Night::new(&hours(24, "UTC")), Err(NightError::Hour(24))));
        assert!(matches!(
            Night::new(&hours(1, "Mars/Olympus")),
            Err(NightError::TimeZone(_))
        ));
    }
}
