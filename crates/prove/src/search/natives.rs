//! Functions of native histograms: where the observations must lie, and how many there must be.

use skopos_promql::Expr;
use skopos_promql::ast::{BinaryExpr, BinaryOp, Call};

use super::{Goal, Halt, Measure, Outcome, Search};
use crate::inline::metric_name;
use crate::key::Key;
use crate::native::Observations;
use crate::range::Range;

/// What a quantile may be one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Buckets {
    /// Series with the label `le`.
    Classic,
    /// Native histograms.
    Native,
    /// Recorded series, of which the name says neither.
    Either,
}

impl<'a> Search<'a> {
    /// A function of native histograms must give a value of the range.
    pub(super) fn aim_native(
        &mut self,
        expr: &'a Expr,
        call: &'a Call,
        range: Range,
        goal: Goal,
        key: &Key,
    ) -> Outcome {
        let Some(argument) = call.args.last() else {
            return Err(Halt::Stuck);
        };
        let attempts = self.observations_for(call, range, goal)?;
        if attempts.is_empty() {
            let why = format!("{} never gives such a value", call.function.name);
            return Err(self.stuck_at(expr, &why));
        }
        let attempts = attempts.into_iter().map(|(observations, count)| {
            let goal = Goal {
                measure: Measure::Level,
                observations: Some(observations),
                ..goal.present(count)
            };
            let attempt: super::Attempt<'_, 'a> = Box::new(move |search| search.aim(argument, goal, key));
            attempt
        });
        let attempts = attempts.collect();
        self.try_each(expr, goal, key, attempts)
    }

    /// Where observations may lie for a function to give a value of the range, and their number.
    fn observations_for(
        &mut self,
        call: &'a Call,
        range: Range,
        goal: Goal,
    ) -> Result<Vec<(Observations, Range)>, Halt> {
        let strength = self.context.strategy.strength;
        let some = Range::above(0.0);
        let one = |observations: Observations| vec![(observations, some)];
        let not_negative = range.meet(Range::NOT_NEGATIVE);
        Ok(match call.function.name {
            "histogram_quantile" => Observations::within(range, strength).map(one).unwrap_or_default(),
            "histogram_avg" => one(Observations::at(range.pick(None, strength))),
            "histogram_count" => not_negative
                .map(|count| (Observations::anywhere(), count))
                .into_iter()
                .collect(),
            "histogram_sum" => {
                let signs = [(1.0, range), (-1.0, range.negate())].into_iter();
                let sided = signs.filter_map(|(sign, range)| Some((sign, range.meet(Range::NOT_NEGATIVE)?)));
                sided.map(|(sign, count)| (Observations::at(sign), count)).collect()
            }
            "histogram_stddev" => not_negative
                .map(|range| one(spread(range, strength)))
                .unwrap_or_default(),
            "histogram_stdvar" => not_negative
                .map(|range| one(spread(range.map(f64::sqrt), strength)))
                .unwrap_or_default(),
            "histogram_fraction" => {
                let bounds = [self.constant(&call.args[0], goal)?, self.constant(&call.args[1], goal)?];
                match (bounds, range.meet(Range::closed(0.0, 1.0))) {
                    ([Some(lower), Some(upper)], Some(share)) if lower < upper => one(shared(lower, upper, share)),
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        })
    }

    /// The mean of observations, written as their sum by their number.
    pub(super) fn aim_mean(
        &mut self,
        expr: &'a Expr,
        histogram: &'a Expr,
        range: Range,
        goal: Goal,
        key: &Key,
    ) -> Outcome {
        let observations = Observations::at(range.pick(None, self.context.strategy.strength));
        let inner = Goal {
            measure: Measure::Level,
            observations: Some(observations),
            ..goal.present(Range::above(0.0))
        };
        self.try_each(
            expr,
            goal,
            key,
            vec![Box::new(move |search| search.aim(histogram, inner, key))],
        )
    }
}

/// Two places with this deviation.
fn spread(range: Range, strength: u8) -> Observations {
    let deviation = range.pick(None, strength);
    Observations::split(1.0, 0.5, 2.0f64.mul_add(deviation, 1.0))
}

/// A share of the observations between two bounds, the others outside.
fn shared(lower: f64, upper: f64, share: Range) -> Observations {
    let inside = match (lower > 0.0, upper.is_finite()) {
        (true, true) => (lower * upper).sqrt(),
        (true, false) => lower * 2.0,
        (false, true) if upper > 0.0 => upper / 2.0,
        (false, true) => upper * 2.0,
        (false, false) => 1.0,
    };
    let outside = if upper.is_finite() {
        2.0f64.mul_add(upper.abs(), 1.0)
    } else if lower > 0.0 {
        lower / 2.0
    } else {
        2.0f64.mul_add(lower, -1.0)
    };
    if share.contains(0.0) {
        Observations::at(outside)
    } else if share.contains(1.0) {
        Observations::at(inside)
    } else {
        Observations::split(outside, share.pick(None, 0), inside)
    }
}

/// The histograms of which an operation divides the sum by the count.
pub(super) fn mean_of(binary: &BinaryExpr) -> Option<&Expr> {
    let sum = argument_of(&binary.lhs, "histogram_sum")?;
    let count = argument_of(&binary.rhs, "histogram_count")?;
    (binary.op == BinaryOp::Div && is_same(sum, count)).then_some(sum)
}

fn argument_of<'e>(expr: &'e Expr, function: &str) -> Option<&'e Expr> {
    match expr.unwrap_parens() {
        Expr::Call(call) if call.function.name == function => call.args.first(),
        _ => None,
    }
}

/// Whether two expressions of functions, aggregations and selectors are the same.
fn is_same(one: &Expr, other: &Expr) -> bool {
    let are_same = |ones: &[Expr], others: &[Expr]| {
        ones.len() == others.len() && ones.iter().zip(others).all(|(one, other)| is_same(one, other))
    };
    match (one.unwrap_parens(), other.unwrap_parens()) {
        (Expr::Call(one), Expr::Call(other)) => {
            one.function.name == other.function.name && are_same(&one.args, &other.args)
        }
        (Expr::Aggregate(one), Expr::Aggregate(other)) => {
            one.op == other.op
                && one.without == other.without
                && one.grouping == other.grouping
                && is_same(&one.expr, &other.expr)
        }
        (Expr::Vector(one), Expr::Vector(other)) => one.matchers == other.matchers && one.offset.ms == other.offset.ms,
        (Expr::Matrix(one), Expr::Matrix(other)) => {
            one.range.ms == other.range.ms
                && one.selector.matchers == other.selector.matchers
                && one.selector.offset.ms == other.selector.offset.ms
        }
        _ => false,
    }
}

/// What the argument of a quantile speaks of.
pub(super) fn buckets_of(expr: &Expr) -> Buckets {
    let (mut is_classic, mut is_recorded) = (groups_by_le(expr), false);
    expr.for_each_selector(&mut |selector| {
        let name = metric_name(selector).unwrap_or_default();
        is_classic |= name.contains("bucket") || selector.matchers.iter().any(|matcher| matcher.name() == "le");
        is_recorded |= name.is_empty() || name.contains(':');
    });
    match (is_classic, is_recorded) {
        (true, _) => Buckets::Classic,
        (false, true) => Buckets::Either,
        (false, false) => Buckets::Native,
    }
}

fn groups_by_le(expr: &Expr) -> bool {
    let names_le = |labels: &[String]| labels.iter().any(|label| label == "le");
    let own = match expr {
        Expr::Aggregate(aggregate) => names_le(&aggregate.grouping),
        Expr::Binary(binary) => binary
            .matching
            .as_ref()
            .is_some_and(|matching| names_le(&matching.labels)),
        _ => false,
    };
    own || expr.children().into_iter().any(groups_by_le)
}
