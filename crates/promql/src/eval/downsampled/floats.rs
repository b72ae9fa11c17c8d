//! Functions over floats of which some are known window by window.

use skopos_core::metric::FloatWindow;
use skopos_core::sum::Sum;

use super::{Asked, Span, slide_windows, widened};
use crate::eval::computing::RangeFunction;
use crate::eval::ranges::RangeSeries;
use crate::eval::select::advance;
use crate::eval::{EvalResult, Window};
use crate::eval_error::EvalError;
use crate::functions::over_time::{self, OverTime};
use crate::functions::rate::{self, Extent, Kind};

/// Cursors of a range that slides over a series.
#[derive(Default)]
pub(super) struct Cursor {
    from: usize,
    to: usize,
    windows_from: usize,
    windows_to: usize,
}

/// What a range holds: samples and windows, each by time.
pub(super) struct Floats<'a> {
    times: &'a [i64],
    values: &'a [f64],
    windows: &'a [FloatWindow],
}

impl Cursor {
    pub(super) fn slide<'a>(&mut self, series: &'a RangeSeries, asked: &Asked<'_>) -> Floats<'a> {
        let (times, windows) = (&series.series.timestamps_ms, &series.windows.floats);
        let span = asked.span;
        advance(times, &mut self.from, span.start_ms);
        advance(times, &mut self.to, span.end_ms);
        let at = |at: usize| (windows[at].end_ms(), windows[at].resolution_ms);
        let cursors = (&mut self.windows_from, &mut self.windows_to);
        let mut chosen = slide_windows(cursors, windows.len(), at, span);
        if chosen.is_empty() && self.from == self.to {
            chosen = widened(self.windows_to, at, span);
        }
        Floats {
            times: &times[self.from..self.to],
            values: &series.series.values[self.from..self.to],
            windows: &windows[chosen],
        }
    }
}

/// What is known of all samples together.
struct Total {
    all: FloatWindow,
    sum: Sum,
    /// Lengths of the first and the last window, 0 for samples.
    first_length_ms: i64,
    last_length_ms: i64,
    /// Times of the samples, or of the last samples of the windows, with the extremes.
    min_ms: i64,
    max_ms: i64,
    /// The last two samples that are known.
    last_two: Option<[(i64, f64); 2]>,
    /// What the counter lost to resets between those.
    lost_between: f64,
}

impl Total {
    fn of(first: &FloatWindow) -> Self {
        let mut total = Self {
            all: *first,
            sum: Sum::default(),
            first_length_ms: first.resolution_ms,
            last_length_ms: first.resolution_ms,
            min_ms: first.last_ms,
            max_ms: first.last_ms,
            last_two: None,
            lost_between: 0.0,
        };
        total.sum.add(first.sum);
        total.note_last_two(first, None);
        total
    }

    fn add(&mut self, next: &FloatWindow) {
        let before = (self.all.last_ms, self.all.last);
        let (min, max) = (self.all.min, self.all.max);
        self.all.extend_but_sum(next);
        self.sum.add(next.sum);
        self.last_length_ms = next.resolution_ms;
        if next.min < min || min.is_nan() {
            self.min_ms = next.last_ms;
        }
        if next.max > max || max.is_nan() {
            self.max_ms = next.last_ms;
        }
        self.note_last_two(next, Some(before));
    }

    fn note_last_two(&mut self, window: &FloatWindow, before: Option<(i64, f64)>) {
        let (first, last) = ((window.first_ms, window.first), (window.last_ms, window.last));
        if window.last_ms > window.first_ms {
            (self.last_two, self.lost_between) = (Some([first, last]), window.lost);
        } else if let Some(before) = before {
            let lost = if last.1 < before.1 { before.1 } else { 0.0 };
            (self.last_two, self.lost_between) = (Some([before, last]), lost);
        }
    }
}

impl Floats<'_> {
    pub(super) fn len(&self) -> usize {
        self.times.len() + self.windows.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Samples and windows by time, samples as windows of no length.
    fn in_order(&self) -> impl Iterator<Item = FloatWindow> {
        let mut samples = self.times.iter().zip(self.values).peekable();
        let mut windows = self.windows.iter().peekable();
        std::iter::from_fn(move || {
            let is_sample_next = match (samples.peek(), windows.peek()) {
                (Some((time_ms, _)), Some(window)) => **time_ms < window.first_ms,
                (Some(_), None) => true,
                (None, _) => false,
            };
            if is_sample_next {
                let (time_ms, value) = samples.next()?;
                return Some(FloatWindow::of_sample(*time_ms, *value));
            }
            windows.next().copied()
        })
    }

    fn longest_ms(&self) -> i64 {
        self.windows
            .iter()
            .map(|window| window.resolution_ms)
            .max()
            .unwrap_or(0)
    }

    /// The function's value; windows and samples are some.
    pub(super) fn value(&self, asked: &mut Asked<'_>) -> EvalResult<Option<f64>> {
        let longest_ms = self.longest_ms();
        asked.note_widened(longest_ms);
        if let RangeFunction::OverTime(function) = asked.function
            && !is_exact(function)
            && longest_ms > 0
        {
            asked.note_approximated(longest_ms);
        }
        let mut windows = self.in_order();
        let Some(first) = windows.next() else { return Ok(None) };
        let mut total = Total::of(&first);
        windows.for_each(|window| total.add(&window));
        Ok(match asked.function {
            RangeFunction::Extrapolated(kind) => difference(&total, asked.span, kind),
            RangeFunction::Irate => {
                if longest_ms > 0 {
                    asked.note_approximated(longest_ms);
                }
                last_difference(&total, true)
            }
            RangeFunction::Idelta => {
                if longest_ms > 0 {
                    asked.note_approximated(longest_ms);
                }
                last_difference(&total, false)
            }
            RangeFunction::OverTime(function) => return self.over_time(function, &total, asked),
        })
    }

    fn over_time(&self, function: OverTime, total: &Total, asked: &mut Asked<'_>) -> EvalResult<Option<f64>> {
        let (all, sum) = (&total.all, total.sum.value());
        let covered = asked.span.covered(total.first_length_ms, total.last_length_ms);
        let share = asked.span.share_of(covered);
        let seconds = |ms: i64| ms as f64 / 1000.0;
        Ok(Some(match function {
            OverTime::Sum => sum * share,
            OverTime::Count => all.count * share,
            OverTime::Resets => all.resets * share,
            OverTime::Avg => sum / all.count,
            OverTime::First => all.first,
            OverTime::Last => all.last,
            OverTime::Present | OverTime::Absent => 1.0,
            OverTime::Min => all.min,
            OverTime::Max => all.max,
            OverTime::TsOfMin => seconds(total.min_ms),
            OverTime::TsOfMax => seconds(total.max_ms),
            OverTime::TsOfFirst => seconds(all.first_ms),
            OverTime::TsOfLast => seconds(all.last_ms),
            OverTime::Stdvar
            | OverTime::Stddev
            | OverTime::Quantile
            | OverTime::Mad
            | OverTime::Changes
            | OverTime::DoubleExponentialSmoothing
            | OverTime::Deriv
            | OverTime::PredictLinear => return self.of_representatives(function, asked),
        }))
    }

    /// The function over one sample for each window: the mean for those that ask how values are spread,
    /// the last for those that ask how they go on.
    fn of_representatives(&self, function: OverTime, asked: &mut Asked<'_>) -> EvalResult<Option<f64>> {
        let by_mean = matches!(
            function,
            OverTime::Stdvar | OverTime::Stddev | OverTime::Quantile | OverTime::Mad
        );
        let value = |window: FloatWindow| {
            if by_mean {
                window.sum / window.count
            } else {
                window.last
            }
        };
        let (times, values): (Vec<i64>, Vec<f64>) =
            self.in_order().map(|window| (window.last_ms, value(window))).unzip();
        let window = Window {
            metric: asked.metric,
            times: &times,
            values: &values,
            starts: &[],
            histogram_times: &[],
            histograms: &[],
            histogram_starts: &[],
            start_ms: asked.span.start_ms,
            end_ms: asked.span.end_ms,
            eval_ms: asked.span.eval_ms,
        };
        let value = over_time::evaluate(function, &window, asked.params, asked.notes).map_err(EvalError::execution)?;
        Ok(match value {
            Some(skopos_core::metric::MetricValue::Float(value)) => Some(value),
            _ => None,
        })
    }
}

/// Whether windows say of the function what samples would.
const fn is_exact(function: OverTime) -> bool {
    matches!(
        function,
        OverTime::Sum
            | OverTime::Count
            | OverTime::Resets
            | OverTime::Avg
            | OverTime::First
            | OverTime::Last
            | OverTime::Present
            | OverTime::Absent
            | OverTime::Min
            | OverTime::Max
            | OverTime::TsOfFirst
            | OverTime::TsOfLast
    )
}

fn difference(total: &Total, span: Span, kind: Kind) -> Option<f64> {
    let covered = span.covered(total.first_length_ms, total.last_length_ms);
    let all = &total.all;
    let extent = Extent {
        start_ms: covered.start_ms,
        end_ms: covered.end_ms,
        first_ms: all.first_ms,
        last_ms: all.last_ms,
        count: all.count,
    };
    let value = rate::of_summary(extent, all.first, all.last, all.lost, kind)?;
    Some(match kind {
        Kind::Rate => value,
        Kind::Increase | Kind::Delta => value * span.share_of(covered),
    })
}

fn last_difference(total: &Total, is_rate: bool) -> Option<f64> {
    let [before, after] = total.last_two?;
    if !is_rate {
        return Some(after.1 - before.1);
    }
    let seconds = (after.0 - before.0) as f64 / 1000.0;
    Some((after.1 - before.1 + total.lost_between) / seconds)
}
