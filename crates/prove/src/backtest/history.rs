//! The vectors that an expression gave at each step of a range: range queries in chunks, and step by step where a
//! range query would not give the same.

use skopos_core::metric::{MetricSource, MetricValue, Series};
use skopos_core::{BudgetError, Labels, QueryBudget};
use skopos_promql::ast::{AtModifier, DurationArg, DurationExpr, VectorSelector};
use skopos_promql::{Engine, EvalError, Expr, QueryOutput, Value};
use skopos_rules::RuleSample;

use super::{BacktestError, STAGE};

/// Steps of a range query, unless it holds too many samples.
const CHUNK_STEPS: u64 = 2_000;

/// The times of evaluation: from the first on, up to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the unit stands last in each name")]
pub(super) struct Steps {
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) step_ms: i64,
}

impl Steps {
    pub(super) fn count(self) -> u64 {
        let length_ms = self.end_ms.saturating_sub(self.start_ms);
        (length_ms / self.step_ms + 1).unsigned_abs()
    }

    fn at(self, index: u64) -> i64 {
        self.start_ms + index as i64 * self.step_ms
    }
}

/// What a step gave, or why nothing.
pub(super) type StepVector = Result<Vec<RuleSample>, String>;

/// Answers queries over stored samples.
#[derive(Debug)]
pub(super) struct History<'a> {
    pub(super) engine: &'a Engine,
    pub(super) source: &'a dyn MetricSource,
    pub(super) budget: &'a QueryBudget,
}

impl History<'_> {
    /// Calls `take` with the time of the first step and the vectors of each chunk of steps. Queries look at data of
    /// `offset_ms` before the step.
    pub(super) fn for_each_chunk(
        &self,
        query: &str,
        steps: Steps,
        offset_ms: i64,
        take: &mut dyn FnMut(i64, &[StepVector]),
    ) -> Result<(), BacktestError> {
        let expr = self.engine.parse(query)?;
        let count = steps.count();
        let mut chunk = if knows_its_range(&expr) { 1 } else { CHUNK_STEPS };
        let mut done = 0;
        while done < count {
            self.budget.check(STAGE)?;
            let length = chunk.min(count - done);
            let (start_ms, end_ms) = (steps.at(done) - offset_ms, steps.at(done + length - 1) - offset_ms);
            let grid = Steps {
                start_ms,
                end_ms,
                step_ms: steps.step_ms,
            };
            let vectors = match self.vectors(query, &expr, grid) {
                Err(EvalError::Budget(BudgetError::TooManySamples { .. })) if length > 1 => {
                    chunk = length / 2;
                    continue;
                }
                other => other?,
            };
            take(steps.at(done), &vectors);
            done += length;
        }
        Ok(())
    }

    /// The vector at one time.
    pub(super) fn at(&self, query: &str, expr: &Expr, time_ms: i64) -> Result<StepVector, EvalError> {
        let output = self
            .engine
            .instant_expr(self.source, query, expr, time_ms, &self.budget.renewed());
        match output {
            Ok(output) => Ok(vector(output)),
            Err(error @ EvalError::Execution(_)) => Ok(Err(error.to_string())),
            Err(error) => Err(error),
        }
    }

    fn vectors(&self, query: &str, expr: &Expr, grid: Steps) -> Result<Vec<StepVector>, EvalError> {
        if grid.start_ms < grid.end_ms {
            let range = self.engine.range(
                self.source,
                query,
                grid.start_ms,
                grid.end_ms,
                grid.step_ms,
                &self.budget.renewed(),
            );
            match range {
                Ok(output) => return Ok(transposed(output, grid)),
                // One step with an error fails the whole range: the others are asked one by one.
                Err(EvalError::Execution(_)) => {}
                Err(error) => return Err(error),
            }
        }
        (0..grid.count())
            .map(|step| self.at(query, expr, grid.at(step)))
            .collect()
    }
}

fn vector(output: QueryOutput) -> StepVector {
    match output.value {
        Value::Vector(samples) => Ok(samples
            .into_iter()
            .map(|sample| RuleSample {
                labels: sample.labels,
                value: sample.value,
            })
            .collect()),
        Value::Scalar { value, .. } => Ok(vec![RuleSample {
            labels: Labels::empty(),
            value: MetricValue::Float(value),
        }]),
        Value::String { .. } | Value::Matrix(_) => Err("rule result is not a vector or scalar".to_owned()),
    }
}

/// The series of a range as a vector for each step.
fn transposed(output: QueryOutput, grid: Steps) -> Vec<StepVector> {
    let mut vectors: Vec<Vec<RuleSample>> = vec![Vec::new(); grid.count() as usize];
    let Value::Matrix(all) = output.value else {
        return vectors.into_iter().map(Ok).collect();
    };
    for series in all {
        for (at_ms, value) in samples(&series) {
            let step = (at_ms - grid.start_ms) / grid.step_ms;
            if let Some(vector) = usize::try_from(step).ok().and_then(|step| vectors.get_mut(step)) {
                let labels = series.labels.clone();
                vector.push(RuleSample { labels, value });
            }
        }
    }
    vectors.into_iter().map(Ok).collect()
}

fn samples(series: &Series) -> impl Iterator<Item = (i64, MetricValue)> + '_ {
    let floats = series.timestamps_ms.iter().zip(&series.values);
    let histograms = series.histogram_timestamps_ms.iter().zip(&series.histograms);
    let floats = floats.map(|(at_ms, value)| (*at_ms, MetricValue::Float(*value)));
    floats.chain(histograms.map(|(at_ms, value)| (*at_ms, MetricValue::Histogram(std::sync::Arc::clone(value)))))
}

/// Whether the result at a step depends on the range of the query: `@ start()`, `@ end()`, `range()`, `step()`.
fn knows_its_range(expr: &Expr) -> bool {
    let own = match expr {
        Expr::Vector(selector) => selector_knows(selector),
        Expr::Matrix(matrix) => selector_knows(&matrix.selector) || duration_knows(&matrix.range),
        Expr::Subquery(subquery) => {
            at_knows(subquery.at)
                || duration_knows(&subquery.range)
                || duration_knows(&subquery.offset)
                || subquery.step.as_ref().is_some_and(duration_knows)
        }
        _ => false,
    };
    own || expr.children().into_iter().any(knows_its_range)
}

fn selector_knows(selector: &VectorSelector) -> bool {
    at_knows(selector.at) || duration_knows(&selector.offset)
}

fn at_knows(at: Option<AtModifier>) -> bool {
    matches!(at, Some(AtModifier::Start | AtModifier::End))
}

fn duration_knows(duration: &DurationArg) -> bool {
    duration.expr.as_ref().is_some_and(expression_knows)
}

fn expression_knows(expr: &DurationExpr) -> bool {
    match expr {
        DurationExpr::Number(_) => false,
        DurationExpr::Step(_) | DurationExpr::Range(_) => true,
        DurationExpr::Negate(inner, _) | DurationExpr::Paren(inner, _) => expression_knows(inner),
        DurationExpr::Binary(_, a, b) | DurationExpr::MinOf(a, b, _) | DurationExpr::MaxOf(a, b, _) => {
            expression_knows(a) || expression_knows(b)
        }
    }
}
