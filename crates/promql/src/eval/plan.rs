//! What a query would read, told before it is evaluated: its parts as a tree, and for each selector
//! the range of time that is read for all steps together.

use skopos_core::TimeRange;

use super::ranges::{range_to_read, subquery_grid};
use super::resolve::{is_step_invariant, resolve};
use super::select::instant_range;
use super::share::Shared;
use super::{EvalResult, Grid};
use crate::ast::{Expr, VectorSelector};
use crate::engine::EngineOptions;
use crate::plan::{PlanNode, PlannedRead, QueryPlan};

/// Plans a query over `grid`.
pub(crate) fn plan(expr: &Expr, query: &str, grid: Grid, options: &EngineOptions) -> EvalResult<QueryPlan> {
    let expr = resolve(expr, grid)?;
    let mut planner = Planner {
        options,
        shared: Shared::of(&expr, query),
        reads: Vec::new(),
    };
    let tree = planner.node(&expr, grid);
    Ok(QueryPlan {
        query: expr.to_string(),
        steps: grid.len(),
        tree,
        reads: planner.reads,
    })
}

struct Planner<'a> {
    options: &'a EngineOptions,
    shared: Shared,
    reads: Vec<PlannedRead>,
}

impl Planner<'_> {
    fn node(&mut self, expr: &Expr, grid: Grid) -> PlanNode {
        let is_once = grid.len() > 1 && is_step_invariant(expr);
        let grid = if is_once { Grid::instant(grid.start_ms) } else { grid };
        let read = match expr {
            Expr::Vector(selector) => {
                let range = instant_range(selector, grid, self.options.lookback_ms);
                Some(self.read(selector, expr, (range, 0), grid))
            }
            Expr::Matrix(matrix) => {
                let range = range_to_read(matrix, grid, self.options.lookback_ms);
                Some(self.read(&matrix.selector, expr, (range, matrix.range.ms), grid))
            }
            _ => None,
        };
        let inner = match expr {
            Expr::Subquery(subquery) => subquery_grid(subquery, grid, self.options.subquery_step_ms),
            _ => grid,
        };
        PlanNode {
            what: what(expr),
            steps: inner.len(),
            repeats: self.shared.is_shared(expr),
            read,
            children: expr
                .children()
                .into_iter()
                .map(|child| self.node(child, inner))
                .collect(),
        }
    }

    /// Notes a read, with the length of a window (0 for none), and gives its number.
    fn read(
        &mut self,
        selector: &VectorSelector,
        expr: &Expr,
        (range, range_ms): (TimeRange, i64),
        grid: Grid,
    ) -> usize {
        let step_ms = grid.spacing_ms();
        self.reads.push(PlannedRead {
            selector: expr.to_string(),
            matchers: selector.matchers.clone(),
            range,
            step_ms,
            resolution: self.options.source_resolution.limit(step_ms, range_ms),
        });
        self.reads.len() - 1
    }
}

/// The part in a few words.
fn what(expr: &Expr) -> String {
    match expr {
        Expr::Aggregate(aggregate) if aggregate.without => {
            format!("{} without ({})", aggregate.op, aggregate.grouping.join(", "))
        }
        Expr::Aggregate(aggregate) if aggregate.grouping.is_empty() => aggregate.op.to_string(),
        Expr::Aggregate(aggregate) => format!("{} by ({})", aggregate.op, aggregate.grouping.join(", ")),
        Expr::Binary(binary) => format!("operator {}", binary.op),
        Expr::Call(call) => format!("{}()", call.function.name),
        Expr::Paren(_) => "parentheses".to_owned(),
        Expr::Unary(unary) => format!("sign {}", unary.op.as_str()),
        Expr::Subquery(_) => "subquery".to_owned(),
        Expr::Vector(_) | Expr::Matrix(_) => format!("read {expr}"),
        Expr::Number(_) | Expr::String(_) => expr.to_string(),
    }
}
