//! When a selector last matched a sample: looks back over growing ranges, then narrows down within the one that has
//! a series. Bounded by the age given.

use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::{MetricSource, ResolutionLimit, Selection, Series};
use skopos_core::sample::is_stale;
use skopos_core::{Matcher, QueryBudget, ReadError, TimeRange};

/// The first range that is looked at; each next one is longer by [`GROWTH`].
const FIRST_RANGE_MS: i64 = 3_600_000;
const GROWTH: i64 = 4;
/// Samples are read once the range is no longer than this.
const NARROW_MS: i64 = 120_000;
const STAGE: &str = "search for the last sample";

/// Between which times is looked, both included, Unix milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ages {
    pub(super) newest_ms: i64,
    pub(super) oldest_ms: i64,
}

/// Time of the last sample of the series that match.
pub(super) fn last_seen(
    source: &dyn MetricSource,
    matchers: &[Matcher],
    ages: Ages,
    budget: &QueryBudget,
) -> Result<Option<i64>, ReadError> {
    let exists = |start_ms: i64, end_ms: i64| -> Result<bool, ReadError> {
        budget.check(STAGE)?;
        let range = TimeRange::new(start_ms, end_ms);
        Ok(!source.label_values(METRIC_NAME, matchers, range)?.is_empty())
    };
    let mut end_ms = ages.newest_ms;
    let mut length_ms = FIRST_RANGE_MS;
    let mut start_ms = loop {
        if end_ms < ages.oldest_ms {
            return Ok(None);
        }
        let start_ms = end_ms.saturating_sub(length_ms).max(ages.oldest_ms);
        if exists(start_ms, end_ms)? {
            break start_ms;
        }
        end_ms = start_ms.saturating_sub(1);
        length_ms = length_ms.saturating_mul(GROWTH);
    };
    while end_ms - start_ms > NARROW_MS {
        let middle_ms = start_ms + (end_ms - start_ms) / 2;
        if exists(middle_ms + 1, end_ms)? {
            start_ms = middle_ms + 1;
        } else {
            end_ms = middle_ms;
        }
    }
    let selection = Selection {
        matchers,
        range: TimeRange::new(start_ms, end_ms),
        step_ms: 0,
        resolution: ResolutionLimit::KEPT,
    };
    let series = source.select(&selection, &budget.renewed())?;
    Ok(Some(series.iter().filter_map(last_ms).max().unwrap_or(end_ms)))
}

/// The last sample of a series; the marker of its end where there is nothing else.
fn last_ms(series: &Series) -> Option<i64> {
    let floats = series.timestamps_ms.iter().zip(&series.values);
    let real = floats
        .rev()
        .find(|(_, value)| !is_stale(**value))
        .map(|(at_ms, _)| *at_ms);
    let last = real.max(series.histogram_timestamps_ms.last().copied());
    last.or(series.timestamps_ms.last().copied())
}
