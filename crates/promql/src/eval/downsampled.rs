//! Selectors over downsampled data: windows of which a store keeps sums, extremes and the samples at
//! both ends, beside samples as they were.
//!
//! A window of the store counts for a range that its end lies in, so that the ranges of steps that
//! follow each other share none and leave none out. Of ranges that begin and end with windows, what
//! sums and ends tell is exact. Others are those shifted to whole windows.

mod floats;
mod histograms;
mod newest;

use skopos_core::metric::{FloatWindow, HistogramWindow, MetricValue};

pub(super) use newest::newest_column;

use super::computing::RangeFunction;
use super::ranges::{RangeSeries, Ranges};
use super::window::non_counter;
use super::{Column, EvalResult, Evaluator, Frame};
use crate::annotation::{Annotation, Annotations};
use crate::ast::Call;

/// What a store keeps of a series in place of samples, by time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Windows {
    pub(crate) floats: Vec<FloatWindow>,
    pub(crate) histograms: Vec<HistogramWindow>,
}

impl Windows {
    pub(crate) fn is_empty(&self) -> bool {
        self.floats.is_empty() && self.histograms.is_empty()
    }
}

/// The range of one step.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "the unit is the suffix of every time")]
struct Span {
    start_ms: i64,
    end_ms: i64,
    /// The step's own time.
    eval_ms: i64,
}

impl Span {
    /// The range as it is covered by data of these lengths at its first and at its last sample, 0 for
    /// samples as they were.
    fn covered(self, first_ms: i64, last_ms: i64) -> Self {
        let floor = |time_ms: i64, length_ms: i64| match length_ms {
            0 => time_ms,
            length_ms => time_ms.div_euclid(length_ms) * length_ms,
        };
        let end_ms = floor(self.end_ms, last_ms);
        let start_ms = floor(self.start_ms, first_ms).min(end_ms.saturating_sub(first_ms.max(last_ms)));
        Self {
            start_ms,
            end_ms,
            ..self
        }
    }

    fn length_ms(self) -> i64 {
        self.end_ms.saturating_sub(self.start_ms)
    }

    /// What sums over `covered` are multiplied with to be those of a range of this length.
    fn share_of(self, covered: Self) -> f64 {
        if self.length_ms() == covered.length_ms() {
            1.0
        } else {
            self.length_ms() as f64 / covered.length_ms() as f64
        }
    }
}

/// A function at a step: its parameters, and where notes go.
struct Asked<'a> {
    function: RangeFunction,
    name: &'static str,
    metric: &'a str,
    params: &'a [f64],
    span: Span,
    notes: &'a mut Vec<Annotation>,
}

impl Asked<'_> {
    fn note_widened(&mut self, resolution_ms: i64) {
        let range_ms = self.span.length_ms();
        if range_ms < resolution_ms {
            let metric = self.metric.to_owned();
            self.notes
                .push(Annotation::WidenedRange(metric, range_ms, resolution_ms));
        }
    }

    fn note_approximated(&mut self, resolution_ms: i64) {
        let metric = self.metric.to_owned();
        self.notes
            .push(Annotation::Approximated(metric, self.name, resolution_ms));
    }
}

impl Evaluator<'_> {
    /// As for samples alone: the function over the range of each step.
    pub(super) fn downsampled_windows(
        &self,
        call: &Call,
        function: RangeFunction,
        series: &RangeSeries,
        ranges: &Ranges,
        params: &[Vec<f64>],
        frame: Frame,
    ) -> EvalResult<Option<Column>> {
        let (grid, metric) = (frame.grid, series.series.labels.metric_name());
        let mut column = Column::empty(series.series.labels.clone(), grid.len());
        column.drop_name = series.drop_name;
        let mut annotations = Annotations::default();
        let pos = call.args[0].pos();
        let (mut floats, mut histograms) = (floats::Cursor::default(), histograms::Cursor::default());
        let mut looked = self.looked(frame);
        let mut notes = Vec::new();
        let mut step_params = vec![0.0; params.len()];
        for step in 0..grid.len() {
            let (start_ms, end_ms) = ranges.bounds(step);
            for (slot, values) in step_params.iter_mut().zip(params) {
                *slot = values[step];
            }
            let mut asked = Asked {
                function,
                name: call.function.name,
                metric,
                params: &step_params,
                span: Span {
                    start_ms,
                    end_ms,
                    eval_ms: grid.time(step),
                },
                notes: &mut notes,
            };
            let (of_floats, of_histograms) = (floats.slide(series, &asked), histograms.slide(series, &asked));
            looked.add(step, of_floats.len() + of_histograms.len());
            let value = match (of_floats.is_empty(), of_histograms.is_empty()) {
                (true, true) => None,
                (false, true) => of_floats.value(&mut asked)?.map(MetricValue::Float),
                (true, false) => of_histograms.value(&mut asked),
                (false, false) => {
                    asked.notes.push(Annotation::MixedFloatsHistograms(metric.to_owned()));
                    None
                }
            };
            if let Some(value) = value {
                column.set(step, value);
            }
            for note in notes.drain(..) {
                annotations.add(note, pos);
            }
        }
        self.count_looked(&looked);
        if let Some(note) = non_counter(call.function.name, metric, &column) {
            annotations.add(note, pos);
        }
        self.merge_notes(&annotations);
        Ok(Some(column).filter(|column| !column.is_empty()))
    }
}

/// The windows that count for a range: those that end in it, else the last one that ended so shortly
/// before its end that a range as long as the window would have it. `from` and `to` of the step before
/// are moved on.
fn slide_windows(
    (from, to): (&mut usize, &mut usize),
    windows: usize,
    at: impl Fn(usize) -> (i64, i64),
    span: Span,
) -> std::ops::Range<usize> {
    while *to < windows && at(*to).0 <= span.end_ms {
        *to += 1;
    }
    while *from < *to && at(*from).0 <= span.start_ms {
        *from += 1;
    }
    *from..*to
}

/// The last window before a range that has none, if it is longer than the range.
fn widened(to: usize, at: impl Fn(usize) -> (i64, i64), span: Span) -> std::ops::Range<usize> {
    let Some(last) = to.checked_sub(1) else {
        return 0..0;
    };
    let (end_ms, resolution_ms) = at(last);
    if end_ms > span.end_ms.saturating_sub(resolution_ms) {
        last..to
    } else {
        0..0
    }
}
