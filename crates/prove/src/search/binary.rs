//! Arithmetic and comparisons: what one operand must be while the other is what it is.

use skopos_promql::Expr;
use skopos_promql::ast::{BinaryExpr, BinaryOp, Cardinality};

use super::natives::mean_of;
use super::operand::{compared, first_range, intersect_each, level_for, near};
use super::sets::matching;
use super::{Attempt, Element, Goal, Halt, Measure, Outcome, Search, Wish, is_constant};
use crate::key::Key;
use crate::range::{Range, left_of, right_of};

/// A side of a binary operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

impl Side {
    pub(super) fn of(self, binary: &BinaryExpr) -> &Expr {
        match self {
            Self::Left => &binary.lhs,
            Self::Right => &binary.rhs,
        }
    }

    pub(super) fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}

impl<'a> Search<'a> {
    pub(super) fn aim_binary(
        &mut self,
        expr: &'a Expr,
        binary: &'a BinaryExpr,
        range: Range,
        goal: Goal,
        key: &Key,
    ) -> Outcome {
        if let Some(histogram) = mean_of(binary) {
            return self.aim_mean(expr, histogram, range, goal, key);
        }
        match (is_constant(&binary.lhs), is_constant(&binary.rhs)) {
            (true, true) => self.aim_constant(expr, goal, key),
            (true, false) => self.aim_operand(expr, binary, Side::Right, range, goal, key),
            (false, true) => self.aim_operand(expr, binary, Side::Left, range, goal, key),
            (false, false) => self.aim_two_sided(expr, binary, range, goal, key),
        }
    }

    /// One side is a constant: the goal goes to the other.
    fn aim_operand(
        &mut self,
        expr: &'a Expr,
        binary: &'a BinaryExpr,
        side: Side,
        range: Range,
        goal: Goal,
        key: &Key,
    ) -> Outcome {
        let operand = side.of(binary);
        let constants = self.values_at_looks(side.other().of(binary), goal, &Key::default())?;
        let ranges = self.operand_ranges(binary, side, range, goal, &constants);
        match ranges.as_slice() {
            [] => Err(self.stuck_at(expr, "no value of the operand satisfies this comparison")),
            [only] => self.aim(operand, goal.present(*only), key),
            _ => self.aim_part(expr, operand, ranges, goal, key),
        }
    }

    /// The values of an expression at the times that matter; empty if it has none at one of them.
    pub(super) fn values_at_looks(&mut self, expr: &'a Expr, goal: Goal, key: &Key) -> Result<Vec<f64>, Halt> {
        let mut values = Vec::new();
        for at_ms in self.context.times.looks_ms() {
            let elements = self.evaluate(expr, at_ms - goal.shift_ms)?;
            match elements.into_iter().find(|element| key.admits(&element.labels)) {
                Some(element) => values.push(element.value),
                None => return Ok(Vec::new()),
            }
        }
        Ok(values)
    }

    fn aim_two_sided(
        &mut self,
        expr: &'a Expr,
        binary: &'a BinaryExpr,
        range: Range,
        goal: Goal,
        key: &Key,
    ) -> Outcome {
        let mut attempts: Vec<Attempt<'_, 'a>> = Vec::new();
        for first in [Side::Left, Side::Right] {
            for moved in [Side::Left, Side::Right] {
                attempts.push(Box::new(move |search| {
                    let Some(pair) = search.join(expr, binary, first, range, goal, key)? else {
                        return Err(Halt::Stuck);
                    };
                    if search.holds(expr, goal, &key.settled())? && goal.measure == Measure::Level {
                        return Ok(());
                    }
                    search.move_side(binary, moved, &pair, range, goal)
                }));
            }
        }
        self.try_each(expr, goal, key, attempts)
    }

    /// Makes both sides have elements that meet; gives them.
    fn join(
        &mut self,
        expr: &'a Expr,
        binary: &'a BinaryExpr,
        first: Side,
        range: Range,
        goal: Goal,
        key: &Key,
    ) -> Result<Option<[Element; 2]>, Halt> {
        let level = self.plain_level;
        let goal_of = |side: Side| Goal {
            measure: Measure::Level,
            ..goal.present(first_range(binary, side, range))
        };
        let anything = Goal {
            measure: Measure::Level,
            ..goal.present(Range::ALL)
        };
        let keys = side_keys(binary, key).map_err(|name| {
            self.stuck_at(
                expr,
                &format!("label {name} is asked for, but this operation does not keep it"),
            )
        })?;
        let key_of = |side: Side| match side {
            Side::Left => &keys[0],
            Side::Right => &keys[1],
        };
        let expr_first = first.of(binary);
        let expr_second = first.other().of(binary);
        self.plain_level = level_for(binary, first, level);
        self.aim_roughly(expr_first, goal_of(first), key_of(first))?;
        let Some(element) = self.element(expr_first, anything, &key_of(first).settled())? else {
            self.plain_level = level;
            return Ok(None);
        };
        let mut partner = if expr_first.value_type() == skopos_promql::ValueType::Scalar
            || expr_second.value_type() == skopos_promql::ValueType::Scalar
        {
            Key::default()
        } else {
            Key::partner(&element.labels, matching(binary))
        };
        for (name, value) in &key_of(first.other()).fixed {
            partner.fixed.entry(name.clone()).or_insert_with(|| value.clone());
        }
        partner.wanted.extend(key_of(first.other()).wanted.iter().cloned());
        self.plain_level = level_for(binary, first.other(), level);
        let outcome = self.aim_roughly(expr_second, goal_of(first.other()), &partner);
        self.plain_level = level;
        outcome?;
        let Some(other) = self.element(expr_second, anything, &partner)? else {
            return Ok(None);
        };
        Ok(Some(match first {
            Side::Left => [element, other],
            Side::Right => [other, element],
        }))
    }

    /// Aims at a range, or else at anything.
    fn aim_roughly(&mut self, expr: &'a Expr, goal: Goal, key: &Key) -> Outcome {
        match self.undoing(|search| search.aim(expr, goal, key)) {
            Err(Halt::Stuck) if goal.wish != Wish::Present(Range::ALL) => self.aim(expr, goal.present(Range::ALL), key),
            done => done,
        }
    }

    /// Changes one side while the other keeps its values.
    fn move_side(
        &mut self,
        binary: &'a BinaryExpr,
        moved: Side,
        pair: &[Element; 2],
        range: Range,
        goal: Goal,
    ) -> Outcome {
        let (own, kept) = match moved {
            Side::Left => (&pair[0], &pair[1]),
            Side::Right => (&pair[1], &pair[0]),
        };
        let (own_expr, kept_expr) = (moved.of(binary), moved.other().of(binary));
        let constants = self.values_at_looks(kept_expr, goal, &Key::exactly(&kept.labels))?;
        let own_key = Key::exactly(&own.labels);
        let ranges = self.operand_ranges(binary, moved, range, goal, &constants);
        self.freezing(kept_expr, |search| search.aim_first(own_expr, ranges, goal, &own_key))
    }

    /// The ranges of an operand for which the operation gives a value of `range`, while the other
    /// operand has these values.
    fn operand_ranges(
        &self,
        binary: &BinaryExpr,
        side: Side,
        range: Range,
        goal: Goal,
        constants: &[f64],
    ) -> Vec<Range> {
        let is_slope = matches!(goal.measure, Measure::Slope);
        let is_tight = self.context.strategy.is_tight;
        intersect_each(constants.iter().map(|c| {
            if binary.op.is_comparison() {
                let ranges = compared(binary, side, range, *c);
                let tightened = ranges.iter().filter_map(|range| range.meet(near(*c)));
                return if is_tight { tightened.collect() } else { ranges };
            }
            match (side, binary.op) {
                // A constant that is added does not change how fast a value grows.
                (_, BinaryOp::Add) if is_slope => vec![range],
                (Side::Left, BinaryOp::Sub) if is_slope => vec![range],
                (Side::Right, BinaryOp::Sub) if is_slope => vec![range.negate()],
                (Side::Left, op) => left_of(op, range, *c),
                (Side::Right, op) => right_of(op, range, *c),
            }
        }))
    }
}

/// What the two sides must carry for the result to carry what `key` asks; the label that the
/// operation does not keep, if there is one.
pub(super) fn side_keys(binary: &BinaryExpr, key: &Key) -> Result<[Key; 2], String> {
    let Some(matching) = &binary.matching else {
        return Ok([key.clone(), key.clone()]);
    };
    let settled = key.settled();
    Ok(match matching.cardinality {
        Cardinality::ManyToOne => included(key, &matching.include),
        Cardinality::OneToMany => {
            let [many, one] = included(key, &matching.include);
            [one, many]
        }
        Cardinality::OneToOne | Cardinality::ManyToMany => {
            let left = key.under_aggregation(&matching.labels, !matching.on)?;
            let right = settled.under_aggregation(&matching.labels, !matching.on)?;
            [left, right]
        }
    })
}

/// Labels of the "many" side, and those that come from the "one" side.
fn included(key: &Key, include: &[String]) -> [Key; 2] {
    let mut many = key.clone();
    let mut one = Key::default();
    for name in include {
        if let Some(value) = many.fixed.remove(name) {
            one.fixed.insert(name.clone(), value);
        }
        many.wanted.remove(name);
        one.wanted.insert(name.clone());
        if let Some(free) = &mut many.closed {
            free.insert(name.clone());
        }
    }
    [many, one]
}
