//! Downsampled series: what a store keeps of the samples of each window of time, and how coarse a
//! read may be.

use std::sync::Arc;

use super::{Series, StartTimestamps};
use crate::histogram::FloatHistogram;
use crate::sample::STALE_NAN;

/// Which data a query asks for, as `max_source_resolution` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SourceResolution {
    /// Raw samples where they are kept, else the finest windows that are.
    #[default]
    Kept,
    /// Raw samples alone.
    Raw,
    /// Windows of at most so many milliseconds, none longer.
    AtMost(i64),
    /// Windows of at most a fifth of the query's step.
    Auto,
}

/// How coarse the data of one read may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResolutionLimit {
    /// Windows up to so many milliseconds are taken although finer data is kept.
    pub preferred_ms: i64,
    /// Longer windows are never taken; those between are where nothing finer is kept.
    pub max_ms: i64,
}

impl ResolutionLimit {
    /// Raw samples where they are kept, else the finest windows that are.
    pub const KEPT: Self = Self {
        preferred_ms: 0,
        max_ms: i64::MAX,
    };
    /// Raw samples alone.
    pub const RAW: Self = Self {
        preferred_ms: 0,
        max_ms: 0,
    };
}

impl Default for ResolutionLimit {
    fn default() -> Self {
        Self::KEPT
    }
}

impl SourceResolution {
    /// Windows are at most so much of the step.
    const STEP_SHARE: i64 = 5;

    /// What it means for a selector with a range (0 for none) in a query with a step (0 for an
    /// instant). Windows longer than the range answer less, so finer ones are preferred.
    pub fn limit(self, step_ms: i64, range_ms: i64) -> ResolutionLimit {
        let within_range = if range_ms > 0 { range_ms } else { i64::MAX };
        match self {
            Self::Kept => ResolutionLimit::KEPT,
            Self::Raw => ResolutionLimit::RAW,
            Self::AtMost(resolution_ms) => ResolutionLimit {
                preferred_ms: resolution_ms.min(within_range),
                max_ms: resolution_ms,
            },
            Self::Auto => {
                let stretch_ms = if step_ms > 0 { step_ms } else { range_ms };
                ResolutionLimit {
                    preferred_ms: (stretch_ms / Self::STEP_SHARE).min(within_range),
                    ..ResolutionLimit::KEPT
                }
            }
        }
    }
}

/// The end of the window that a time belongs to: windows begin after a multiple of their length
/// since the Unix epoch and end with the next.
pub const fn window_end_ms(time_ms: i64, resolution_ms: i64) -> i64 {
    let past = time_ms.rem_euclid(resolution_ms);
    if past == 0 {
        time_ms
    } else {
        time_ms.saturating_add(resolution_ms - past)
    }
}

/// What is kept of the float samples of one series in one window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FloatWindow {
    /// Length of the window in milliseconds; 0 where it is a single sample as it was.
    pub resolution_ms: i64,
    /// Time of the first sample.
    pub first_ms: i64,
    /// Time of the last sample.
    pub last_ms: i64,
    /// Number of samples.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// The least, NaN only where all are.
    pub min: f64,
    /// The greatest, NaN only where all are.
    pub max: f64,
    /// The first sample.
    pub first: f64,
    /// The last sample.
    pub last: f64,
    /// Sum of the samples right before each fall: what a counter lost to resets.
    pub lost: f64,
    /// Number of falls.
    pub resets: f64,
    /// When the series was marked stale after its last sample, if it was before the next.
    pub stale_ms: Option<i64>,
}

impl FloatWindow {
    /// A single sample.
    pub const fn of_sample(time_ms: i64, value: f64) -> Self {
        Self {
            resolution_ms: 0,
            first_ms: time_ms,
            last_ms: time_ms,
            count: 1.0,
            sum: value,
            min: value,
            max: value,
            first: value,
            last: value,
            lost: 0.0,
            resets: 0.0,
            stale_ms: None,
        }
    }

    /// The end of the window.
    pub const fn end_ms(&self) -> i64 {
        if self.resolution_ms > 0 {
            window_end_ms(self.last_ms, self.resolution_ms)
        } else {
            self.last_ms
        }
    }

    /// The time that the window begins after.
    pub const fn after_ms(&self) -> i64 {
        self.end_ms().saturating_sub(self.resolution_ms)
    }

    /// Takes the samples of a later window in. The sums are for the caller, who may add more of
    /// them than two.
    pub fn extend_but_sum(&mut self, next: &Self) {
        if next.first < self.last {
            self.lost += self.last;
            self.resets += 1.0;
        }
        self.lost += next.lost;
        self.resets += next.resets;
        self.count += next.count;
        self.min = least(self.min, next.min);
        self.max = greatest(self.max, next.max);
        (self.last_ms, self.last, self.stale_ms) = (next.last_ms, next.last, next.stale_ms);
    }
}

/// The lesser value; NaN only of two.
fn least(a: f64, b: f64) -> f64 {
    if b < a || a.is_nan() { b } else { a }
}

/// The greater value; NaN only of two.
fn greatest(a: f64, b: f64) -> f64 {
    if b > a || a.is_nan() { b } else { a }
}

fn stale_histogram() -> Arc<FloatHistogram> {
    Arc::new(FloatHistogram {
        sum: STALE_NAN,
        ..FloatHistogram::default()
    })
}

/// What is kept of the native histograms of one series in one window.
#[derive(Debug, Clone, PartialEq)]
pub struct HistogramWindow {
    /// Length of the window in milliseconds.
    pub resolution_ms: i64,
    /// Number of samples.
    pub count: u64,
    /// The first and the last histogram, and those on both sides of each reset between, by time.
    pub kept: Vec<(i64, Arc<FloatHistogram>)>,
    /// The sum of all; `None` where they do not add up.
    pub sum: Option<Arc<FloatHistogram>>,
    /// When the series was marked stale after its last sample, if it was before the next.
    pub stale_ms: Option<i64>,
}

impl HistogramWindow {
    /// Time of the first sample.
    pub fn first_ms(&self) -> i64 {
        self.kept.first().map_or(0, |kept| kept.0)
    }

    /// Time of the last sample.
    pub fn last_ms(&self) -> i64 {
        self.kept.last().map_or(0, |kept| kept.0)
    }

    /// The end of the window.
    pub fn end_ms(&self) -> i64 {
        window_end_ms(self.last_ms(), self.resolution_ms)
    }
}

/// A series as read from data of several resolutions. Samples and windows do not overlap.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DownsampledSeries {
    /// Identity, and the samples as they were.
    pub series: Series,
    /// When the counting behind those began.
    pub starts: StartTimestamps,
    /// Windows of floats, by time.
    pub windows: Vec<FloatWindow>,
    /// Windows of histograms, by time.
    pub histogram_windows: Vec<HistogramWindow>,
}

impl DownsampledSeries {
    /// Whether there is neither sample nor window.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty() && !self.has_windows()
    }

    /// Whether some of it is windows.
    pub fn has_windows(&self) -> bool {
        !self.windows.is_empty() || !self.histogram_windows.is_empty()
    }

    /// As how many samples a budget is charged with it, by the memory that it takes.
    pub fn charged_samples(&self) -> usize {
        const SAMPLE_BYTES: usize = size_of::<(i64, f64)>();
        let histograms = self.histogram_windows.iter().map(|window| window.kept.len() + 1);
        self.series.len() + self.windows.len() * (size_of::<FloatWindow>() / SAMPLE_BYTES) + histograms.sum::<usize>()
    }

    /// The samples, those that are known of windows among them: the first and the last of each, all
    /// histograms that are kept, markers of staleness.
    pub fn into_samples(self) -> (Series, StartTimestamps) {
        if !self.has_windows() {
            return (self.series, self.starts);
        }
        let mut series = self.series;
        let mut floats: Vec<(i64, f64)> = series.timestamps_ms.drain(..).zip(series.values.drain(..)).collect();
        for window in &self.windows {
            floats.push((window.first_ms, window.first));
            if window.last_ms > window.first_ms {
                floats.push((window.last_ms, window.last));
            }
            floats.extend(window.stale_ms.map(|stale_ms| (stale_ms, STALE_NAN)));
        }
        floats.sort_by_key(|sample| sample.0);
        (series.timestamps_ms, series.values) = floats.into_iter().unzip();
        let times = series.histogram_timestamps_ms.drain(..);
        let mut histograms: Vec<(i64, Arc<FloatHistogram>)> = times.zip(series.histograms.drain(..)).collect();
        for window in self.histogram_windows {
            histograms.extend(window.stale_ms.map(|stale_ms| (stale_ms, stale_histogram())));
            histograms.extend(window.kept);
        }
        histograms.sort_by_key(|sample| sample.0);
        (series.histogram_timestamps_ms, series.histograms) = histograms.into_iter().unzip();
        (series, StartTimestamps::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_end_with_a_multiple_of_their_length() {
        assert_eq!(window_end_ms(0, 300), 0);
        assert_eq!(window_end_ms(1, 300), 300);
        assert_eq!(window_end_ms(300, 300), 300);
        assert_eq!(window_end_ms(-1, 300), 0);
    }

    #[test]
    fn a_limit_prefers_windows_that_fit_the_range() {
        let minutes = |count: i64| count * 60_000;
        let limit = |of: SourceResolution, step, range| of.limit(minutes(step), minutes(range));
        assert_eq!(limit(SourceResolution::Kept, 60, 60), ResolutionLimit::KEPT);
        assert_eq!(limit(SourceResolution::Auto, 60, 10).preferred_ms, minutes(10));
        assert_eq!(limit(SourceResolution::Auto, 60, 60).preferred_ms, minutes(12));
        assert_eq!(limit(SourceResolution::Auto, 0, 100).preferred_ms, minutes(20));
        let hour = SourceResolution::AtMost(minutes(60));
        assert_eq!(limit(hour, 1, 10).preferred_ms, minutes(10));
        assert_eq!(limit(hour, 1, 0).preferred_ms, minutes(60));
        assert_eq!(limit(hour, 1, 10).max_ms, minutes(60));
    }

    #[test]
    fn a_later_window_is_taken_in() {
        let mut window = FloatWindow::of_sample(1, 5.0);
        window.extend_but_sum(&FloatWindow::of_sample(2, 3.0));
        window.extend_but_sum(&FloatWindow::of_sample(3, f64::NAN));
        assert_eq!((window.min, window.max, window.count), (3.0, 5.0, 3.0));
        assert_eq!((window.lost, window.resets, window.last_ms), (5.0, 1.0, 3));
    }
}
