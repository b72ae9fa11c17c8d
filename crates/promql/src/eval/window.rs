//! Range functions: a window slides over each series, with two cursors.

use std::sync::Arc;

use rayon::prelude::*;
use skopos_core::histogram::FloatHistogram;
use skopos_core::metric::{MetricValue, Series};

use super::column::{self, Column};
use super::computing::{Computing, RangeFunction, refuse_histograms};
use super::ranges::{RangeSeries, Ranges};
use super::select::{PARALLEL_SERIES, advance};
use super::{EvalResult, Evaluated, Evaluator, Frame, STAGE};
use crate::annotation::{Annotation, Annotations};
use crate::ast::Call;
use crate::eval_error::EvalError;
use crate::functions::extended::{self, Extension};
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
        series: &'a RangeSeries,
        metric: &'a str,
        ranges: &Ranges,
        step: usize,
        eval_ms: i64,
    ) -> Option<Window<'a>> {
        let (start_ms, end_ms) = ranges.bounds(step);
        let (first_ms, last_ms) = ranges.reach(step);
        let RangeSeries { series, starts, .. } = series;
        advance(&series.timestamps_ms, &mut self.from, first_ms);
        advance(&series.timestamps_ms, &mut self.to, last_ms);
        advance(&series.histogram_timestamps_ms, &mut self.histograms_from, first_ms);
        advance(&series.histogram_timestamps_ms, &mut self.histograms_to, last_ms);
        let floats = self.from..self.to;
        let histograms = self.histograms_from..self.histograms_to;
        if floats.is_empty() && histograms.is_empty() {
            return None;
        }
        Some(Window {
            metric,
            times: &series.timestamps_ms[floats.clone()],
            values: &series.values[floats.clone()],
            starts: starts.floats_ms.get(floats).unwrap_or_default(),
            histogram_times: &series.histogram_timestamps_ms[histograms.clone()],
            histograms: &series.histograms[histograms.clone()],
            histogram_starts: starts.histograms_ms.get(histograms).unwrap_or_default(),
            start_ms,
            end_ms,
            eval_ms,
        })
    }
}

impl Evaluator<'_> {
    pub(crate) fn range_call(&self, call: &Call, matrix_at: usize, frame: Frame) -> EvalResult<Evaluated> {
        let name = call.function.name;
        let mut params = Vec::new();
        for (at, arg) in call.args.iter().enumerate() {
            if at != matrix_at {
                params.push(self.eval_scalar(arg, frame)?);
            }
        }
        let ranges = self.ranges(&call.args[matrix_at], frame)?;
        refuse_extension(ranges.extension, name)?;
        self.check_room(ranges.series.len(), frame.grid.len())?;
        let function = RangeFunction::by_name(name)
            .ok_or_else(|| EvalError::execution(format!("function {name} is not supported")))?;
        let one = |series: &RangeSeries| self.windows(call, function, series, &ranges, &params, frame);
        let columns: Vec<Option<Column>> = if ranges.series.len() >= PARALLEL_SERIES {
            ranges.series.par_iter().map(one).collect::<EvalResult<_>>()?
        } else {
            ranges.series.iter().map(one).collect::<EvalResult<_>>()?
        };
        let mut columns: Vec<Column> = columns.into_iter().flatten().collect();
        if name == "absent_over_time" {
            let absent = self.absent(&call.args[matrix_at], &columns, frame.grid);
            return Ok(Evaluated::Vector(absent));
        }
        if !matches!(name, "first_over_time" | "last_over_time") {
            for column in &mut columns {
                self.drop_name(column);
            }
        }
        if !self.delays_names() {
            columns = column::merge_same(columns)?;
        }
        Ok(Evaluated::Vector(columns))
    }

    fn windows(
        &self,
        call: &Call,
        function: RangeFunction,
        series: &RangeSeries,
        ranges: &Ranges,
        params: &[Vec<f64>],
        frame: Frame,
    ) -> EvalResult<Option<Column>> {
        self.budget.check(STAGE)?;
        if !series.windows.is_empty() {
            return self.downsampled_windows(call, function, series, ranges, params, frame);
        }
        let (grid, metric) = (frame.grid, series.series.labels.metric_name());
        let mut column = Column::empty(series.series.labels.clone(), grid.len());
        column.drop_name = series.drop_name;
        let mut computing = Computing::new(function, series, ranges.extension);
        let mut annotations = Annotations::default();
        // All notes of a range function point to its first argument.
        let pos = call.args[0].pos();
        let mut cursors = Cursors::default();
        let mut looked = self.looked(frame);
        let mut step_params = vec![0.0; params.len()];
        for step in 0..grid.len() {
            let Some(window) = cursors.slide(series, metric, ranges, step, grid.time(step)) else {
                continue;
            };
            looked.add(step, window.times.len() + window.histograms.len());
            for (slot, values) in step_params.iter_mut().zip(params) {
                *slot = values[step];
            }
            if let Some(value) = computing.value(window, cursors.from, &step_params)? {
                column.set(step, value);
            }
            for note in computing.notes.drain(..) {
                annotations.add(note, pos);
            }
        }
        self.count_looked(&looked);
        if let Some(note) = non_counter(call.function.name, &column) {
            annotations.add(note, pos);
        }
        self.merge_notes(&annotations);
        Ok(Some(column).filter(|column| !column.is_empty()))
    }
}

/// What is said of a rate of floats whose name is not that of a counter.
pub(super) fn non_counter(function: &str, column: &Column) -> Option<Annotation> {
    const SUFFIXES: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];
    let metric = column.labels.metric_name();
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
    let (timestamps_ms, values) = match Cursors::default().slide(&series, "", ranges, 0, 0) {
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
