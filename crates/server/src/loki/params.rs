//! Parameters of Loki's query API (`pkg/loghttp/params.go`).

use std::time::Duration;

use skopos_config::format_duration;
use skopos_core::limits::Limits;
use skopos_core::log::Direction;
use skopos_core::time::TimeRangeNs;

use super::error::LokiError;
use crate::params::Params;
use crate::time::{parse_rfc3339, parse_step_ms};

const NS_PER_SECOND: i64 = 1_000_000_000;
const NS_PER_MS: i64 = 1_000_000;
/// What a query without `start` looks back.
const QUERY_LOOKBACK_NS: i64 = 3600 * NS_PER_SECOND;
/// What a list of labels without `start` looks back.
const LABELS_LOOKBACK_NS: i64 = 6 * 3600 * NS_PER_SECOND;
const DEFAULT_LIMIT: u32 = 100;
/// Points that the default step aims at.
const DEFAULT_POINTS: i64 = 250;
/// Most points per series.
const MAX_POINTS: i64 = 11_000;
/// Unix times of at most this many digits are seconds, longer ones nanoseconds.
const MAX_SECONDS_DIGITS: usize = 10;

/// What `query_range` is asked, besides the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RangeParams {
    pub(super) start_ns: i64,
    pub(super) end_ns: i64,
    pub(super) step_ns: i64,
    pub(super) interval_ns: i64,
    pub(super) limit: usize,
    pub(super) direction: Direction,
}

/// What `query` is asked, besides the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InstantParams {
    pub(super) time_ns: i64,
}

/// Reads the parameters of `query_range`, within the limits of the tenant.
pub(super) fn range(params: &Params, now_ns: i64, limits: &Limits) -> Result<RangeParams, LokiError> {
    let bounds = bounds(params, now_ns, QUERY_LOOKBACK_NS)?;
    if bounds.end_ns < bounds.start_ns {
        let text = "end timestamp must not be before or equal to start time";
        return Err(LokiError::bad_request(text));
    }
    refuse_long(bounds, limits)?;
    let step_ns = match params.non_empty("step") {
        Some(text) => duration_ns(text)?,
        None => default_step_ns(bounds),
    };
    if step_ns <= 0 {
        let text = "zero or negative query resolution step widths are not accepted. Try a positive integer";
        return Err(LokiError::bad_request(text));
    }
    if bounds.end_ns.saturating_sub(bounds.start_ns) / step_ns > MAX_POINTS {
        return Err(LokiError::bad_request(
            "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step \
             parameter",
        ));
    }
    let interval_ns = params.non_empty("interval").map_or(Ok(0), duration_ns)?;
    if interval_ns < 0 {
        return Err(LokiError::bad_request("interval must be >= 0"));
    }
    Ok(RangeParams {
        start_ns: bounds.start_ns,
        end_ns: bounds.end_ns,
        step_ns,
        interval_ns,
        limit: limit(params, limits.max_entries_limit_per_query)?,
        direction: direction(params)?,
    })
}

/// Reads the parameters of `query`.
pub(super) fn instant(params: &Params, now_ns: i64, limits: &Limits) -> Result<InstantParams, LokiError> {
    let time_ns = params.non_empty("time").map_or(Ok(now_ns), time_ns)?;
    limit(params, limits.max_entries_limit_per_query)?;
    direction(params)?;
    Ok(InstantParams { time_ns })
}

/// Reads `start`, `end` and `since` of label and index requests.
pub(super) fn label_range(params: &Params, now_ns: i64) -> Result<TimeRangeNs, LokiError> {
    let range = bounds(params, now_ns, LABELS_LOOKBACK_NS)?;
    if range.end_ns < range.start_ns {
        let text = "end timestamp must not be before or equal to start time";
        return Err(LokiError::bad_request(text));
    }
    Ok(TimeRangeNs::new(range.start_ns, range.end_ns.saturating_add(1)))
}

fn bounds(params: &Params, now_ns: i64, lookback_ns: i64) -> Result<TimeRangeNs, LokiError> {
    let end_ns = params.non_empty("end").map_or(Ok(now_ns), time_ns)?;
    let since_ns = params.non_empty("since").map_or(Ok(lookback_ns), duration_ns)?;
    let start_ns = match params.non_empty("start") {
        Some(text) => time_ns(text)?,
        // A window that ends in the future still covers what lies behind.
        None => end_ns.min(now_ns).saturating_sub(since_ns),
    };
    Ok(TimeRangeNs::new(start_ns, end_ns))
}

fn refuse_long(bounds: TimeRangeNs, limits: &Limits) -> Result<(), LokiError> {
    let asked = Duration::from_nanos(bounds.end_ns.saturating_sub(bounds.start_ns).max(0).unsigned_abs());
    let longest = limits.max_query_length;
    if longest.is_zero() || asked <= longest {
        return Ok(());
    }
    Err(LokiError::bad_request(format!(
        "the query time range exceeds the limit (query length: {}, limit: {})",
        format_duration(asked),
        format_duration(longest)
    )))
}

fn default_step_ns(bounds: TimeRangeNs) -> i64 {
    let seconds = bounds.end_ns.saturating_sub(bounds.start_ns) / NS_PER_SECOND / DEFAULT_POINTS;
    seconds.max(1) * NS_PER_SECOND
}

fn limit(params: &Params, max_entries: usize) -> Result<usize, LokiError> {
    let limit = match params.non_empty("limit") {
        None => DEFAULT_LIMIT,
        Some(text) => text.parse::<u32>().map_err(|_| {
            LokiError::bad_request(format!("limit must be a number between 1 and {}: {text:?}", u32::MAX))
        })?,
    };
    if limit == 0 {
        return Err(LokiError::bad_request("limit must be a positive value"));
    }
    let limit = limit as usize;
    if max_entries > 0 && limit > max_entries {
        return Err(LokiError::bad_request(format!(
            "max entries limit per query exceeded, limit > max_entries_limit_per_query ({limit} > {max_entries})"
        )));
    }
    Ok(limit)
}

fn direction(params: &Params) -> Result<Direction, LokiError> {
    let text = params.get("direction");
    match text.to_ascii_lowercase().as_str() {
        "" | "backward" => Ok(Direction::Backward),
        "forward" => Ok(Direction::Forward),
        _ => Err(LokiError::bad_request(format!("invalid direction '{text}'"))),
    }
}

/// Reads integer seconds or nanoseconds, decimal seconds, or RFC 3339.
fn time_ns(text: &str) -> Result<i64, LokiError> {
    let unreadable = || LokiError::bad_request(format!("could not parse {text:?} as a timestamp"));
    if text.contains('.')
        && let Ok(seconds) = text.parse::<f64>()
    {
        let ns = seconds * NS_PER_SECOND as f64;
        return if ns.abs() < i64::MAX as f64 {
            Ok(ns as i64)
        } else {
            Err(unreadable())
        };
    }
    if let Ok(number) = text.parse::<i64>() {
        let digits = text.trim_start_matches(['-', '+']).len();
        let is_seconds = digits <= MAX_SECONDS_DIGITS;
        return Ok(if is_seconds {
            number.saturating_mul(NS_PER_SECOND)
        } else {
            number
        });
    }
    let time = parse_rfc3339(text).ok_or_else(unreadable)?;
    i64::try_from(time.as_nanosecond()).map_err(|_| unreadable())
}

/// Reads float seconds or a Prometheus duration.
fn duration_ns(text: &str) -> Result<i64, LokiError> {
    match parse_step_ms(text) {
        Ok(ms) => Ok(ms.saturating_mul(NS_PER_MS)),
        Err(_) => Err(LokiError::bad_request(format!(
            "cannot parse {text:?} to a valid duration"
        ))),
    }
}

#[cfg(test)]
mod tests;
