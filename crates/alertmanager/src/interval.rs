//! Time intervals: when routes are muted or active.
//!
//! The fields of an interval are AND-ed, the ranges of a field OR-ed; a field that is absent
//! always holds, one that is an empty list never does.

mod parse;
mod range;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::Serialize;

pub use self::range::{DayOfMonthRange, MonthRange, TimeRange, WeekdayRange, YearRange};

/// An interval of time that comes again.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct TimeInterval {
    /// Times of the day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<Vec<TimeRange>>,
    /// Days of the week.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weekdays: Option<Vec<WeekdayRange>>,
    /// Days of the month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_of_month: Option<Vec<DayOfMonthRange>>,
    /// Months.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub months: Option<Vec<MonthRange>>,
    /// Years.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub years: Option<Vec<YearRange>>,
    /// Where the clock hangs; UTC where not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// A time zone by its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Location {
    name: String,
    zone: TimeZone,
}

impl Location {
    /// The name as written: an IANA name, `UTC` or `Local`.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Serialize for Location {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}

impl TimeInterval {
    /// Whether the instant, in Unix milliseconds, lies in the interval.
    pub fn contains(&self, now_ms: i64) -> bool {
        let Ok(now) = Timestamp::from_millisecond(now_ms) else {
            return false;
        };
        let zone = self
            .location
            .as_ref()
            .map_or(TimeZone::UTC, |location| location.zone.clone());
        self.contains_civil(&now.to_zoned(zone))
    }

    fn contains_civil(&self, now: &Zoned) -> bool {
        let minute = i64::from(now.hour()) * 60 + i64::from(now.minute());
        let (day, days_in_month) = (i64::from(now.day()), i64::from(now.days_in_month()));
        any(self.times.as_ref(), |range| range.contains(minute))
            && any(self.days_of_month.as_ref(), |range| range.contains(day, days_in_month))
            && any(self.months.as_ref(), |range| range.contains(i64::from(now.month())))
            && any(self.weekdays.as_ref(), |range| {
                range.contains(i64::from(now.weekday().to_sunday_zero_offset()))
            })
            && any(self.years.as_ref(), |range| range.contains(i64::from(now.year())))
    }
}

fn any<T>(ranges: Option<&Vec<T>>, contains: impl Fn(&T) -> bool) -> bool {
    ranges.is_none_or(|ranges| ranges.iter().any(contains))
}

#[cfg(test)]
mod tests;
