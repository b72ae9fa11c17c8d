//! What another store knows of series, added to what is known here.

use std::sync::Arc;

use super::{DownsampledSeries, Series};
use crate::histogram::{CounterResetHint, FloatHistogram};

impl DownsampledSeries {
    /// Adds the samples of `other` at times of which nothing is known here: there is neither a sample nor a window.
    /// Both are sorted by time.
    pub fn add_missing(&mut self, other: &Series) {
        let is_missing = |time: i64| {
            let has = |times: &[i64]| times.binary_search(&time).is_ok();
            let windows = &self.windows;
            let window = windows.get(windows.partition_point(|window| window.end_ms() < time));
            let histograms = &self.histogram_windows;
            let histogram = histograms.get(histograms.partition_point(|window| window.end_ms() < time));
            !has(&self.series.timestamps_ms)
                && !has(&self.series.histogram_timestamps_ms)
                && window.is_none_or(|window| time <= window.after_ms() && time < window.first_ms)
                && histogram.is_none_or(|window| time <= window.end_ms() - window.resolution_ms)
        };
        let floats = other.timestamps_ms.iter().zip(&other.values);
        let floats: Vec<(i64, f64)> = floats
            .map(|(time, value)| (*time, *value))
            .filter(|(time, _)| is_missing(*time))
            .collect();
        let histograms = other.histogram_timestamps_ms.iter().zip(&other.histograms);
        let histograms: Vec<(i64, Arc<FloatHistogram>)> = histograms
            .map(|(time, histogram)| (*time, Arc::clone(histogram)))
            .filter(|(time, _)| is_missing(*time))
            .collect();
        let (series, starts) = (&mut self.series, &mut self.starts);
        woven(
            &mut series.timestamps_ms,
            &mut series.values,
            &mut starts.floats_ms,
            floats,
            |_| {},
        );
        woven(
            &mut series.histogram_timestamps_ms,
            &mut series.histograms,
            &mut starts.histograms_ms,
            histograms,
            forget_reset,
        );
    }
}

/// Whether a counter was reset is said of the sample before it, which is another now.
fn forget_reset(histogram: &mut Arc<FloatHistogram>) {
    let hint = histogram.counter_reset_hint;
    if hint != CounterResetHint::Gauge && hint != CounterResetHint::Unknown {
        Arc::make_mut(histogram).counter_reset_hint = CounterResetHint::Unknown;
    }
}

/// Adds samples in order of time. `at_seam` sees those whose sample before is of the other side.
fn woven<T>(
    times: &mut Vec<i64>,
    values: &mut Vec<T>,
    starts: &mut Vec<i64>,
    more: Vec<(i64, T)>,
    at_seam: impl Fn(&mut T),
) {
    if more.is_empty() {
        return;
    }
    let keeps_starts = !starts.is_empty();
    starts.resize(times.len(), 0);
    let own = times.drain(..).zip(values.drain(..)).zip(starts.drain(..));
    let own = own.map(|((time, value), start)| (time, value, start, true));
    let more = more.into_iter().map(|(time, value)| (time, value, 0, false));
    let mut all: Vec<(i64, T, i64, bool)> = own.chain(more).collect();
    all.sort_by_key(|sample| sample.0);
    let mut before = None;
    for (time, mut value, start, is_own) in all {
        if before.is_some_and(|before| before != is_own) {
            at_seam(&mut value);
        }
        before = Some(is_own);
        times.push(time);
        values.push(value);
        if keeps_starts {
            starts.push(start);
        }
    }
}

/// Adds the series of another store to those found here. All are sorted by labels, and stay so; of `more` one label
/// set may occur again and again.
pub fn merge_series(found: &mut Vec<DownsampledSeries>, more: &[Series]) {
    let known = found.len();
    for other in more {
        let own = found.get(..known).unwrap_or_default();
        let place = own.binary_search_by(|series| series.series.labels.cmp(&other.labels));
        let series = match place {
            Ok(place) => found.get_mut(place),
            Err(_) if found.len() > known => found.last_mut().filter(|last| last.series.labels == other.labels),
            Err(_) => None,
        };
        match series {
            Some(series) => series.add_missing(other),
            None => found.push(DownsampledSeries {
                series: other.clone(),
                ..DownsampledSeries::default()
            }),
        }
    }
    if found.len() > known {
        found.sort_by(|a, b| a.series.labels.cmp(&b.series.labels));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Labels;
    use crate::metric::{FloatWindow, StartTimestamps};

    fn series(name: &str, samples: &[(i64, f64)]) -> Series {
        Series {
            labels: Labels::from_pairs([("__name__", name)]),
            timestamps_ms: samples.iter().map(|sample| sample.0).collect(),
            values: samples.iter().map(|sample| sample.1).collect(),
            ..Series::default()
        }
    }

    #[test]
    fn own_samples_win() {
        let mut found = vec![DownsampledSeries {
            series: series("b", &[(2, 2.0), (4, 4.0)]),
            starts: StartTimestamps {
                floats_ms: vec![1, 1],
                ..StartTimestamps::default()
            },
            ..DownsampledSeries::default()
        }];
        let more = [
            series("a", &[(1, 9.0)]),
            series("a", &[(1, 8.0), (2, 8.0)]),
            series("b", &[(1, 9.0), (2, 9.0), (3, 9.0)]),
        ];
        merge_series(&mut found, &more);
        assert_eq!(found[0].series, series("a", &[(1, 9.0), (2, 8.0)]));
        assert_eq!(found[1].series, series("b", &[(1, 9.0), (2, 2.0), (3, 9.0), (4, 4.0)]));
        assert_eq!(found[1].starts.floats_ms, [0, 1, 0, 1]);
    }

    #[test]
    fn nothing_is_added_where_a_window_stands() {
        let window = FloatWindow {
            resolution_ms: 10,
            last_ms: 18,
            ..FloatWindow::of_sample(12, 1.0)
        };
        let mut found = DownsampledSeries {
            series: series("a", &[(30, 3.0)]),
            windows: vec![window],
            ..DownsampledSeries::default()
        };
        found.add_missing(&series("a", &[(10, 9.0), (11, 9.0), (20, 9.0), (21, 9.0)]));
        assert_eq!(found.series.timestamps_ms, [10, 21, 30]);
    }

    #[test]
    fn whether_a_histogram_was_reset_is_not_known_at_a_seam() {
        let of = |times: &[i64]| Series {
            histogram_timestamps_ms: times.to_vec(),
            histograms: times
                .iter()
                .map(|_| {
                    Arc::new(FloatHistogram {
                        counter_reset_hint: CounterResetHint::NotReset,
                        ..FloatHistogram::default()
                    })
                })
                .collect(),
            ..Series::default()
        };
        let mut found = DownsampledSeries {
            series: of(&[1, 2, 5]),
            ..DownsampledSeries::default()
        };
        found.add_missing(&of(&[3, 4]));
        let hints = found.series.histograms.iter();
        let hints: Vec<CounterResetHint> = hints.map(|histogram| histogram.counter_reset_hint).collect();
        let (known, unknown) = (CounterResetHint::NotReset, CounterResetHint::Unknown);
        assert_eq!(hints, [known, known, unknown, known, unknown]);
    }
}
