//! Reading of time intervals, refused in Alertmanager's words.

use jiff::tz::TimeZone;
use skopos_config::strict::{Node, Problem, Result, Section, read_section, text};

use super::range::{MONTHS, WEEKDAYS, month_name};
use super::{DayOfMonthRange, Location, MonthRange, TimeInterval, TimeRange, WeekdayRange, YearRange};

impl TimeInterval {
    /// Reads an interval; `local` is the IANA name of the zone that `Local` means.
    pub(crate) fn read(node: &Node, local: &str) -> Result<Self> {
        read_section(node, "timeinterval.TimeInterval", |section| {
            let location = match section.get("location") {
                Some(node) => Some(Location::read(node, local)?),
                None => None,
            };
            Ok(Self {
                times: ranges(section, "times", TimeRange::read)?,
                weekdays: ranges(section, "weekdays", |node| at(node, WeekdayRange::parse))?,
                days_of_month: ranges(section, "days_of_month", |node| at(node, DayOfMonthRange::parse))?,
                months: ranges(section, "months", |node| at(node, MonthRange::parse))?,
                years: ranges(section, "years", |node| at(node, YearRange::parse))?,
                location,
            })
        })
    }
}

fn ranges<T>(section: &Section<'_>, key: &'static str, read: impl Fn(&Node) -> Result<T>) -> Result<Option<Vec<T>>> {
    match section.get(key) {
        None => Ok(None),
        Some(_) => section.list(key, read).map(Some),
    }
}

fn at<T>(node: &Node, parse: impl Fn(&str) -> std::result::Result<T, String>) -> Result<T> {
    parse(&text(node)?.to_lowercase()).map_err(|message| Problem::at(node.at, message))
}

impl Location {
    fn read(node: &Node, local: &str) -> Result<Self> {
        let name = text(node)?;
        let iana = match name.as_str() {
            "" => "UTC",
            "Local" => local,
            name => name,
        };
        // Names are files to Go, so their case counts.
        let zone = TimeZone::get(iana)
            .ok()
            .filter(|zone| zone.iana_name() == Some(iana))
            .ok_or_else(|| {
                Problem::at(node.at, format!("unknown time zone {iana}"))
                    .help("use a name of the IANA time zone database, such as Europe/Berlin, or UTC or Local")
            })?;
        Ok(Self { name, zone })
    }
}

impl TimeRange {
    fn read(node: &Node) -> Result<Self> {
        read_section(node, "timeinterval.yamlTimeRange", |section| {
            let (start, end) = (section.text_or_empty("start_time")?, section.text_or_empty("end_time")?);
            if start.is_empty() || end.is_empty() {
                return Err(section.problem("both start and end times must be provided"));
            }
            let minute = |key: &'static str, text: &str| {
                parse_clock(text).ok_or_else(|| {
                    section
                        .problem_at(key, format!("couldn't parse timestamp {text}, invalid format"))
                        .help("write HH:MM from 00:00 to 24:00")
                })
            };
            let range = Self {
                start_minute: minute("start_time", &start)?,
                end_minute: minute("end_time", &end)?,
            };
            if range.start_minute >= range.end_minute {
                return Err(section
                    .problem("start time cannot be equal or greater than end time")
                    .help("a range over midnight is written as two"));
            }
            Ok(range)
        })
    }
}

/// `HH:MM` in minutes.
fn parse_clock(text: &str) -> Option<i64> {
    if text == "24:00" {
        return Some(24 * 60);
    }
    let (hours, minutes) = text.split_once(':')?;
    let two_digits = |text: &str| -> Option<i64> {
        let is_two = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        is_two.then(|| text.parse().ok()).flatten()
    };
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

/// Reads `begin:end` or a single member.
fn parse_range(
    text: &str,
    member: impl Fn(&str) -> std::result::Result<i64, String>,
) -> std::result::Result<(i64, i64), String> {
    match text.split_once(':') {
        None => member(text).map(|value| (value, value)),
        Some((_, end)) if end.contains(':') => Err(format!("couldn't parse range {text}, invalid format")),
        Some((begin, end)) => Ok((member(begin)?, member(end)?)),
    }
}

fn parse_number(text: &str) -> std::result::Result<i64, String> {
    let text_number = text
        .strip_prefix('+')
        .filter(|rest| !rest.starts_with(['+', '-']))
        .unwrap_or(text);
    text_number
        .parse()
        .map_err(|_| format!("strconv.Atoi: parsing {text:?}: invalid syntax"))
}

fn position(names: &[&str], text: &str) -> Option<i64> {
    let index = names.iter().position(|name| *name == text)?;
    i64::try_from(index).ok()
}

impl WeekdayRange {
    fn parse(text: &str) -> std::result::Result<Self, String> {
        let member = |text: &str| position(&WEEKDAYS, text).ok_or_else(|| format!("{text} is not a valid weekday"));
        let (begin, end) = parse_range(text, member)?;
        if begin > end {
            return Err("start day cannot be before end day".to_owned());
        }
        Ok(Self { begin, end })
    }
}

/// Days of the shortest month.
const FEWEST_DAYS: i64 = 28;

impl DayOfMonthRange {
    fn parse(text: &str) -> std::result::Result<Self, String> {
        let (begin, end) = parse_range(text, parse_number)?;
        for day in [begin, end] {
            if day == 0 || !(-31..=31).contains(&day) {
                return Err(format!("{day} is not a valid day of the month: out of range"));
            }
        }
        if begin < 0 && end > 0 {
            return Err("end day must be negative if start day is negative".to_owned());
        }
        let in_shortest = |day: i64| if day < 0 { FEWEST_DAYS + day } else { day };
        if in_shortest(begin) > in_shortest(end) {
            return Err(format!("end day {end} is always before start day {begin}"));
        }
        Ok(Self { begin, end })
    }
}

impl MonthRange {
    fn parse(text: &str) -> std::result::Result<Self, String> {
        let member = |text: &str| match position(&MONTHS, text) {
            Some(index) => Ok(index + 1),
            None => parse_number(text).map_err(|_| format!("{text} is not a valid month")),
        };
        let (begin, end) = parse_range(text, member)?;
        if begin > end {
            return Err(format!(
                "end month {} is before start month {}",
                month_name(end),
                month_name(begin)
            ));
        }
        Ok(Self { begin, end })
    }
}

impl YearRange {
    fn parse(text: &str) -> std::result::Result<Self, String> {
        let (begin, end) = parse_range(text, parse_number)?;
        if begin > end {
            return Err(format!("end year {end} is before start year {begin}"));
        }
        Ok(Self { begin, end })
    }
}
