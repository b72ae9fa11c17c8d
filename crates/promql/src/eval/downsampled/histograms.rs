//! Functions over native histograms of which some are known window by window.

use std::sync::Arc;

use skopos_core::histogram::FloatHistogram;
use skopos_core::metric::{HistogramWindow, MetricValue};

use super::{Asked, slide_windows, widened};
use crate::annotation::Annotation;
use crate::eval::Window;
use crate::eval::computing::RangeFunction;
use crate::eval::ranges::RangeSeries;
use crate::eval::select::advance;
use crate::functions::over_time::{self, OverTime};
use crate::functions::rate::{self, Extent, Kind};
use crate::histogram::{divided, scaled, sum_of};

/// Cursors of a range that slides over a series.
#[derive(Default)]
pub(super) struct Cursor {
    from: usize,
    to: usize,
    windows_from: usize,
    windows_to: usize,
}

/// What a range holds: samples and windows, each by time.
pub(super) struct Histograms<'a> {
    times: &'a [i64],
    samples: &'a [Arc<FloatHistogram>],
    windows: &'a [HistogramWindow],
}

impl Cursor {
    pub(super) fn slide<'a>(&mut self, series: &'a RangeSeries, asked: &Asked<'_>) -> Histograms<'a> {
        let (times, windows) = (&series.series.histogram_timestamps_ms, &series.windows.histograms);
        let span = asked.span;
        advance(times, &mut self.from, span.start_ms);
        advance(times, &mut self.to, span.end_ms);
        let at = |at: usize| (windows[at].end_ms(), windows[at].resolution_ms);
        let cursors = (&mut self.windows_from, &mut self.windows_to);
        let mut chosen = slide_windows(cursors, windows.len(), at, span);
        if chosen.is_empty() && self.from == self.to {
            chosen = widened(self.windows_to, at, span);
        }
        Histograms {
            times: &times[self.from..self.to],
            samples: &series.series.histograms[self.from..self.to],
            windows: &windows[chosen],
        }
    }
}

impl Histograms<'_> {
    pub(super) fn len(&self) -> usize {
        self.times.len() + self.windows.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn longest_ms(&self) -> i64 {
        self.windows
            .iter()
            .map(|window| window.resolution_ms)
            .max()
            .unwrap_or(0)
    }

    fn count(&self) -> f64 {
        let windows: u64 = self.windows.iter().map(|window| window.count).sum();
        windows as f64 + self.times.len() as f64
    }

    /// The histograms that are known, by time.
    fn known(&self) -> (Vec<i64>, Vec<Arc<FloatHistogram>>) {
        let samples = self.times.iter().copied().zip(self.samples.iter().cloned());
        let kept = self.windows.iter().flat_map(|window| window.kept.iter().cloned());
        let mut all: Vec<(i64, Arc<FloatHistogram>)> = samples.chain(kept).collect();
        all.sort_by_key(|sample| sample.0);
        all.into_iter().unzip()
    }

    /// Lengths of the window with the first and of that with the last histogram, 0 for samples.
    fn lengths_ms(&self) -> (i64, i64) {
        let (first, last) = (self.windows.first(), self.windows.last());
        let starts = first.filter(|first| self.times.first().is_none_or(|time_ms| first.first_ms() < *time_ms));
        let ends = last.filter(|last| self.times.last().is_none_or(|time_ms| last.last_ms() > *time_ms));
        let length = |window: Option<&HistogramWindow>| window.map_or(0, |window| window.resolution_ms);
        (length(starts), length(ends))
    }

    /// The function's value; windows and samples are some.
    pub(super) fn value(&self, asked: &mut Asked<'_>) -> Option<MetricValue> {
        let longest_ms = self.longest_ms();
        asked.note_widened(longest_ms);
        let (first_length_ms, last_length_ms) = self.lengths_ms();
        let covered = asked.span.covered(first_length_ms, last_length_ms);
        let share = asked.span.share_of(covered);
        let (times, histograms) = self.known();
        let window = Window {
            metric: asked.metric,
            times: &[],
            values: &[],
            starts: &[],
            histogram_times: &times,
            histograms: &histograms,
            histogram_starts: &[],
            start_ms: covered.start_ms,
            end_ms: covered.end_ms,
            eval_ms: asked.span.eval_ms,
        };
        let of = |histogram: FloatHistogram| Some(MetricValue::Histogram(Arc::new(histogram)));
        match asked.function {
            RangeFunction::Extrapolated(kind) => {
                let extent = Extent {
                    start_ms: covered.start_ms,
                    end_ms: covered.end_ms,
                    first_ms: *times.first()?,
                    last_ms: *times.last()?,
                    count: self.count(),
                };
                let result = rate::of_histograms(&window, extent, kind, asked.notes)?;
                of(match kind {
                    Kind::Increase | Kind::Delta if (share - 1.0).abs() > 0.0 => scaled(&result, share),
                    _ => result,
                })
            }
            RangeFunction::OverTime(OverTime::Sum) => of(scaled(&self.sum(asked)?, share)),
            RangeFunction::OverTime(OverTime::Avg) => of(divided(&self.sum(asked)?, self.count())),
            RangeFunction::OverTime(OverTime::Count) => Some(MetricValue::Float(self.count() * share)),
            RangeFunction::Irate | RangeFunction::Idelta => {
                asked.note_approximated(longest_ms);
                rate::instant(&window, asked.function == RangeFunction::Irate, asked.notes)
            }
            RangeFunction::OverTime(function) => {
                if matches!(function, OverTime::Changes) {
                    asked.note_approximated(longest_ms);
                }
                over_time::evaluate(function, &window, asked.params, asked.notes)
                    .ok()
                    .flatten()
            }
        }
    }

    fn sum(&self, asked: &mut Asked<'_>) -> Option<FloatHistogram> {
        let sums: Option<Vec<&FloatHistogram>> = self.windows.iter().map(|window| window.sum.as_deref()).collect();
        let samples = self.samples.iter().map(|histogram| &**histogram);
        let total = sums.and_then(|sums| sum_of(sums.into_iter().chain(samples)).ok().flatten());
        if total.is_none() {
            asked
                .notes
                .push(Annotation::MixedExponentialCustom(asked.metric.to_owned()));
        }
        total.map(|total| total.histogram)
    }
}
