//! Runs queries over a [`LogSource`].
//!
//! A log query streams: entries come in the wanted order and the scan ends at the limit. A metric
//! query makes one pass over the lines of each range expression and keeps one column of points per
//! series, one point per step; everything above works on columns.

mod aggregate;
mod binary;
mod columns;
mod logs;
mod range;
mod replace;
mod series;
mod window;

use std::time::Instant;

use skopos_core::QueryBudget;
use skopos_core::log::{Direction, LogSource};

use crate::EvalError;
use crate::ast::{AggregateOp, Expr, MetricExpr};
use crate::output::{LogQueryOutput, MatrixSeries, QueryStats, QueryValue, VectorSample};
use columns::{Column, Steps};

pub(crate) use binary::fold_literals;

/// Most points of a series, as in Loki.
const MAX_STEPS: i64 = 11_000;
const STAGE: &str = "query evaluation";

/// Bounds of an engine.
#[derive(Debug, Clone, Copy)]
pub struct EngineOptions {
    /// Most series of an answer.
    pub max_series: usize,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { max_series: 10_000 }
    }
}

/// A query over a range of time.
#[derive(Debug, Clone, Copy)]
pub struct RangeQuery<'a> {
    /// LogQL.
    pub query: &'a str,
    /// First nanosecond.
    pub start_ns: i64,
    /// Log queries end before this nanosecond; metric queries may have a step on it.
    pub end_ns: i64,
    /// Distance between the points of a metric query, in nanoseconds.
    pub step_ns: i64,
    /// Least distance between the entries of a log query, in nanoseconds; 0 for all entries.
    pub interval_ns: i64,
    /// Most entries of a log query.
    pub limit: usize,
    /// Order of the entries of a log query.
    pub direction: Direction,
}

/// A query at one time.
#[derive(Debug, Clone, Copy)]
pub struct InstantQuery<'a> {
    /// LogQL that computes numbers.
    pub query: &'a str,
    /// When, in nanoseconds.
    pub time_ns: i64,
}

/// Evaluates LogQL.
#[derive(Debug, Clone, Default)]
pub struct Engine {
    options: EngineOptions,
}

/// What the parts of one evaluation share.
struct Evaluation<'a> {
    source: &'a dyn LogSource,
    budget: &'a QueryBudget,
    steps: Steps,
    stats: QueryStats,
    max_series: usize,
}

impl Engine {
    /// An engine.
    pub fn new(options: EngineOptions) -> Self {
        Self { options }
    }

    /// Answers a query over a range: streams for a log query, a matrix for a metric query.
    pub fn query_range(
        &self,
        source: &dyn LogSource,
        query: &RangeQuery<'_>,
        budget: &QueryBudget,
    ) -> Result<LogQueryOutput, EvalError> {
        let started = Instant::now();
        match crate::parse(query.query)? {
            Expr::Log(log) => {
                let (streams, mut stats) = logs::select(source, &log, query, budget)?;
                stats.total_entries_returned = streams.entries.len() as u64;
                Ok(output(QueryValue::Streams(streams), stats, started))
            }
            Expr::Metric(metric) => {
                let steps = Steps::new(query.start_ns, query.end_ns, query.step_ns)?;
                let (columns, mut stats) = self.evaluate(source, &metric, steps, budget)?;
                let matrix = matrix(columns, steps);
                stats.total_entries_returned = matrix.iter().map(|series| series.points.len() as u64).sum();
                Ok(output(QueryValue::Matrix(matrix), stats, started))
            }
        }
    }

    /// Answers a metric query at one time: a vector, or a scalar for a literal.
    pub fn instant(
        &self,
        source: &dyn LogSource,
        query: &InstantQuery<'_>,
        budget: &QueryBudget,
    ) -> Result<LogQueryOutput, EvalError> {
        let started = Instant::now();
        let timestamp_ns = query.time_ns;
        let metric = match crate::parse(query.query)? {
            Expr::Log(_) => return Err(EvalError::LogsAsInstant),
            Expr::Metric(MetricExpr::Literal(value)) => {
                let scalar = QueryValue::Scalar { timestamp_ns, value };
                return Ok(output(scalar, QueryStats::default(), started));
            }
            Expr::Metric(metric) => metric,
        };
        let (mut columns, mut stats) = self.evaluate(source, &metric, Steps::instant(timestamp_ns), budget)?;
        if !sorts(&metric) {
            columns.sort_by(|left, right| left.labels.cmp(&right.labels));
        }
        let samples = columns.into_iter().filter_map(|column| {
            let value = (*column.points.first()?)?;
            Some(VectorSample {
                labels: column.labels,
                timestamp_ns,
                value,
            })
        });
        let vector: Vec<_> = samples.collect();
        stats.total_entries_returned = vector.len() as u64;
        Ok(output(QueryValue::Vector(vector), stats, started))
    }

    fn evaluate(
        &self,
        source: &dyn LogSource,
        metric: &MetricExpr,
        steps: Steps,
        budget: &QueryBudget,
    ) -> Result<(Vec<Column>, QueryStats), EvalError> {
        let mut evaluation = Evaluation {
            source,
            budget,
            steps,
            stats: QueryStats::default(),
            max_series: self.options.max_series,
        };
        let columns = match metric {
            MetricExpr::Literal(value) => evaluation.constant(*value)?,
            metric => evaluation.eval(metric)?,
        };
        let columns: Vec<Column> = columns.into_iter().filter(Column::has_points).collect();
        if columns.len() > self.options.max_series {
            return Err(EvalError::TooManySeries {
                limit: self.options.max_series,
            });
        }
        Ok((columns, evaluation.stats))
    }
}

impl Evaluation<'_> {
    fn eval(&mut self, expr: &MetricExpr) -> Result<Vec<Column>, EvalError> {
        self.budget.check(STAGE)?;
        match expr {
            MetricExpr::Literal(_) => Err(EvalError::Stage(
                "a number stands where a series is expected; wrap it in vector()".to_owned(),
            )),
            MetricExpr::Vector(value) => self.constant(*value),
            MetricExpr::Range(range) => self.range(range, None),
            MetricExpr::Aggregate(aggregate) => self.aggregate(aggregate),
            MetricExpr::Binary(binary) => self.binary(binary),
            MetricExpr::LabelReplace(replace) => replace::apply(replace, self.eval(&replace.expr)?),
        }
    }

    fn constant(&self, value: f64) -> Result<Vec<Column>, EvalError> {
        self.budget.charge(self.steps.count, STAGE)?;
        Ok(vec![Column {
            labels: crate::LabelSet::empty(),
            points: vec![Some(value); self.steps.count],
        }])
    }
}

fn output(value: QueryValue, mut stats: QueryStats, started: Instant) -> LogQueryOutput {
    stats.exec_time_ns = started.elapsed().as_nanos() as u64;
    LogQueryOutput {
        value,
        stats,
        warnings: Vec::new(),
    }
}

fn matrix(mut columns: Vec<Column>, steps: Steps) -> Vec<MatrixSeries> {
    columns.sort_by(|left, right| left.labels.cmp(&right.labels));
    let series = columns.into_iter().map(|column| {
        let points = column.points.iter().enumerate();
        MatrixSeries {
            points: points
                .filter_map(|(i, value)| Some((steps.time(i), (*value)?)))
                .collect(),
            labels: column.labels,
        }
    });
    series.collect()
}

/// Whether the query asks for an order of its own.
fn sorts(expr: &MetricExpr) -> bool {
    match expr {
        MetricExpr::Aggregate(aggregate) => {
            matches!(aggregate.op, AggregateOp::Sort | AggregateOp::SortDesc) || sorts(&aggregate.expr)
        }
        MetricExpr::Binary(binary) => sorts(&binary.left) || sorts(&binary.right),
        MetricExpr::LabelReplace(replace) => sorts(&replace.expr),
        _ => false,
    }
}
