//! The ranges of which time intervals are made, and how they are written.

use std::fmt;

use serde::{Serialize, Serializer};

/// Times of a day: minutes since midnight, the end excluded. 24:00 may be the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    /// First minute.
    pub start_minute: i64,
    /// The minute after the last.
    pub end_minute: i64,
}

/// Days of the week, both ends included; Sunday is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeekdayRange {
    /// First day.
    pub begin: i64,
    /// Last day.
    pub end: i64,
}

/// Days of the month, both ends included; negative ones count from the end, which is -1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayOfMonthRange {
    /// First day.
    pub begin: i64,
    /// Last day.
    pub end: i64,
}

/// Months, both ends included; January is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthRange {
    /// First month.
    pub begin: i64,
    /// Last month.
    pub end: i64,
}

/// Years, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct YearRange {
    /// First year.
    pub begin: i64,
    /// Last year.
    pub end: i64,
}

impl TimeRange {
    pub(super) fn contains(self, minute: i64) -> bool {
        (self.start_minute..self.end_minute).contains(&minute)
    }
}

impl WeekdayRange {
    pub(super) fn contains(self, day: i64) -> bool {
        (self.begin..=self.end).contains(&day)
    }
}

impl DayOfMonthRange {
    /// A range that begins after the month's end is skipped; otherwise it is cut to the month.
    pub(super) fn contains(self, day: i64, days_in_month: i64) -> bool {
        let from_start = |day: i64| if day < 0 { days_in_month + day + 1 } else { day };
        let (begin, end) = (from_start(self.begin), from_start(self.end));
        begin <= days_in_month && (begin..=end.min(days_in_month)).contains(&day)
    }
}

impl MonthRange {
    pub(super) fn contains(self, month: i64) -> bool {
        (self.begin..=self.end).contains(&month)
    }
}

impl YearRange {
    pub(super) fn contains(self, year: i64) -> bool {
        (self.begin..=self.end).contains(&year)
    }
}

pub(super) const WEEKDAYS: [&str; 7] = [
    "sunday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
];

pub(super) const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// The month's name; a number that is none stays one.
pub(super) fn month_name(month: i64) -> String {
    let name = usize::try_from(month - 1).ok().and_then(|index| MONTHS.get(index));
    name.map_or_else(|| month.to_string(), |name| (*name).to_owned())
}

fn weekday_name(day: i64) -> String {
    let name = usize::try_from(day).ok().and_then(|index| WEEKDAYS.get(index));
    name.map_or_else(|| day.to_string(), |name| (*name).to_owned())
}

fn write_range(f: &mut fmt::Formatter<'_>, begin: &str, end: &str) -> fmt::Result {
    if begin == end {
        return f.write_str(begin);
    }
    write!(f, "{begin}:{end}")
}

impl fmt::Display for WeekdayRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_range(f, &weekday_name(self.begin), &weekday_name(self.end))
    }
}

impl fmt::Display for DayOfMonthRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_range(f, &self.begin.to_string(), &self.end.to_string())
    }
}

impl fmt::Display for MonthRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_range(f, &self.begin.to_string(), &self.end.to_string())
    }
}

impl fmt::Display for YearRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_range(f, &self.begin.to_string(), &self.end.to_string())
    }
}

impl Serialize for WeekdayRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for DayOfMonthRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for MonthRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for YearRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for TimeRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown {
            start_time: String,
            end_time: String,
        }
        let clock = |minute: i64| format!("{:02}:{:02}", minute / 60, minute % 60);
        Shown {
            start_time: clock(self.start_minute),
            end_time: clock(self.end_minute),
        }
        .serialize(serializer)
    }
}
