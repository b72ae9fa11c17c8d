//! Parameters of Prometheus' API with its texts for what is wrong with them.

use std::time::Duration;

use skopos_core::metric::SourceResolution;
use skopos_core::{Matcher, TimeRange};

use super::envelope::ApiError;
use crate::params::Params;
use crate::time::{DurationError, parse_step_ms, parse_time_ms};

/// A required time in milliseconds.
pub(super) fn time_ms(params: &Params, name: &str) -> Result<i64, ApiError> {
    let text = params.get(name);
    parse_time_ms(text).ok_or_else(|| ApiError::parameter(name, format!("cannot parse {text:?} to a valid timestamp")))
}

/// A time in milliseconds, or `default` where it is not given.
pub(super) fn time_ms_or(params: &Params, name: &str, default: i64) -> Result<i64, ApiError> {
    let Some(text) = params.non_empty(name) else {
        return Ok(default);
    };
    parse_time_ms(text).ok_or_else(|| {
        let reason = format!("invalid time value for '{name}': cannot parse {text:?} to a valid timestamp");
        ApiError::parameter(name, reason)
    })
}

/// `start` and `end`, all of time where they are not given.
pub(super) fn time_range(params: &Params) -> Result<TimeRange, ApiError> {
    let start_ms = time_ms_or(params, "start", i64::MIN)?;
    let end_ms = time_ms_or(params, "end", i64::MAX)?;
    Ok(TimeRange::new(start_ms, end_ms))
}

/// `limit`; 0 is no limit.
pub(super) fn limit(params: &Params) -> Result<usize, ApiError> {
    let Some(text) = params.non_empty("limit") else {
        return Ok(0);
    };
    let limit: i64 = text.parse().map_err(|_| {
        let reason = format!("strconv.ParseInt: parsing {text:?}: invalid syntax");
        ApiError::parameter("limit", reason)
    })?;
    usize::try_from(limit).map_err(|_| ApiError::parameter("limit", "limit must be non-negative"))
}

/// A duration in milliseconds with Prometheus' text for what is wrong with it.
pub(super) fn duration_ms(text: &str) -> Result<i64, String> {
    parse_step_ms(text).map_err(|error| match error {
        DurationError::Malformed => format!("cannot parse {text:?} to a valid duration"),
        DurationError::Overflow => format!("cannot parse {text:?} to a valid duration. It overflows int64"),
    })
}

/// `timeout`; one that is not positive ends a query at once.
pub(super) fn timeout(params: &Params) -> Result<Option<Duration>, ApiError> {
    let Some(text) = params.non_empty("timeout") else {
        return Ok(None);
    };
    let ms = duration_ms(text).map_err(|reason| ApiError::parameter("timeout", reason))?;
    Ok(Some(Duration::from_millis(u64::try_from(ms).unwrap_or(0))))
}

/// `lookback_delta` in milliseconds.
pub(super) fn lookback_ms(params: &Params) -> Result<Option<i64>, ApiError> {
    let Some(text) = params.non_empty("lookback_delta") else {
        return Ok(None);
    };
    let ms = duration_ms(text)
        .map_err(|reason| ApiError::bad_data(format!("error parsing lookback delta duration: {reason}")))?;
    Ok(Some(ms).filter(|ms| *ms > 0))
}

/// `max_source_resolution`, Thanos' name for how coarse the data may be: `auto`, or a duration, `0s` for
/// samples alone.
pub(crate) fn source_resolution(params: &Params) -> Result<Option<SourceResolution>, ApiError> {
    const NAME: &str = "max_source_resolution";
    let Some(text) = params.non_empty(NAME) else {
        return Ok(None);
    };
    if text == "auto" {
        return Ok(Some(SourceResolution::Auto));
    }
    let ms = duration_ms(text).map_err(|reason| {
        let reason = format!("{reason}; expected auto, 0s for samples alone, or a duration such as 5m or 1h");
        ApiError::parameter(NAME, reason)
    })?;
    Ok(Some(if ms > 0 {
        SourceResolution::AtMost(ms)
    } else {
        SourceResolution::Raw
    }))
}

/// The selectors of `match[]`: each must hold a matcher that does not match the empty text.
pub(super) fn selectors(params: &Params) -> Result<Vec<Vec<Matcher>>, ApiError> {
    let mut selectors = Vec::new();
    for text in params.all("match[]") {
        let matchers =
            skopos_promql::parse_metric_selector(text).map_err(|error| ApiError::parameter("match[]", error))?;
        if matchers.iter().all(Matcher::matches_empty) {
            return Err(ApiError::bad_data(
                "match[] must contain at least one non-empty matcher",
            ));
        }
        selectors.push(matchers);
    }
    Ok(selectors)
}
