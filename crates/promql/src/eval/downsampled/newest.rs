//! Instant selectors: the newest sample that is known at each step.
//!
//! Between the first and the last sample of a window the first is the newest that is known, and the
//! series is there however long the window is.

use std::sync::Arc;

use skopos_core::metric::{DownsampledSeries, FloatWindow, HistogramWindow, MetricValue};

use crate::eval::Column;
use crate::eval::select::{Found, LookAt, newest};

/// The newest sample of a window at a time.
struct Newest {
    time_ms: i64,
    value: Option<MetricValue>,
}

/// For each step the newest sample not older than the lookback, unless it marks staleness.
pub(in crate::eval) fn newest_column(read: &DownsampledSeries, look_at: LookAt, lookback_ms: i64) -> Column {
    let series = &read.series;
    let mut column = Column::empty(series.labels.clone(), look_at.grid.len());
    let (mut floats_end, mut histograms_end) = (0, 0);
    for (step, found) in newest(series.into(), look_at, lookback_ms).enumerate() {
        let time_ms = look_at.time(step);
        let floats = &read.windows;
        advance(&mut floats_end, floats.len(), |at| floats[at].first_ms <= time_ms);
        let histograms = &read.histogram_windows;
        advance(&mut histograms_end, histograms.len(), |at| {
            histograms[at].first_ms() <= time_ms
        });
        let float = floats_end
            .checked_sub(1)
            .map(|at| of_floats(&floats[at], time_ms, lookback_ms));
        let histogram = histograms_end
            .checked_sub(1)
            .map(|at| of_histograms(&histograms[at], time_ms, lookback_ms));
        let window = match (float, histogram) {
            (Some(float), Some(histogram)) if float.time_ms > histogram.time_ms => Some(float),
            (float, histogram) => histogram.or(float),
        };
        // A sample that marks staleness is newer than a window too.
        let sample_ms = newest_sample_ms(read, time_ms);
        let value = match window {
            Some(window) if sample_ms.is_none_or(|sample_ms| window.time_ms > sample_ms) => window.value,
            _ => found.map(|found| match found {
                Found::Float(at) => MetricValue::Float(series.values[at]),
                Found::Histogram(at) => MetricValue::Histogram(Arc::clone(&series.histograms[at])),
            }),
        };
        if let Some(value) = value {
            column.set(step, value);
        }
    }
    column
}

fn advance(end: &mut usize, length: usize, is_begun: impl Fn(usize) -> bool) {
    while *end < length && is_begun(*end) {
        *end += 1;
    }
}

fn newest_sample_ms(read: &DownsampledSeries, time_ms: i64) -> Option<i64> {
    let last = |times: &[i64]| {
        let end = times.partition_point(|time| *time <= time_ms);
        end.checked_sub(1).map(|at| times[at])
    };
    last(&read.series.timestamps_ms).max(last(&read.series.histogram_timestamps_ms))
}

fn of_floats(window: &FloatWindow, time_ms: i64, lookback_ms: i64) -> Newest {
    if time_ms < window.last_ms {
        return Newest {
            time_ms: window.first_ms,
            value: Some(MetricValue::Float(window.first)),
        };
    }
    let last = MetricValue::Float(window.last);
    after_last(window.last_ms, window.stale_ms, last, (time_ms, lookback_ms))
}

fn of_histograms(window: &HistogramWindow, time_ms: i64, lookback_ms: i64) -> Newest {
    let end = window.kept.partition_point(|kept| kept.0 <= time_ms);
    let Some((kept_ms, histogram)) = end.checked_sub(1).map(|at| &window.kept[at]) else {
        return Newest { time_ms, value: None };
    };
    let value = MetricValue::Histogram(Arc::clone(histogram));
    if time_ms < window.last_ms() {
        return Newest {
            time_ms: *kept_ms,
            value: Some(value),
        };
    }
    after_last(*kept_ms, window.stale_ms, value, (time_ms, lookback_ms))
}

fn after_last(last_ms: i64, stale_ms: Option<i64>, value: MetricValue, (time_ms, lookback_ms): (i64, i64)) -> Newest {
    if let Some(stale_ms) = stale_ms.filter(|stale_ms| *stale_ms <= time_ms) {
        return Newest {
            time_ms: stale_ms,
            value: None,
        };
    }
    let is_fresh = last_ms > time_ms.saturating_sub(lookback_ms);
    Newest {
        time_ms: last_ms,
        value: is_fresh.then_some(value),
    }
}
