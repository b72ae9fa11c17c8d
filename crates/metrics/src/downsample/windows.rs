//! The windows of one series on their way from parts to a reader.

use skopos_core::TimeRange;
use skopos_core::metric::{DownsampledSeries, FloatWindow, HistogramWindow};
use skopos_storage::day::{day_number, day_start_ms};

use super::choose::reach;
use crate::part::Content;
use crate::run::Run;

/// Windows of one series.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    pub(crate) floats: Vec<FloatWindow>,
    pub(crate) histograms: Vec<HistogramWindow>,
}

impl Windows {
    /// Adds what a row holds.
    pub(crate) fn take(&mut self, content: Content) {
        match content {
            Content::Windows(mut windows) => self.floats.append(&mut windows),
            Content::HistogramWindows(mut windows) => self.histograms.append(&mut windows),
            _ => {}
        }
    }

    /// Adds the windows of another part.
    pub(crate) fn extend(&mut self, mut more: Self) {
        self.floats.append(&mut more.floats);
        self.histograms.append(&mut more.histograms);
    }

    /// The windows that matter to the range, with the samples of the same series. Where both are of
    /// one window, samples that came when those it was made of were gone, the window stands.
    pub(crate) fn join(mut self, mut run: Run, range: TimeRange) -> DownsampledSeries {
        self.floats.retain(|window| {
            reach(&range, window.resolution_ms).overlaps(&TimeRange::new(window.first_ms, window.last_ms))
        });
        self.histograms.retain(|window| {
            reach(&range, window.resolution_ms).overlaps(&TimeRange::new(window.first_ms(), window.last_ms()))
        });
        self.floats.sort_by_key(|window| window.first_ms);
        self.histograms.sort_by_key(HistogramWindow::first_ms);
        let series = &mut run.series;
        let spans = self
            .floats
            .iter()
            .map(|window| span(window.end_ms(), window.resolution_ms, window.last_ms));
        drop_within(
            &mut series.timestamps_ms,
            &mut series.values,
            &spans.collect::<Vec<_>>(),
        );
        let spans = self
            .histograms
            .iter()
            .map(|window| span(window.end_ms(), window.resolution_ms, window.last_ms()));
        let spans: Vec<TimeRange> = spans.collect();
        drop_within(&mut series.histogram_timestamps_ms, &mut series.histograms, &spans);
        DownsampledSeries {
            starts: run.start_timestamps(),
            series: run.series,
            windows: self.floats,
            histogram_windows: self.histograms,
        }
    }
}

/// The times of a window that lie on the day it was made of.
fn span(end_ms: i64, resolution_ms: i64, last_ms: i64) -> TimeRange {
    let day = day_number(last_ms);
    TimeRange::new(
        day_start_ms(day).max(end_ms - resolution_ms + 1),
        end_ms.min(day_start_ms(day + 1) - 1),
    )
}

/// Drops what lies in one of the spans; both are sorted by time.
fn drop_within<T>(times_ms: &mut Vec<i64>, values: &mut Vec<T>, spans: &[TimeRange]) {
    let is_within = |time_ms: i64| {
        let at = spans.partition_point(|span| span.end_ms < time_ms);
        spans.get(at).is_some_and(|span| span.contains(time_ms))
    };
    if !times_ms.iter().any(|time_ms| is_within(*time_ms)) {
        return;
    }
    let mut times = times_ms.iter();
    values.retain(|_| times.next().is_some_and(|time_ms| !is_within(*time_ms)));
    times_ms.retain(|time_ms| !is_within(*time_ms));
}
