//! Windows of samples.

use std::sync::Arc;

use skopos_core::histogram::{FloatHistogram, compacted, detect_reset, is_gauge, sum_of};
use skopos_core::metric::{FloatWindow, HistogramWindow, window_end_ms};
use skopos_core::sample::is_stale;
use skopos_core::sum::Sum;

/// The windows of samples that are sorted by time.
pub(crate) fn float_windows(times_ms: &[i64], values: &[f64], resolution_ms: i64) -> Vec<FloatWindow> {
    let mut windows: Vec<FloatWindow> = Vec::new();
    let mut sum = Sum::default();
    for (time_ms, value) in times_ms.iter().zip(values) {
        let (time_ms, value) = (*time_ms, *value);
        if is_stale(value) {
            if let Some(last) = windows.last_mut() {
                last.stale_ms.get_or_insert(time_ms);
            }
            continue;
        }
        let sample = FloatWindow::of_sample(time_ms, value);
        let end_ms = window_end_ms(time_ms, resolution_ms);
        match windows.last_mut() {
            Some(window) if window.end_ms() == end_ms => {
                window.extend_but_sum(&sample);
                sum.add(value);
                window.sum = sum.value();
            }
            _ => {
                sum = Sum::default();
                sum.add(value);
                windows.push(FloatWindow {
                    resolution_ms,
                    ..sample
                });
            }
        }
    }
    windows
}

/// The windows of histograms that are sorted by time.
pub(crate) fn histogram_windows(
    times_ms: &[i64],
    histograms: &[Arc<FloatHistogram>],
    resolution_ms: i64,
) -> Vec<HistogramWindow> {
    let mut windows: Vec<HistogramWindow> = Vec::new();
    let mut samples: Vec<(i64, Arc<FloatHistogram>)> = Vec::new();
    for (time_ms, histogram) in times_ms.iter().zip(histograms) {
        if is_stale(histogram.sum) {
            windows.extend(histogram_window(&samples, resolution_ms));
            samples.clear();
            if let Some(last) = windows.last_mut() {
                last.stale_ms.get_or_insert(*time_ms);
            }
            continue;
        }
        let end_ms = window_end_ms(*time_ms, resolution_ms);
        if samples
            .last()
            .is_some_and(|last| window_end_ms(last.0, resolution_ms) != end_ms)
        {
            windows.extend(histogram_window(&samples, resolution_ms));
            samples.clear();
        }
        samples.push((*time_ms, Arc::clone(histogram)));
    }
    windows.extend(histogram_window(&samples, resolution_ms));
    windows
}

/// What is kept of the histograms of one window.
fn histogram_window(samples: &[(i64, Arc<FloatHistogram>)], resolution_ms: i64) -> Option<HistogramWindow> {
    let last = samples.len().checked_sub(1)?;
    let follows_reset = |at: usize| {
        let (before, after) = (&samples[at - 1].1, &samples[at].1);
        !is_gauge(after) && detect_reset(after, before)
    };
    let is_kept = |at: &usize| {
        let at = *at;
        at == 0 || at == last || follows_reset(at) || follows_reset(at + 1)
    };
    let total = sum_of(samples.iter().map(|(_, histogram)| &**histogram)).ok().flatten();
    Some(HistogramWindow {
        resolution_ms,
        count: samples.len() as u64,
        kept: (0..=last).filter(is_kept).map(|at| samples[at].clone()).collect(),
        sum: total.map(|total| Arc::new(compacted(total.histogram))),
        stale_ms: None,
    })
}

#[cfg(test)]
mod tests {
    use skopos_core::sample::STALE_NAN;

    use super::*;

    #[test]
    fn samples_go_to_the_window_that_ends_with_or_after_them() {
        let times = [0, 1, 300, 301, 600, 900];
        let values = [1.0, 5.0, 3.0, 4.0, STALE_NAN, 2.0];
        let windows = float_windows(&times, &values, 300);
        let ends: Vec<i64> = windows.iter().map(FloatWindow::end_ms).collect();
        assert_eq!(ends, [0, 300, 600, 900]);
        let second = windows[1];
        assert_eq!((second.count, second.sum, second.min, second.max), (2.0, 8.0, 3.0, 5.0));
        assert_eq!(
            (second.first, second.last, second.lost, second.resets),
            (5.0, 3.0, 5.0, 1.0)
        );
        assert_eq!((windows[2].stale_ms, windows[3].stale_ms), (Some(600), None));
    }

    #[test]
    fn histograms_on_both_sides_of_a_reset_are_kept() {
        let histogram = |count: f64| {
            Arc::new(FloatHistogram {
                count,
                zero_count: count,
                ..FloatHistogram::default()
            })
        };
        let counts = [1.0, 2.0, 3.0, 1.0, 2.0, 3.0];
        let times = [10, 20, 30, 40, 50, 60];
        let windows = histogram_windows(&times, &counts.map(histogram), 100);
        assert_eq!(windows.len(), 1);
        let kept: Vec<i64> = windows[0].kept.iter().map(|kept| kept.0).collect();
        assert_eq!(kept, [10, 30, 40, 60]);
        let sum = windows[0].sum.as_ref().expect("they add up");
        assert_eq!((windows[0].count, sum.count), (6, 12.0));
    }
}
