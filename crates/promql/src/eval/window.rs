//! Range functions: a window slides over each series, with two cursors.

use std::sync::Arc;

use rayon::prelude::*;
use skopos_core::histogram::FloatHistogram;
use skopos_core::metric::{MetricValue, Series};

use super::column::{self, Column, Grid};
use super::computing::{self, RangeFunction, refuse_histograms};
use super::looked::Looked;
use super::parallel::{in_parallel, is_worth_sharing};
use super::ranges::{RangeSeries, RangeView, Ranges};
use super::select::advance;
use super::{EvalResult, Evaluated, Evaluator, Frame, STAGE};
use crate::annotation::{Annotation, Annotations};
use crate::ast::Call;
use crate::eval_error::EvalError;
use crate::functions::extended::{self, Extension};
use crate::functions::plain_rate::PlainRates;
use crate::functions::start::Started;

/// The samples of one series in `(start_ms, end_ms]`; in extended ranges also those around.
#[derive(Clone, Copy)]
pub(crate) struct Window<'a> {
    pub(crate) metric: &'a str,
    pub(crate) times: &'a [i64],
    pub(crate) values: &'a [f64],
    /// Start timestamps of the floats, or empty.
    pub(crate) starts: &'a [i64],
    pub(crate) histogram_times: &'a [i64],
    pub(crate) histograms: &'a [Arc<FloatHistogram>],
    /// Start timestamps of the histograms, or empty.
    pub(crate) histogram_starts: &'a [i64],
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    /// The step's own time, which `offset` and `@` do not move.
    pub(crate) eval_ms: i64,
}

/// A sample of a window.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub(crate) time_ms: i64,
    pub(crate) start_ms: i64,
    pub(crate) value: MetricValue,
}

impl Point {
    pub(crate) fn started(&self) -> Started {
        Started {
            time_ms: self.time_ms,
            start_ms: self.start_ms,
        }
    }
}

impl Window<'_> {
    fn float(&self, at: usize) -> Point {
        Point {
            time_ms: self.times[at],
            start_ms: self.starts.get(at).copied().unwrap_or(0),
            value: MetricValue::Float(self.values[at]),
        }
    }

    fn histogram(&self, at: usize) -> Point {
        Point {
            time_ms: self.histogram_times[at],
            start_ms: self.histogram_starts.get(at).copied().unwrap_or(0),
            value: MetricValue::Histogram(Arc::clone(&self.histograms[at])),
        }
    }

    /// All samples in order of time.
    pub(crate) fn merged(&self) -> Vec<Point> {
        let mut all: Vec<Point> = (0..self.times.len()).map(|at| self.float(at)).collect();
        all.extend((0..self.histograms.len()).map(|at| self.histogram(at)));
        all.sort_by_key(|point| point.time_ms);
        all
    }

    pub(crate) fn first(&self) -> Option<Point> {
        match (self.times.first(), self.histogram_times.first()) {
            (Some(float), Some(histogram)) if float < histogram => Some(self.float(0)),
            (_, Some(_)) => Some(self.histogram(0)),
            (Some(_), None) => Some(self.float(0)),
            (None, None) => None,
        }
    }

    pub(crate) fn last(&self) -> Option<Point> {
        match (self.times.last(), self.histogram_times.last()) {
            (Some(float), Some(histogram)) if float > histogram => Some(self.float(self.times.len() - 1)),
            (_, Some(_)) => Some(self.histogram(self.histograms.len() - 1)),
            (Some(_), None) => Some(self.float(self.times.len() - 1)),
            (None, None) => None,
        }
    }

    pub(crate) fn last_two(&self) -> Option<[Point; 2]> {
        let last = |length: usize| length.saturating_sub(2)..length;
        let mut merged: Vec<Point> = last(self.times.len()).map(|at| self.float(at)).collect();
        merged.extend(last(self.histograms.len()).map(|at| self.histogram(at)));
        merged.sort_by_key(|point| point.time_ms);
        let last = merged.pop()?;
        Some([merged.pop()?, last])
    }
}

/// Cursors of a sliding window over one series.
#[derive(Default)]
struct Cursors {
    from: usize,
    to: usize,
    histograms_from: usize,
    histograms_to: usize,
}

impl Cursors {
    fn slide<'a>(
        &mut self,
        view: RangeView<'a>,
        metric: &'a str,
        ranges: &Ranges,
        step: usize,
        eval_ms: i64,
    ) -> Option<Window<'a>> {
        let (start_ms, end_ms) = ranges.bounds(step);
        let (first_ms, last_ms) = ranges.reach(step);
        let series = view.series;
        advance(series.timestamps_ms, &mut self.from, first_ms);
        advance(series.timestamps_ms, &mut self.to, last_ms);
        advance(series.histogram_timestamps_ms, &mut self.histograms_from, first_ms);
        advance(series.histogram_timestamps_ms, &mut self.histograms_to, last_ms);
        let floats = self.from..self.to;
        let histograms = self.histograms_from..self.histograms_to;
        if floats.is_empty() && histograms.is_empty() {
            return None;
        }
        Some(Window {
            metric,
            times: &series.timestamps_ms[floats.clone()],
            values: &series.values[floats.clone()],
            starts: view.float_starts.get(floats).unwrap_or_default(),
            histogram_times: &series.histogram_timestamps_ms[histograms.clone()],
            histograms: &series.histograms[histograms.clone()],
            histogram_starts: view.histogram_starts.get(histograms).unwrap_or_default(),
            start_ms,
            end_ms,
            eval_ms,
        })
    }
}

impl Evaluator<'_> {
    /// The values of the arguments beside the range vector.
    pub(super) fn scalar_params(&self, call: &Call, matrix_at: usize, frame: Frame) -> EvalResult<Vec<Vec<f64>>> {
        let others = call.args.iter().enumerate().filter(|(at, _)| *at != matrix_at);
        others.map(|(_, arg)| self.eval_scalar(arg, frame)).collect()
    }

    pub(crate) fn range_call(&self, call: &Call, matrix_at: usize, frame: Frame) -> EvalResult<Evaluated> {
        let name = call.function.name;
        let params = self.scalar_params(call, matrix_at, frame)?;
        let ranges = self.ranges(&call.args[matrix_at], frame)?;
        refuse_extension(ranges.extension, name)?;
        self.check_room(ranges.series.len(), frame.grid.len())?;
        let function = RangeFunction::by_name(name)
            .ok_or_else(|| EvalError::execution(format!("function {name} is not supported")))?;
        let sweep = || Sweep::new(self, call, function, &ranges, &params, frame);
        let one = |sweep: &mut Sweep<'_>, series: &RangeSeries| -> EvalResult<Option<Column>> {
            self.budget.check(STAGE)?;
            if !series.windows.is_empty() {
                return self.downsampled_windows(call, function, series, &ranges, &params, frame);
            }
            let mut column = Column::empty(series.series.labels.clone(), frame.grid.len());
            column.drop_name = series.drop_name;
            sweep.fill(series.view(), &mut column)?;
            sweep.commit(self);
            Ok(Some(column).filter(|column| !column.is_empty()))
        };
        let values = ranges.values_looked_at(frame.grid);
        let columns: Vec<Option<Column>> = if is_worth_sharing(ranges.series.len(), values) {
            let all = &ranges.series;
            in_parallel(|| all.par_iter().map_init(sweep, one).collect::<EvalResult<_>>())?
        } else {
            let mut sweep = sweep();
            let all = ranges.series.iter().map(|series| one(&mut sweep, series));
            all.collect::<EvalResult<_>>()?
        };
        let mut columns: Vec<Column> = columns.into_iter().flatten().collect();
        if name == "absent_over_time" {
            let absent = self.absent(&call.args[matrix_at], &columns, frame.grid);
            return Ok(Evaluated::Vector(absent));
        }
        if drops_name(name) {
            for column in &mut columns {
                self.drop_name(column);
            }
        }
        if !self.delays_names() {
            columns = column::merge_same(columns)?;
        }
        Ok(Evaluated::Vector(columns))
    }
}

/// Whether the values of a range function are no longer those of the metric.
pub(super) fn drops_name(function: &str) -> bool {
    !matches!(function, "first_over_time" | "last_over_time")
}

/// Computes a range function over all windows of one series after the other.
pub(super) struct Sweep<'a> {
    call: &'a Call,
    function: RangeFunction,
    ranges: &'a Ranges,
    params: &'a [Vec<f64>],
    grid: Grid,
    /// Of functions that compute all windows of plain floats at once.
    rates: Option<PlainRates>,
    annotations: Annotations,
    looked: Looked,
    step_params: Vec<f64>,
    notes: Vec<Annotation>,
}

impl<'a> Sweep<'a> {
    pub(super) fn new(
        evaluator: &Evaluator<'_>,
        call: &'a Call,
        function: RangeFunction,
        ranges: &'a Ranges,
        params: &'a [Vec<f64>],
        frame: Frame,
    ) -> Self {
        let windows = || (0..frame.grid.len()).map(|step| ranges.bounds(step)).collect();
        let rates = match function {
            RangeFunction::Extrapolated(kind) if ranges.extension.is_none() => Some(PlainRates::new(kind, windows())),
            _ => None,
        };
        Self {
            call,
            function,
            ranges,
            params,
            grid: frame.grid,
            rates,
            annotations: Annotations::default(),
            looked: evaluator.looked(frame),
            step_params: vec![0.0; params.len()],
            notes: Vec::new(),
        }
    }

    /// Fills the slots of the windows that have a value; the column's slots are empty.
    pub(super) fn fill(&mut self, view: RangeView<'_>, column: &mut Column) -> EvalResult<()> {
        let metric = view.series.labels.metric_name();
        match &mut self.rates {
            Some(rates) if view.series.histograms.is_empty() && view.float_starts.is_empty() => {
                let lengths = rates.fill(view.series.timestamps_ms, view.series.values, &mut column.floats);
                if self.looked.is_by_step() {
                    for (step, length) in lengths.enumerate() {
                        self.looked.add(step, length);
                    }
                } else {
                    drop(lengths);
                    self.looked.add_total(rates.looked_at());
                }
            }
            _ => self.fill_by_window(view, metric, column)?,
        }
        if let Some(note) = non_counter(self.call.function.name, metric, column) {
            self.annotations.add(note, self.call.args[0].pos());
        }
        Ok(())
    }

    fn fill_by_window(&mut self, view: RangeView<'_>, metric: &str, column: &mut Column) -> EvalResult<()> {
        // All notes of a range function point to its first argument.
        let pos = self.call.args[0].pos();
        let mut cursors = Cursors::default();
        for step in 0..self.grid.len() {
            let Some(window) = cursors.slide(view, metric, self.ranges, step, self.grid.time(step)) else {
                continue;
            };
            self.looked.add(step, window.times.len() + window.histograms.len());
            for (slot, values) in self.step_params.iter_mut().zip(self.params) {
                *slot = values[step];
            }
            let (extension, notes) = (self.ranges.extension, &mut self.notes);
            if let Some(value) = computing::value(self.function, window, extension, &self.step_params, notes)? {
                column.set(step, value);
            }
            for note in self.notes.drain(..) {
                self.annotations.add(note, pos);
            }
        }
        Ok(())
    }

    /// Tells the evaluator what was counted and noted since it was told last.
    pub(super) fn commit(&mut self, evaluator: &Evaluator<'_>) {
        evaluator.count_looked(&self.looked);
        self.looked.clear();
        evaluator.merge_notes(&self.annotations);
        self.annotations = Annotations::default();
    }
}

/// What is said of a rate of floats whose name is not that of a counter.
pub(super) fn non_counter(function: &str, metric: &str, column: &Column) -> Option<Annotation> {
    const SUFFIXES: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];
    let is_counter = metric.is_empty() || SUFFIXES.iter().any(|suffix| metric.ends_with(suffix));
    if is_counter || !matches!(function, "rate" | "increase") {
        return None;
    }
    let has_floats = (0..column.floats.len()).any(|step| column.float(step).is_some());
    has_floats.then(|| Annotation::PossibleNonCounter(metric.to_owned()))
}

fn refuse_extension(extension: Option<Extension>, function: &str) -> EvalResult<()> {
    match extension {
        Some(extension) if !extension.functions().contains(&function) => {
            let (name, allowed) = (extension.as_str(), extension.functions().join(", "));
            let message = format!("{name} modifier can only be used with: {allowed} - not with {function}");
            Err(EvalError::execution(message))
        }
        _ => Ok(()),
    }
}

/// The window of the only step, as an instant query returns an extended range.
pub(super) fn extend_series(series: RangeSeries, ranges: &Ranges, extension: Extension) -> EvalResult<RangeSeries> {
    let (timestamps_ms, values) = match Cursors::default().slide(series.view(), "", ranges, 0, 0) {
        Some(window) => {
            refuse_histograms(&window)?;
            extended::extended(&window, extension)
        }
        None => (Vec::new(), Vec::new()),
    };
    let series = Series {
        timestamps_ms,
        values,
        labels: series.series.labels,
        ..Series::default()
    };
    Ok(RangeSeries {
        series,
        ..RangeSeries::default()
    })
}
