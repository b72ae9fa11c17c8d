//! Works backwards through an expression: a goal for the whole becomes goals for its parts, down
//! to the input series, which are made or changed. Every choice is checked with the PromQL engine;
//! what does not hold is undone and the next choice is tried, within a budget.

mod aggregate;
mod binary;
mod calls;
mod changes;
mod choices;
mod counted;
mod course;
mod element;
mod filtered;
mod goal;
mod naming;
mod natives;
mod needs;
mod operand;
mod quantiles;
mod rewrite;
mod selector;
mod sets;
mod slopes;

use choices::{Attempt, moves_out};
pub(crate) use element::{Element, elements};
pub(crate) use goal::{Goal, Measure, Wish};
pub(crate) use needs::{is_constant, unwanted};
pub(crate) use operand::flipped;
use skopos_core::QueryBudget;
use skopos_promql::ast::VectorSelector;
use skopos_promql::{Engine, Expr, PosRange, ValueType};

use crate::inline::{Replaced, replaced_index};
use crate::key::Key;
use crate::range::Range;
use crate::state::State;
use crate::timeline::Timeline;
use crate::universe::Universe;

/// Samples that one evaluation may hold.
const MAX_QUERY_SAMPLES: u64 = 20_000_000;

/// How eager a search is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Strategy {
    /// Distance of values from their bounds: 0, 1, 2.
    pub(crate) strength: u8,
    /// Which of the values of a label comes first.
    pub(crate) variant: usize,
    /// Whether values stay close above or below their bounds.
    pub(crate) is_tight: bool,
}

/// What does not change during a search.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) engine: &'a Engine,
    /// The expression over raw series.
    pub(crate) expr: &'a Expr,
    pub(crate) times: Timeline,
    pub(crate) universe: &'a Universe,
    pub(crate) replaced: &'a [Replaced],
    /// Selectors that must find nothing: of `absent` and right of `unless`.
    pub(crate) unwanted: Vec<&'a VectorSelector>,
    pub(crate) strategy: Strategy,
    pub(crate) max_evaluations: usize,
}

/// Why a search stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Halt {
    /// No choice led to the goal.
    Stuck,
    /// The budget is spent.
    Spent,
}

pub(crate) type Outcome = Result<(), Halt>;

/// Where a search could not go on, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stuck {
    pub(crate) pos: PosRange,
    pub(crate) why: String,
}

/// A search in progress.
#[derive(Debug)]
pub(crate) struct Search<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) state: State,
    pub(crate) evaluations: usize,
    /// The first place where it could not go on.
    pub(crate) stuck: Option<Stuck>,
    /// Selectors that new series should not meet.
    avoided: Vec<&'a VectorSelector>,
    /// The value of series of which nothing is asked but to be there.
    plain_level: f64,
}

impl<'a> Search<'a> {
    pub(crate) fn new(context: &'a Context<'a>, step_ms: i64) -> Self {
        Self {
            context,
            state: State::new(step_ms),
            evaluations: 0,
            stuck: None,
            avoided: Vec::new(),
            plain_level: 1.0,
        }
    }

    /// Finds series for which the whole expression has a result.
    pub(crate) fn run(&mut self) -> Outcome {
        let goal = Goal::new(Wish::Present(Range::ALL));
        self.aim(self.context.expr, goal, &Key::default())?;
        if self.has_result()? {
            return Ok(());
        }
        Err(self.stuck_at(self.context.expr, "the derived series do not give a result"))
    }

    /// Whether the whole expression has a result at the times that matter.
    pub(crate) fn has_result(&mut self) -> Result<bool, Halt> {
        self.holds(self.context.expr, Goal::new(Wish::Present(Range::ALL)), &Key::default())
    }

    /// Whether another expression has no result on the series found.
    pub(crate) fn leaves_alone(&mut self, other: &Expr) -> bool {
        let times = self.context.times;
        let store = self.state.store(&times, times.cause_end_ms());
        let is_quiet = |at_ms: &i64| {
            let budget = QueryBudget::new(MAX_QUERY_SAMPLES, None);
            let output = self.context.engine.instant_expr(&store, "", other, *at_ms, &budget);
            output.is_ok_and(|output| elements(output.value).is_empty())
        };
        times.looks_ms().iter().all(is_quiet)
    }

    /// Makes a goal hold for an expression.
    fn aim(&mut self, expr: &'a Expr, goal: Goal, key: &Key) -> Outcome {
        match goal.wish {
            Wish::Present(range) if range.is_empty() => {
                Err(self.stuck_at(expr, "no value satisfies what is asked of it"))
            }
            Wish::Present(range) => self.aim_present(expr, range, goal, key),
            Wish::Never(range) => {
                if goal.measure == Measure::Level && self.holds(expr, goal, key)? {
                    return Ok(());
                }
                self.aim_never(expr, range, goal, key)
            }
        }
    }

    fn aim_present(&mut self, expr: &'a Expr, range: Range, goal: Goal, key: &Key) -> Outcome {
        match expr {
            Expr::Paren(paren) => match replaced_index(paren.pos).and_then(|at| self.context.replaced.get(at)) {
                Some(replaced) => {
                    let key = self.key_of_recorded(replaced, key);
                    self.aim(&paren.expr, goal, &key)
                }
                None => self.aim(&paren.expr, goal, key),
            },
            Expr::Unary(unary) if unary.op == skopos_promql::ast::UnaryOp::Minus => {
                self.aim(&unary.expr, goal.present(range.negate()), key)
            }
            Expr::Unary(unary) => self.aim(&unary.expr, goal, key),
            Expr::Aggregate(aggregate) => self.aim_aggregate(expr, aggregate, range, goal, key),
            Expr::Binary(binary) if binary.op.is_set() => self.aim_set(expr, binary, goal, key),
            Expr::Binary(binary) => self.aim_binary(expr, binary, range, goal, key),
            Expr::Call(call) => self.aim_call(expr, call, range, goal, key),
            Expr::Vector(selector) => self.aim_series(selector, goal, key, Some((expr, goal))),
            Expr::Number(_) | Expr::String(_) => self.aim_constant(expr, goal, key),
            Expr::Matrix(_) | Expr::Subquery(_) => Err(self.stuck_at(expr, "a range has no value of its own")),
        }
    }

    fn aim_never(&mut self, expr: &'a Expr, range: Range, goal: Goal, key: &Key) -> Outcome {
        match expr {
            Expr::Paren(paren) => self.aim(&paren.expr, goal, key),
            Expr::Vector(selector) => self.aim_series(selector, goal, key, Some((expr, goal))),
            Expr::Binary(binary) if binary.op.is_set() => self.aim_set(expr, binary, goal, key),
            Expr::Binary(binary) if binary.op.is_comparison() && !binary.return_bool => {
                self.aim_filtered(expr, binary, range, goal, key)
            }
            Expr::Call(call) if matches!(call.function.name, "absent" | "absent_over_time") => {
                self.aim_inside(&call.args[0], goal, Wish::Present(Range::ALL))
            }
            Expr::Call(call) if call.args.iter().any(|arg| arg.value_type() == ValueType::Matrix) => {
                self.aim_never_in_range(expr, call, range, goal, key)
            }
            _ => self.aim_elsewhere(expr, range, goal, key),
        }
    }

    /// Moves a value out of a range, or takes away what it is made of.
    fn aim_elsewhere(&mut self, expr: &'a Expr, range: Range, goal: Goal, key: &Key) -> Outcome {
        let mut attempts = moves_out(expr, range, goal, key);
        for child in expr.children() {
            if child.value_type() == ValueType::Vector {
                attempts.push(Box::new(move |search| {
                    search.aim(child, goal.wishing(Wish::Never(Range::ALL)), &Key::default())
                }));
            }
        }
        self.try_each(expr, goal, key, attempts)
    }

    /// The goal for what stands inside a range or a vector of a function.
    fn aim_inside(&mut self, arg: &'a Expr, goal: Goal, wish: Wish) -> Outcome {
        match arg.unwrap_parens() {
            Expr::Matrix(matrix) => {
                let goal = Goal {
                    window_ms: matrix.range.ms,
                    ..goal.wishing(wish)
                };
                self.aim_series(&matrix.selector, goal, &Key::default(), None)
            }
            Expr::Subquery(subquery) => {
                let goal = Goal {
                    shift_ms: goal.shift_ms + subquery.offset.ms,
                    window_ms: goal.window_ms + subquery.range.ms,
                    ..goal.wishing(wish)
                };
                self.aim(&subquery.expr, goal, &Key::default())
            }
            other => self.aim(other, goal.wishing(wish), &Key::default()),
        }
    }

    /// Nothing can be done about a constant but to look at it.
    fn aim_constant(&mut self, expr: &'a Expr, goal: Goal, key: &Key) -> Outcome {
        if self.holds(expr, goal, key)? {
            return Ok(());
        }
        Err(self.stuck_at(expr, "this is a constant that does not satisfy what is asked of it"))
    }

    /// Whether a goal holds at the times that matter. Goals on windows are checked above.
    fn holds(&mut self, expr: &'a Expr, goal: Goal, key: &Key) -> Result<bool, Halt> {
        if goal.measure != Measure::Level {
            return Ok(true);
        }
        for at_ms in self.context.times.looks_ms() {
            let elements = self.evaluate(expr, at_ms - goal.shift_ms)?;
            let mut admitted = elements.iter().filter(|element| key.admits(&element.labels));
            let is_fine = match goal.wish {
                Wish::Present(range) => admitted.any(|element| range.contains(element.value)),
                Wish::Never(range) => !admitted.any(|element| range.contains(element.value)),
            };
            if !is_fine {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The elements of a result; none if the engine refuses.
    pub(crate) fn evaluate(&mut self, expr: &'a Expr, at_ms: i64) -> Result<Vec<Element>, Halt> {
        self.evaluations += 1;
        if self.evaluations > self.context.max_evaluations {
            return Err(Halt::Spent);
        }
        let end_ms = self.context.times.cause_end_ms();
        let store = self.state.store(&self.context.times, end_ms);
        let budget = QueryBudget::new(MAX_QUERY_SAMPLES, None);
        match self.context.engine.instant_expr(&store, "", expr, at_ms, &budget) {
            Ok(output) => Ok(elements(output.value)),
            Err(error) => {
                self.note(expr.pos(), error.to_string());
                Ok(Vec::new())
            }
        }
    }

    fn note(&mut self, pos: PosRange, why: String) {
        if self.stuck.is_none() {
            self.stuck = Some(Stuck { pos, why });
        }
    }

    fn stuck_at(&mut self, expr: &Expr, why: &str) -> Halt {
        self.note(expr.pos(), why.to_owned());
        Halt::Stuck
    }
}
