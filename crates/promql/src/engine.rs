//! The door to the engine: options, instant and range queries.

use skopos_core::QueryBudget;
use skopos_core::metric::{MetricSource, SourceResolution};

use crate::ast::{Expr, ValueType};
use crate::eval::{Evaluator, Grid, plan};
use crate::eval_error::EvalError;
use crate::parser::{Feature, ParseOptions, parse_with};
use crate::plan::QueryPlan;
use crate::trace;
use crate::value::QueryOutput;

/// Prometheus' default of `--query.lookback-delta`.
pub const DEFAULT_LOOKBACK_MS: i64 = 5 * 60 * 1000;
/// Most steps between the first and the last point of a range query.
pub const MAX_STEPS: i64 = 11_000;
/// Stack that an evaluation has ahead of it, for deep trees recurse. A thread with that much left evaluates on its own
/// stack, any other gets one for the time.
pub const STACK_BYTES: usize = 32 << 20;

/// How queries are read and evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineOptions {
    /// How far back an instant selector looks for a sample.
    pub lookback_ms: i64,
    /// Step of subqueries that name none: the global evaluation interval.
    pub subquery_step_ms: i64,
    /// Flagged parts of the language.
    pub syntax: ParseOptions,
    /// `promql-delayed-name-removal`: metric names are dropped at the end of the query, so that
    /// annotations can say which metric they are about.
    pub delayed_name_removal: Feature,
    /// `use-start-timestamps`: counters reset where a sample's start timestamp says so.
    pub start_timestamps: Feature,
    /// Whether samples are counted for each step (`promql-per-step-stats`).
    pub per_step_stats: Feature,
    /// How coarse the data may be that answers.
    pub source_resolution: SourceResolution,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            lookback_ms: DEFAULT_LOOKBACK_MS,
            subquery_step_ms: 60_000,
            syntax: ParseOptions::default(),
            delayed_name_removal: Feature::Enabled,
            start_timestamps: Feature::Enabled,
            per_step_stats: Feature::Disabled,
            source_resolution: SourceResolution::default(),
        }
    }
}

/// Evaluates queries. Cheap to clone; all engines share one pool of threads, as many as the
/// machine has.
#[derive(Debug, Clone, Default)]
pub struct Engine {
    options: EngineOptions,
}

impl Engine {
    /// An engine with these options.
    #[must_use]
    pub fn new(options: EngineOptions) -> Self {
        Self { options }
    }

    /// The options.
    #[must_use]
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// The same engine with another lookback delta, as one request may ask for.
    #[must_use]
    pub fn with_lookback(&self, lookback_ms: i64) -> Self {
        let options = EngineOptions {
            lookback_ms,
            ..self.options
        };
        Self { options }
    }

    /// The same engine that counts samples for each step, or not, as one request may ask for.
    #[must_use]
    pub fn with_per_step_stats(&self, per_step_stats: Feature) -> Self {
        let options = EngineOptions {
            per_step_stats,
            ..self.options
        };
        Self { options }
    }

    /// The same engine over data of another resolution, as one request may ask for.
    #[must_use]
    pub fn with_source_resolution(&self, source_resolution: SourceResolution) -> Self {
        let options = EngineOptions {
            source_resolution,
            ..self.options
        };
        Self { options }
    }

    /// Parses a query under this engine's options.
    pub fn parse(&self, query: &str) -> Result<Expr, EvalError> {
        Ok(parse_with(query, self.options.syntax)?)
    }

    /// Evaluates a query at one time.
    pub fn instant(
        &self,
        source: &dyn MetricSource,
        query: &str,
        time_ms: i64,
        budget: &QueryBudget,
    ) -> Result<QueryOutput, EvalError> {
        let expr = self.parse(query)?;
        self.instant_expr(source, query, &expr, time_ms, budget)
    }

    /// As [`Engine::instant`] for a query that was parsed; `query` is its text, which
    /// annotations point into.
    pub fn instant_expr(
        &self,
        source: &dyn MetricSource,
        query: &str,
        expr: &Expr,
        time_ms: i64,
        budget: &QueryBudget,
    ) -> Result<QueryOutput, EvalError> {
        let evaluator = Evaluator::new(source, self.options, query, budget);
        trace::evaluation().in_scope(|| with_deep_stack(|| evaluator.instant(expr, time_ms)))
    }

    /// What a query at one time would do and read.
    pub fn plan_instant(&self, query: &str, time_ms: i64) -> Result<QueryPlan, EvalError> {
        let expr = self.parse(query)?;
        with_deep_stack(|| plan(&expr, query, Grid::instant(time_ms), &self.options))
    }

    /// What a query over a range would do and read.
    pub fn plan_range(&self, query: &str, start_ms: i64, end_ms: i64, step_ms: i64) -> Result<QueryPlan, EvalError> {
        let expr = self.parse_rangeable(query)?;
        let grid = range_grid(start_ms, end_ms, step_ms)?;
        with_deep_stack(|| plan(&expr, query, grid, &self.options))
    }

    fn parse_rangeable(&self, query: &str) -> Result<Expr, EvalError> {
        let expr = self.parse(query)?;
        match expr.value_type() {
            ValueType::Scalar | ValueType::Vector => Ok(expr),
            other => Err(EvalError::NotRangeable(other)),
        }
    }

    /// Evaluates a query at each step from `start_ms` to `end_ms`.
    pub fn range(
        &self,
        source: &dyn MetricSource,
        query: &str,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
        budget: &QueryBudget,
    ) -> Result<QueryOutput, EvalError> {
        let expr = self.parse_rangeable(query)?;
        let grid = range_grid(start_ms, end_ms, step_ms)?;
        let evaluator = Evaluator::new(source, self.options, query, budget);
        trace::evaluation().in_scope(|| with_deep_stack(|| evaluator.range(&expr, grid)))
    }
}

fn range_grid(start_ms: i64, end_ms: i64, step_ms: i64) -> Result<Grid, EvalError> {
    if step_ms <= 0 {
        let message = "zero or negative query resolution step widths are not accepted. Try a positive integer";
        return Err(EvalError::BadRange(message));
    }
    if end_ms < start_ms {
        return Err(EvalError::BadRange("end timestamp must not be before start time"));
    }
    let too_many = end_ms
        .checked_sub(start_ms)
        .is_none_or(|range| range / step_ms > MAX_STEPS);
    if too_many {
        let message = "exceeded maximum resolution of 11,000 points per timeseries. \
                       Try decreasing the query resolution (?step=XX)";
        return Err(EvalError::BadRange(message));
    }
    Ok(Grid::new(start_ms, end_ms, step_ms))
}

/// A query of few series stays on the thread that asks, which spares it the wait for another.
fn with_deep_stack<T>(evaluate: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(STACK_BYTES, STACK_BYTES, evaluate)
}
