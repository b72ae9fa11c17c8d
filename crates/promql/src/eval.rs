//! Evaluates a tree over a grid of steps, column by column.
//!
//! Every expression yields its values for all steps at once: a number per step, or series with a
//! slot per step. Selectors read the store once for the whole grid. `@` and `offset` are resolved
//! before the evaluation; parts that do not depend on the step are evaluated once.

mod aggregate;
mod binary;
mod call;
mod choose;
mod column;
mod computing;
mod count_values;
mod downsampled;
mod fold;
mod fused;
mod histograms;
mod info;
mod labels;
mod looked;
mod matching;
mod parallel;
mod plan;
mod ranges;
mod resolve;
mod select;
mod share;
mod window;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use skopos_core::metric::{MetricSource, MetricValue, Series};
use skopos_core::{Labels, QueryBudget};

pub(crate) use column::{Column, Grid};
pub(crate) use plan::plan;
pub(crate) use window::{Point, Window};

use crate::annotation::{Annotation, Annotations};
use crate::ast::{Expr, UnaryOp};
use crate::engine::EngineOptions;
use crate::eval_error::EvalError;
use crate::parser::Feature;
use crate::position::PosRange;
use crate::trace;
use crate::value::{QueryOutput, Value, VectorSample};

pub(crate) const STAGE: &str = "expression evaluation";

/// What an expression yields for all steps of a grid.
#[derive(Debug, Clone)]
pub(crate) enum Evaluated {
    /// A number per step.
    Scalar(Vec<f64>),
    Text(String),
    Vector(Vec<Column>),
}

pub(crate) type EvalResult<T> = Result<T, EvalError>;

/// One query under evaluation.
pub(crate) struct Evaluator<'a> {
    pub(crate) source: &'a dyn MetricSource,
    pub(crate) options: EngineOptions,
    pub(crate) budget: &'a QueryBudget,
    query: &'a str,
    annotations: Mutex<Annotations>,
    /// Samples that the budget is charged with: results that are still used, and series read.
    held: AtomicUsize,
    counts: looked::Counts,
    shared: share::Shared,
}

/// What the parts of a query see of it: its own range, which `start()` and `range()` name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    /// The steps at which the part is evaluated; in subqueries not those of the query.
    pub(crate) grid: Grid,
    /// The steps of the whole query.
    pub(crate) query: Grid,
}

impl<'a> Evaluator<'a> {
    pub(crate) fn new(
        source: &'a dyn MetricSource,
        options: EngineOptions,
        query: &'a str,
        budget: &'a QueryBudget,
    ) -> Self {
        Self {
            source,
            options,
            budget,
            query,
            annotations: Mutex::default(),
            held: AtomicUsize::new(0),
            counts: looked::Counts::default(),
            shared: share::Shared::default(),
        }
    }

    /// Resolves the query over `grid` and readies the counts and what repeats.
    fn prepare(&mut self, expr: &Expr, grid: Grid) -> EvalResult<Expr> {
        let _span = trace::preparation().entered();
        let expr = resolve::resolve(expr, grid)?;
        if self.options.per_step_stats == Feature::Enabled {
            self.counts = looked::Counts::by_step(grid);
        }
        self.shared = share::Shared::of(&expr, self.query);
        Ok(expr)
    }

    pub(crate) fn instant(mut self, expr: &Expr, time_ms: i64) -> EvalResult<QueryOutput> {
        let grid = Grid::instant(time_ms);
        let expr = self.prepare(expr, grid)?;
        let frame = Frame { grid, query: grid };
        let _span = trace::inner().entered();
        let value = match expr.unwrap_parens() {
            range @ (Expr::Matrix(_) | Expr::Subquery(_)) => {
                let mut series = self.range_vector(range, frame)?;
                series.sort_by(|a, b| a.labels.cmp(&b.labels));
                Value::Matrix(series)
            }
            _ => self.instant_value(self.eval(&expr, frame)?, time_ms)?,
        };
        Ok(self.output(value, grid))
    }

    pub(crate) fn range(mut self, expr: &Expr, grid: Grid) -> EvalResult<QueryOutput> {
        let expr = self.prepare(expr, grid)?;
        let evaluated = trace::inner().in_scope(|| self.eval(&expr, Frame { grid, query: grid }))?;
        let columns = match evaluated {
            Evaluated::Scalar(values) => vec![Column::new(Labels::empty(), values)],
            Evaluated::Vector(columns) => self.finish_names(columns)?,
            Evaluated::Text(_) => Vec::new(),
        };
        let _span = trace::sort().entered();
        let mut series: Vec<Series> = columns
            .into_iter()
            .map(|column| column.into_series(grid))
            .filter(|series| !series.is_empty())
            .collect();
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(self.output(Value::Matrix(series), grid))
    }

    fn instant_value(&self, evaluated: Evaluated, timestamp_ms: i64) -> EvalResult<Value> {
        Ok(match evaluated {
            Evaluated::Scalar(values) => Value::Scalar {
                timestamp_ms,
                value: values.first().copied().unwrap_or(f64::NAN),
            },
            Evaluated::Text(value) => Value::String { timestamp_ms, value },
            Evaluated::Vector(columns) => {
                let columns = self.finish_names(columns)?;
                let samples = columns.into_iter().filter_map(|column| {
                    let value = column.value(0)?;
                    let labels = column.labels;
                    Some(VectorSample {
                        labels,
                        timestamp_ms,
                        value,
                    })
                });
                Value::Vector(samples.collect())
            }
        })
    }

    fn output(&self, value: Value, grid: Grid) -> QueryOutput {
        let annotations = self.annotations.lock().expect("no holder of the lock panics");
        let (mut warnings, infos) = annotations.render(self.query);
        warnings.extend(self.budget.warnings());
        QueryOutput {
            value,
            warnings,
            infos,
            stats: self.counts.stats(grid),
        }
    }

    pub(crate) fn note(&self, annotation: Annotation, pos: PosRange) {
        let mut annotations = self.annotations.lock().expect("no holder of the lock panics");
        annotations.add(annotation, pos);
    }

    pub(crate) fn merge_notes(&self, notes: &Annotations) {
        if !notes.is_empty() {
            let mut annotations = self.annotations.lock().expect("no holder of the lock panics");
            annotations.merge(notes);
        }
    }

    pub(crate) fn delays_names(&self) -> bool {
        self.options.delayed_name_removal == Feature::Enabled
    }

    /// Marks a series whose values no longer are those of its metric.
    pub(crate) fn drop_name(&self, column: &mut Column) {
        column.drop_name = true;
        if !self.delays_names() {
            column.labels = column::without_metadata(&column.labels);
        }
    }

    #[expect(clippy::unused_self, reason = "a step of the evaluator like its neighbours")]
    fn finish_names(&self, mut columns: Vec<Column>) -> EvalResult<Vec<Column>> {
        for column in columns.iter_mut().filter(|column| column.drop_name) {
            column.labels = column::without_metadata(&column.labels);
        }
        column::merge_same(columns)
    }

    /// Evaluates a part. What it read and what its own parts yielded is given back to the budget;
    /// its result is charged.
    pub(crate) fn eval(&self, expr: &Expr, frame: Frame) -> EvalResult<Evaluated> {
        self.budget.check(STAGE)?;
        if let Some(evaluated) = self.shared.take(expr, frame.grid) {
            self.hold(slots(&evaluated, frame.grid))?;
            return Ok(evaluated);
        }
        if !self.shared.is_shared(expr) {
            return self.eval_charged(expr, frame);
        }
        let grown_before = self.grown_notes();
        let evaluated = self.eval_charged(expr, frame)?;
        if self.grown_notes() == grown_before {
            // What is kept stays charged until the query ends.
            self.budget.charge(slots(&evaluated, frame.grid), STAGE)?;
            self.shared.keep(expr, frame.grid, &evaluated);
        }
        Ok(evaluated)
    }

    fn eval_charged(&self, expr: &Expr, frame: Frame) -> EvalResult<Evaluated> {
        let before = self.held.load(Ordering::Relaxed);
        let evaluated = self.eval_part(expr, frame)?;
        let used = self.held.load(Ordering::Relaxed) - before;
        self.budget.release(used);
        self.held.store(before, Ordering::Relaxed);
        self.hold(slots(&evaluated, frame.grid))?;
        Ok(evaluated)
    }

    fn grown_notes(&self) -> usize {
        self.annotations.lock().expect("no holder of the lock panics").grown()
    }

    /// Fails where columns of that many steps would be more than the query may hold: columns have
    /// a slot for each step, filled or not.
    pub(crate) fn check_room(&self, columns: usize, steps: usize) -> EvalResult<()> {
        Ok(self.budget.check_room(columns.saturating_mul(steps), STAGE)?)
    }

    fn hold(&self, count: usize) -> EvalResult<()> {
        self.held.fetch_add(count, Ordering::Relaxed);
        Ok(self.budget.charge(count, STAGE)?)
    }

    /// Notes that the store charged the budget with samples that it gave.
    pub(crate) fn note_read(&self, count: usize) {
        self.held.fetch_add(count, Ordering::Relaxed);
    }

    fn eval_part(&self, expr: &Expr, frame: Frame) -> EvalResult<Evaluated> {
        let steps = frame.grid.len();
        if steps > 1 && resolve::is_step_invariant(expr) {
            return self.eval_once(expr, frame);
        }
        let _span = trace::part(expr).entered();
        match expr {
            Expr::Number(number) => Ok(Evaluated::Scalar(vec![number.value; steps])),
            Expr::String(string) => Ok(Evaluated::Text(string.value.clone())),
            Expr::Paren(paren) => self.eval(&paren.expr, frame),
            Expr::Unary(unary) => {
                let operand = self.eval(&unary.expr, frame)?;
                match unary.op {
                    UnaryOp::Plus => Ok(operand),
                    UnaryOp::Minus => self.negate(operand),
                }
            }
            Expr::Vector(selector) => self.vector_selector(selector, frame).map(Evaluated::Vector),
            Expr::Matrix(_) | Expr::Subquery(_) => Err(EvalError::execution("a range vector has no value at a step")),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate, frame).map(Evaluated::Vector),
            Expr::Binary(binary) => self.binary(binary, expr.pos(), frame),
            Expr::Call(call) => self.call(call, frame),
        }
    }

    /// Evaluates what is the same at every step at the first.
    fn eval_once(&self, expr: &Expr, frame: Frame) -> EvalResult<Evaluated> {
        let steps = frame.grid.len();
        let once = Frame {
            grid: Grid::instant(frame.grid.start_ms),
            query: frame.query,
        };
        Ok(match self.eval(expr, once)? {
            Evaluated::Scalar(values) => Evaluated::Scalar(vec![values[0]; steps]),
            Evaluated::Vector(columns) => {
                self.check_room(columns.len(), steps)?;
                Evaluated::Vector(columns.into_iter().map(|column| column.broadcast(steps)).collect())
            }
            text @ Evaluated::Text(_) => text,
        })
    }

    pub(crate) fn eval_vector(&self, expr: &Expr, frame: Frame) -> EvalResult<Vec<Column>> {
        match self.eval(expr, frame)? {
            Evaluated::Vector(columns) => Ok(columns),
            _ => Err(EvalError::execution("expected an instant vector")),
        }
    }

    pub(crate) fn eval_scalar(&self, expr: &Expr, frame: Frame) -> EvalResult<Vec<f64>> {
        match self.eval(expr, frame)? {
            Evaluated::Scalar(values) => Ok(values),
            _ => Err(EvalError::execution("expected a scalar")),
        }
    }

    #[expect(clippy::unused_self, reason = "a step of the evaluator like its neighbours")]
    pub(crate) fn eval_text(&self, expr: &Expr) -> EvalResult<String> {
        match expr.unwrap_parens() {
            Expr::String(string) => Ok(string.value.clone()),
            _ => Err(EvalError::execution("expected a string")),
        }
    }

    fn negate(&self, operand: Evaluated) -> EvalResult<Evaluated> {
        Ok(match operand {
            Evaluated::Scalar(mut values) => {
                for value in &mut values {
                    *value = -*value;
                }
                Evaluated::Scalar(values)
            }
            Evaluated::Vector(mut columns) => {
                for column in &mut columns {
                    column.map_floats(|value| -value);
                    column.map_histograms(|histogram| crate::histogram::scaled(histogram, -1.0));
                    self.drop_name(column);
                }
                Evaluated::Vector(if self.delays_names() {
                    columns
                } else {
                    column::merge_same(columns)?
                })
            }
            text @ Evaluated::Text(_) => text,
        })
    }
}

/// How many values a result holds, filled or not.
fn slots(evaluated: &Evaluated, grid: Grid) -> usize {
    match evaluated {
        Evaluated::Vector(columns) => columns.len().saturating_mul(grid.len()),
        Evaluated::Scalar(values) => values.len(),
        Evaluated::Text(_) => 0,
    }
}

/// The value as an output sample has it.
pub(crate) fn float(value: f64) -> MetricValue {
    MetricValue::Float(value)
}
