//! Range vectors: functions slide a window over each series, with two cursors.

use std::sync::Arc;

use rayon::prelude::*;
use skopos_core::TimeRange;
use skopos_core::histogram::{CounterResetHint, FloatHistogram};
use skopos_core::metric::{MetricValue, Series};
use skopos_core::sample::is_stale;

use super::column::{self, Column, Grid};
use super::resolve::at_ms;
use super::select::{LookAt, PARALLEL_SERIES, advance};
use super::{EvalResult, Evaluated, Evaluator, Frame, STAGE};
use crate::annotation::{Annotation, Annotations};
use crate::ast::{Call, Expr, SubqueryExpr};
use crate::eval_error::EvalError;
use crate::functions::{over_time, rate};

/// The samples of one series in `(start_ms, end_ms]`.
pub(crate) struct Window<'a> {
    pub(crate) metric: &'a str,
    pub(crate) times: &'a [i64],
    pub(crate) values: &'a [f64],
    pub(crate) histogram_times: &'a [i64],
    pub(crate) histograms: &'a [Arc<FloatHistogram>],
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    /// The step's own time, which `offset` and `@` do not move.
    pub(crate) eval_ms: i64,
}

impl Window<'_> {
    /// All samples in order of time.
    pub(crate) fn merged(&self) -> Vec<(i64, MetricValue)> {
        let floats = self.times.iter().zip(self.values);
        let mut all: Vec<(i64, MetricValue)> = floats
            .map(|(time, value)| (*time, MetricValue::Float(*value)))
            .collect();
        let histograms = self.histogram_times.iter().zip(self.histograms);
        all.extend(histograms.map(|(time, value)| (*time, MetricValue::Histogram(Arc::clone(value)))));
        all.sort_by_key(|(time, _)| *time);
        all
    }

    pub(crate) fn first(&self) -> Option<(i64, MetricValue)> {
        self.merged().into_iter().next()
    }

    pub(crate) fn last(&self) -> Option<(i64, MetricValue)> {
        let float = self.times.last().copied().zip(self.values.last().copied());
        match (float, self.histogram_times.last().zip(self.histograms.last())) {
            (Some((time, value)), Some((other, _))) if time > *other => Some((time, MetricValue::Float(value))),
            (_, Some((time, value))) => Some((*time, MetricValue::Histogram(Arc::clone(value)))),
            (Some((time, value)), None) => Some((time, MetricValue::Float(value))),
            (None, None) => None,
        }
    }

    pub(crate) fn last_two(&self) -> Option<[(i64, MetricValue); 2]> {
        let tail = |length: usize| length.saturating_sub(2);
        let (floats, histograms) = (tail(self.times.len()), tail(self.histogram_times.len()));
        let reduced = Window {
            times: &self.times[floats..],
            values: &self.values[floats..],
            histogram_times: &self.histogram_times[histograms..],
            histograms: &self.histograms[histograms..],
            ..*self
        };
        let mut merged = reduced.merged();
        let last = merged.pop()?;
        Some([merged.pop()?, last])
    }
}

/// The series of a range vector and the times its windows end at.
struct Ranges {
    series: Vec<Series>,
    look_at: LookAt,
    range_ms: i64,
}

impl Evaluator<'_> {
    /// The samples of a range vector at one time, as an instant query returns them.
    pub(crate) fn range_vector(&self, expr: &Expr, frame: Frame) -> EvalResult<Vec<Series>> {
        Ok(self.ranges(expr, frame)?.series)
    }

    fn ranges(&self, expr: &Expr, frame: Frame) -> EvalResult<Ranges> {
        let ranges = match expr.unwrap_parens() {
            Expr::Matrix(matrix) => {
                if matrix.selector.anchored || matrix.selector.smoothed {
                    return Err(EvalError::execution("anchored and smoothed ranges are not supported"));
                }
                let look_at = LookAt::new(&matrix.selector, frame.grid);
                let range_ms = matrix.range.ms;
                let range = TimeRange::new(look_at.first().saturating_sub(range_ms - 1), look_at.last());
                let series = self.select(&matrix.selector, range, frame.grid.step_ms)?;
                Ranges {
                    series,
                    look_at,
                    range_ms,
                }
            }
            Expr::Subquery(subquery) => self.subquery(subquery, frame)?,
            _ => return Err(EvalError::execution("expected a range vector")),
        };
        Ok(Ranges {
            series: ranges
                .series
                .into_iter()
                .map(without_stale)
                .filter(|series| !series.is_empty())
                .collect(),
            ..ranges
        })
    }

    fn subquery(&self, subquery: &SubqueryExpr, frame: Frame) -> EvalResult<Ranges> {
        let look_at = LookAt {
            grid: frame.grid,
            at_ms: at_ms(subquery.at),
            offset_ms: subquery.offset.ms,
        };
        let step_ms = subquery
            .step
            .as_ref()
            .map_or(self.options.subquery_step_ms, |step| step.ms)
            .max(1);
        // The first step is the first multiple of the step after the oldest window's start.
        let after = look_at.first().saturating_sub(subquery.range.ms);
        let start_ms = (after.div_euclid(step_ms) + 1) * step_ms;
        let grid = Grid::new(start_ms, look_at.last(), step_ms);
        let columns = if grid.len() == 0 {
            Vec::new()
        } else {
            self.eval_vector(
                &subquery.expr,
                Frame {
                    grid,
                    query: frame.query,
                },
            )?
        };
        let series = columns
            .into_iter()
            .map(|column| forgetting_resets(column.into_series(grid)));
        Ok(Ranges {
            series: series.collect(),
            look_at,
            range_ms: subquery.range.ms,
        })
    }

    pub(crate) fn range_call(&self, call: &Call, matrix_at: usize, frame: Frame) -> EvalResult<Evaluated> {
        let name = call.function.name;
        let mut params = Vec::new();
        for (at, arg) in call.args.iter().enumerate() {
            if at != matrix_at {
                params.push(self.eval_scalar(arg, frame)?);
            }
        }
        if name == "quantile_over_time" {
            let invalid = params[0].iter().find(|q| !(0.0..=1.0).contains(*q));
            if let Some(q) = invalid {
                self.note(Annotation::InvalidQuantile(*q), call.args[0].pos());
            }
        }
        let ranges = self.ranges(&call.args[matrix_at], frame)?;
        let one = |series: &Series| self.windows(call, matrix_at, series, &ranges, &params, frame.grid);
        let columns: Vec<Option<Column>> = if ranges.series.len() >= PARALLEL_SERIES {
            ranges.series.par_iter().map(one).collect::<EvalResult<_>>()?
        } else {
            ranges.series.iter().map(one).collect::<EvalResult<_>>()?
        };
        let mut columns: Vec<Column> = columns.into_iter().flatten().collect();
        self.budget.release(ranges.series.iter().map(Series::len).sum());
        if name == "absent_over_time" {
            return Ok(Evaluated::Vector(self.absent(
                &call.args[matrix_at],
                &columns,
                frame.grid,
            )));
        }
        self.budget.charge(columns.len() * frame.grid.len(), STAGE)?;
        if !matches!(name, "first_over_time" | "last_over_time") {
            for column in &mut columns {
                self.drop_name(column);
            }
        }
        if !self.delays_names() {
            column::refuse_same(&columns)?;
        }
        Ok(Evaluated::Vector(columns))
    }

    fn windows(
        &self,
        call: &Call,
        matrix_at: usize,
        series: &Series,
        ranges: &Ranges,
        params: &[Vec<f64>],
        grid: Grid,
    ) -> EvalResult<Option<Column>> {
        self.budget.check(STAGE)?;
        let metric = series.labels.metric_name();
        let mut column = Column::empty(series.labels.clone(), grid.len());
        let mut notes = Vec::new();
        let (mut from, mut to, mut histograms_from, mut histograms_to) = (0, 0, 0, 0);
        for step in 0..grid.len() {
            let end_ms = ranges.look_at.time(step);
            let start_ms = end_ms.saturating_sub(ranges.range_ms);
            advance(&series.timestamps_ms, &mut from, start_ms);
            advance(&series.timestamps_ms, &mut to, end_ms);
            advance(&series.histogram_timestamps_ms, &mut histograms_from, start_ms);
            advance(&series.histogram_timestamps_ms, &mut histograms_to, end_ms);
            if from == to && histograms_from == histograms_to {
                continue;
            }
            let window = Window {
                metric,
                times: &series.timestamps_ms[from..to],
                values: &series.values[from..to],
                histogram_times: &series.histogram_timestamps_ms[histograms_from..histograms_to],
                histograms: &series.histograms[histograms_from..histograms_to],
                start_ms,
                end_ms,
                eval_ms: grid.time(step),
            };
            let params: Vec<f64> = params.iter().map(|values| values[step]).collect();
            if let Some(value) = evaluate(call.function.name, &window, &params, &mut notes)? {
                column.set(step, value);
            }
            notes.dedup();
        }
        let pos = call.args[matrix_at].pos();
        let floats = (0..grid.len()).any(|step| column.float(step).is_some());
        let counter = ["_total", "_sum", "_count", "_bucket"]
            .iter()
            .any(|suffix| metric.ends_with(suffix));
        if matches!(call.function.name, "rate" | "increase") && floats && !metric.is_empty() && !counter {
            notes.push(Annotation::PossibleNonCounter(metric.to_owned()));
        }
        let mut annotations = Annotations::default();
        for note in notes {
            annotations.add(note, pos);
        }
        self.merge_notes(&annotations);
        Ok(Some(column).filter(|column| !column.is_empty()))
    }
}

fn evaluate(
    name: &str,
    window: &Window<'_>,
    params: &[f64],
    notes: &mut Vec<Annotation>,
) -> EvalResult<Option<MetricValue>> {
    Ok(match name {
        "rate" => rate::extrapolated(window, rate::Kind::Rate, notes),
        "increase" => rate::extrapolated(window, rate::Kind::Increase, notes),
        "delta" => rate::extrapolated(window, rate::Kind::Delta, notes),
        "irate" => rate::instant(window, true, notes),
        "idelta" => rate::instant(window, false, notes),
        _ => over_time::evaluate(name, window, params, notes).map_err(EvalError::execution)?,
    })
}

fn without_stale(mut series: Series) -> Series {
    if series.values.iter().any(|value| is_stale(*value)) {
        let kept = series
            .timestamps_ms
            .iter()
            .zip(&series.values)
            .filter(|(_, value)| !is_stale(**value));
        (series.timestamps_ms, series.values) = kept.map(|(time, value)| (*time, *value)).unzip();
    }
    if series.histograms.iter().any(|histogram| is_stale(histogram.sum)) {
        let all = series.histogram_timestamps_ms.into_iter().zip(series.histograms);
        (series.histogram_timestamps_ms, series.histograms) =
            all.filter(|(_, histogram)| !is_stale(histogram.sum)).unzip();
    }
    series
}

/// Hints about resets between samples do not hold between the steps of a subquery.
fn forgetting_resets(mut series: Series) -> Series {
    for histogram in &mut series.histograms {
        if matches!(
            histogram.counter_reset_hint,
            CounterResetHint::Reset | CounterResetHint::NotReset
        ) {
            Arc::make_mut(histogram).counter_reset_hint = CounterResetHint::Unknown;
        }
    }
    series
}
