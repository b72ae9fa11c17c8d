//! Calls: which family a function belongs to, and those over whole columns.

use skopos_core::labels::METRIC_NAME;
use skopos_core::{Labels, MatchOp, TimeRange};

use super::choose::by_value;
use super::column::{self, Column, Grid};
use super::histograms::variance;
use super::ranges::RangeSeries;
use super::select::{Found, LookAt, newest};
use super::{EvalResult, Evaluated, Evaluator, Frame};
use crate::annotation::Annotation;
use crate::ast::{Call, Expr, ValueType, VectorSelector};
use crate::eval_error::EvalError;
use crate::functions::instant;

impl Evaluator<'_> {
    pub(crate) fn call(&self, call: &Call, frame: Frame) -> EvalResult<Evaluated> {
        let matrix_at = call.args.iter().position(|arg| arg.value_type() == ValueType::Matrix);
        if let Some(matrix_at) = matrix_at {
            return self.range_call(call, matrix_at, frame);
        }
        let name = call.function.name;
        if name.starts_with("sort") && !frame.grid.is_instant() {
            self.note(Annotation::SortInRangeQuery, call.pos);
        }
        if let Some(math) = instant::math(name) {
            return self.map_floats(&call.args[0], frame, |_, value| math(value));
        }
        if let Some(date) = instant::date(name) {
            return if let Some(arg) = call.args.first() {
                self.map_floats(arg, frame, |_, value| date(value))
            } else {
                let floats = frame.grid.times().map(|time| date(time.div_euclid(1000) as f64));
                Ok(Evaluated::Vector(vec![Column::new(Labels::empty(), floats.collect())]))
            };
        }
        match call.function.returns {
            ValueType::Scalar => self.scalar_call(call, frame).map(Evaluated::Scalar),
            _ => self.vector_call(call, frame),
        }
    }

    fn scalar_call(&self, call: &Call, frame: Frame) -> EvalResult<Vec<f64>> {
        let (grid, query) = (frame.grid, frame.query);
        let seconds = |ms: i64| ms as f64 / 1000.0;
        let steps = grid.len();
        let pair = |choose: fn(f64, f64) -> f64| -> EvalResult<Vec<f64>> {
            let (first, second) = (
                self.eval_scalar(&call.args[0], frame)?,
                self.eval_scalar(&call.args[1], frame)?,
            );
            let choose = |(a, b): (f64, f64)| {
                if a.is_nan() || b.is_nan() {
                    f64::NAN
                } else {
                    choose(a, b)
                }
            };
            Ok(first.into_iter().zip(second).map(choose).collect())
        };
        Ok(match call.function.name {
            "time" => grid.times().map(seconds).collect(),
            "pi" => vec![std::f64::consts::PI; steps],
            "start" => vec![seconds(query.start_ms); steps],
            "end" => vec![seconds(query.end_ms); steps],
            "step" if query.is_instant() => vec![0.0; steps],
            "step" => vec![seconds(query.step_ms); steps],
            "range" => vec![seconds(query.end_ms - query.start_ms); steps],
            "min_of" => pair(f64::min)?,
            "max_of" => pair(f64::max)?,
            "scalar" => {
                let columns = self.eval_vector(&call.args[0], frame)?;
                (0..steps).map(|step| only_float(&columns, step)).collect()
            }
            name => return Err(EvalError::execution(format!("function {name} is not supported"))),
        })
    }

    fn vector_call(&self, call: &Call, frame: Frame) -> EvalResult<Evaluated> {
        let args = &call.args;
        let scalar = |at: usize| self.eval_scalar(&args[at], frame);
        match call.function.name {
            "vector" => Ok(Evaluated::Vector(vec![Column::new(Labels::empty(), scalar(0)?)])),
            "absent" => {
                let columns = self.eval_vector(&args[0], frame)?;
                Ok(Evaluated::Vector(self.absent(&args[0], &columns, frame.grid)))
            }
            "clamp" => self.clamp(&args[0], frame, &scalar(1)?, &scalar(2)?),
            "clamp_min" => self.clamp(&args[0], frame, &scalar(1)?, &vec![f64::INFINITY; frame.grid.len()]),
            "clamp_max" => self.clamp(&args[0], frame, &vec![f64::NEG_INFINITY; frame.grid.len()], &scalar(1)?),
            "round" => {
                let to_nearest = if args.len() > 1 {
                    scalar(1)?
                } else {
                    vec![1.0; frame.grid.len()]
                };
                self.map_floats(&args[0], frame, |step, value| {
                    let inverse = 1.0 / to_nearest[step];
                    (value * inverse + 0.5).floor() / inverse
                })
            }
            "timestamp" => self.timestamp(&args[0], frame),
            "start_timestamp" => self.start_timestamp(&args[0], frame),
            "sort" | "sort_desc" => self.sort(call, frame),
            "sort_by_label" | "sort_by_label_desc" => self.sort_by_label(call, frame),
            "label_replace" => self.label_replace(call, frame),
            "label_join" => self.label_join(call, frame),
            "info" => self.info(call, frame),
            "histogram_count" => self.map_histograms(&args[0], frame, |histogram| histogram.count),
            "histogram_sum" => self.map_histograms(&args[0], frame, |histogram| histogram.sum),
            "histogram_avg" => self.map_histograms(&args[0], frame, |histogram| histogram.sum / histogram.count),
            "histogram_stdvar" => self.map_histograms(&args[0], frame, variance),
            "histogram_stddev" => self.map_histograms(&args[0], frame, |histogram| variance(histogram).sqrt()),
            "histogram_quantile" => self.histogram_quantile(call, frame),
            "histogram_quantiles" => self.histogram_quantiles(call, frame),
            "histogram_fraction" => self.histogram_fraction(call, frame),
            name => Err(EvalError::execution(format!("function {name} is not supported"))),
        }
    }

    fn map_floats(&self, arg: &Expr, frame: Frame, map: impl Fn(usize, f64) -> f64) -> EvalResult<Evaluated> {
        let mut columns = self.eval_vector(arg, frame)?;
        for column in &mut columns {
            column.histograms.clear();
            for step in 0..column.floats.len() {
                if let Some(value) = column.float(step) {
                    column.floats[step] = map(step, value);
                }
            }
            self.drop_name(column);
        }
        columns.retain(|column| !column.is_empty());
        self.checked(columns)
    }

    /// Columns whose names were dropped: series that became one are merged.
    pub(crate) fn checked(&self, columns: Vec<Column>) -> EvalResult<Evaluated> {
        Ok(Evaluated::Vector(if self.delays_names() {
            columns
        } else {
            column::merge_same(columns)?
        }))
    }

    fn clamp(&self, arg: &Expr, frame: Frame, low: &[f64], high: &[f64]) -> EvalResult<Evaluated> {
        let clamped = self.map_floats(arg, frame, |step, value| {
            let (low, high) = (low[step], high[step]);
            if low.is_nan() || high.is_nan() || value.is_nan() {
                return f64::NAN;
            }
            if high < low {
                column::NOTHING
            } else {
                value.min(high).max(low)
            }
        })?;
        match clamped {
            Evaluated::Vector(mut columns) => {
                columns.retain(|column| !column.is_empty());
                Ok(Evaluated::Vector(columns))
            }
            other => Ok(other),
        }
    }

    /// One series of ones where no column has a sample.
    #[expect(clippy::unused_self, reason = "a step of the evaluator like its neighbours")]
    pub(crate) fn absent(&self, arg: &Expr, columns: &[Column], grid: Grid) -> Vec<Column> {
        let value = |step| {
            if columns.iter().any(|column| column.has(step)) {
                column::NOTHING
            } else {
                1.0
            }
        };
        let absent = Column::new(absent_labels(arg), (0..grid.len()).map(value).collect());
        Some(absent).filter(|column| !column.is_empty()).into_iter().collect()
    }

    fn timestamp(&self, arg: &Expr, frame: Frame) -> EvalResult<Evaluated> {
        let Expr::Vector(selector) = arg.unwrap_parens() else {
            let mut columns = self.eval_vector(arg, frame)?;
            for column in &mut columns {
                for step in 0..column.floats.len() {
                    if column.has(step) {
                        column.floats[step] = frame.grid.time(step) as f64 / 1000.0;
                    }
                }
                column.histograms.clear();
                self.drop_name(column);
            }
            return self.checked(columns);
        };
        self.sample_times(selector, frame.grid, |read, found| match found {
            Found::Float(at) => read.series.timestamps_ms[at],
            Found::Histogram(at) => read.series.histogram_timestamps_ms[at],
        })
    }

    /// Zero where the start is not known, nothing where the samples are results.
    fn start_timestamp(&self, arg: &Expr, frame: Frame) -> EvalResult<Evaluated> {
        let Expr::Vector(selector) = arg.unwrap_parens() else {
            return Ok(Evaluated::Vector(Vec::new()));
        };
        self.sample_times(selector, frame.grid, |read, found| {
            let start = match found {
                Found::Float(at) => read.starts.floats_ms.get(at),
                Found::Histogram(at) => read.starts.histograms_ms.get(at),
            };
            start.copied().unwrap_or(0)
        })
    }

    /// For each step a time, in seconds, of the sample that the selector finds.
    fn sample_times(
        &self,
        selector: &VectorSelector,
        grid: Grid,
        time_ms: impl Fn(&RangeSeries, Found) -> i64,
    ) -> EvalResult<Evaluated> {
        let look_at = LookAt::new(selector, grid);
        let lookback_ms = self.options.lookback_ms;
        let range = TimeRange::new(look_at.first().saturating_sub(lookback_ms - 1), look_at.last());
        let mut columns = Vec::new();
        let all = self.select_started(selector, range, grid.spacing_ms())?;
        self.check_room(all.len(), grid.len())?;
        for (series, starts) in all {
            let read = RangeSeries {
                series,
                starts,
                ..RangeSeries::default()
            };
            let found = newest((&read.series).into(), look_at, lookback_ms);
            let seconds = found.map(|found| match found {
                Some(found) => time_ms(&read, found) as f64 / 1000.0,
                None => column::NOTHING,
            });
            let mut column = Column::new(read.series.labels.clone(), seconds.collect());
            self.drop_name(&mut column);
            columns.push(column);
        }
        columns.retain(|column| !column.is_empty());
        self.checked(columns)
    }

    fn sort(&self, call: &Call, frame: Frame) -> EvalResult<Evaluated> {
        let mut columns = self.eval_vector(&call.args[0], frame)?;
        // Histograms have no order and are left out.
        for column in &mut columns {
            column.histograms.clear();
        }
        columns.retain(|column| !column.is_empty());
        if frame.grid.is_instant() {
            let descending = call.function.name == "sort_desc";
            columns.sort_by(|a, b| by_value(a.floats[0], b.floats[0], descending));
        }
        Ok(Evaluated::Vector(columns))
    }
}

fn only_float(columns: &[Column], step: usize) -> f64 {
    let mut floats = columns.iter().filter_map(|column| column.float(step));
    match (floats.next(), floats.next()) {
        (Some(value), None) => value,
        _ => f64::NAN,
    }
}

/// The labels that equality conditions fix, each named once.
fn absent_labels(arg: &Expr) -> Labels {
    let selector = match arg.unwrap_parens() {
        Expr::Vector(selector) => selector,
        Expr::Matrix(matrix) => &matrix.selector,
        _ => return Labels::empty(),
    };
    let named = |name: &str| {
        selector
            .matchers
            .iter()
            .filter(|matcher| matcher.name() == name)
            .count()
    };
    let fixed = selector.matchers.iter().filter(|matcher| {
        matcher.op() == MatchOp::Equal && matcher.name() != METRIC_NAME && named(matcher.name()) == 1
    });
    Labels::from_pairs(fixed.map(|matcher| (matcher.name(), matcher.value())))
}
