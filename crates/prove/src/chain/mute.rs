//! When a route is mute: times at which nothing is sent, by its mute and active time intervals.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use skopos_alertmanager::RouteId;

use super::Chain;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Monday, 5 January 2026, 00:00 UTC: times are looked for from here on.
pub(super) const MONDAY_MS: i64 = 1_767_571_200_000;
/// Minutes of a week.
const WEEK_MINUTES: i64 = 7 * 24 * 60;
/// Hours of a year.
const YEAR_HOURS: i64 = 366 * 24;
/// Spans of a week that are told one by one.
const MAX_TOLD: usize = 7;

/// A part of time at which nothing is sent: its first minute, and the first after it.
type Span = (i64, i64);

impl Chain<'_> {
    /// A full hour from which on, at each of these delays, at least one of the routes is not mute.
    pub(super) fn awake_ms(&self, routes: &[RouteId], delays_ms: &[i64]) -> Option<i64> {
        let mut hours = (0..YEAR_HOURS).map(|hour| MONDAY_MS + hour * HOUR_MS);
        hours.find(|at_ms| {
            delays_ms
                .iter()
                .all(|delay_ms| !self.are_mute(routes, at_ms + delay_ms))
        })
    }

    fn are_mute(&self, routes: &[RouteId], at_ms: i64) -> bool {
        routes.iter().all(|route| self.is_mute(*route, at_ms))
    }

    fn is_mute(&self, route: RouteId, at_ms: i64) -> bool {
        let route = self.plan.tree.route(route);
        let within = |name: &String| self.plan.interval_contains(name, at_ms);
        let is_active = route.active_time_intervals.is_empty() || route.active_time_intervals.iter().any(within);
        !is_active || route.mute_time_intervals.iter().any(within)
    }

    /// At which times a route's receiver is not told; nothing of routes that are never mute.
    pub(super) fn mute_times(&self, id: RouteId) -> Option<String> {
        let route = self.plan.tree.route(id);
        if route.mute_time_intervals.is_empty() && route.active_time_intervals.is_empty() {
            return None;
        }
        let minutes = (0..=WEEK_MINUTES).map(|minute| MONDAY_MS + minute * MINUTE_MS);
        let week = spans(minutes, |at_ms| self.is_mute(id, at_ms));
        let when = if week.is_empty() {
            let hours = (0..=YEAR_HOURS).map(|hour| MONDAY_MS + hour * HOUR_MS);
            let year = spans(hours, |at_ms| self.is_mute(id, at_ms));
            let (first, more) = year.split_first()?;
            let mut text = format!("{} to {}", date(first.0), date(first.1));
            if !more.is_empty() {
                let _written = write!(text, " and {} times more in a year", more.len());
            }
            text
        } else {
            week_words(&week)
        };
        let names: Vec<&str> = route
            .mute_time_intervals
            .iter()
            .chain(&route.active_time_intervals)
            .map(String::as_str)
            .collect();
        Some(format!(
            "{} is not told at these times (UTC, by {}): {when}",
            route.receiver,
            names.join(", ")
        ))
    }
}

/// The parts of time in which something holds.
fn spans(times_ms: impl Iterator<Item = i64>, holds: impl Fn(i64) -> bool) -> Vec<Span> {
    let mut found = Vec::new();
    let (mut since_ms, mut last_ms) = (None, None);
    for at_ms in times_ms {
        match (holds(at_ms), since_ms) {
            (true, None) => since_ms = Some(at_ms),
            (false, Some(from_ms)) => {
                found.push((from_ms, at_ms));
                since_ms = None;
            }
            _ => {}
        }
        last_ms = Some(at_ms);
    }
    if let (Some(from_ms), Some(to_ms)) = (since_ms, last_ms)
        && from_ms < to_ms
    {
        found.push((from_ms, to_ms));
    }
    found
}

/// The spans of a week; those that come again each day are told once.
fn week_words(week: &[Span]) -> String {
    let of_day = |span: &Span| ((span.0 - MONDAY_MS) % DAY_MS, span.1 - span.0);
    let first = of_day(&week[0]);
    if week.len() == 7 && week.iter().all(|span| of_day(span) == first) {
        return format!("every day {} to {}", clock(week[0].0), clock(week[0].1));
    }
    let told = week.iter().take(MAX_TOLD);
    let mut words: Vec<String> = told
        .map(|span| format!("{} {} to {} {}", day(span.0), clock(span.0), day(span.1), clock(span.1)))
        .collect();
    if week.len() > MAX_TOLD {
        words.push(format!("{} more in a week", week.len() - MAX_TOLD));
    }
    words.join(", ")
}

fn shown(at_ms: i64, format: &str) -> String {
    Timestamp::from_millisecond(at_ms).map_or_else(
        |_| at_ms.to_string(),
        |at| at.to_zoned(TimeZone::UTC).strftime(format).to_string(),
    )
}

fn day(at_ms: i64) -> String {
    shown(at_ms, "%a")
}

fn clock(at_ms: i64) -> String {
    shown(at_ms, "%H:%M")
}

fn date(at_ms: i64) -> String {
    shown(at_ms, "%Y-%m-%d %H:%M")
}
