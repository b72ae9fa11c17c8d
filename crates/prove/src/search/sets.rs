//! `and`, `or`, `unless`: which side must be there, and for which labels.

use skopos_promql::Expr;
use skopos_promql::ast::{AggregateOp, BinaryExpr, BinaryOp, VectorMatching, VectorSelector};

use super::{Attempt, Element, Goal, Halt, Measure, Outcome, Search, Wish};
use crate::key::Key;
use crate::range::Range;

impl<'a> Search<'a> {
    pub(super) fn aim_set(&mut self, expr: &'a Expr, binary: &'a BinaryExpr, goal: Goal, key: &Key) -> Outcome {
        match (binary.op, goal.wish) {
            (BinaryOp::Or, Wish::Present(_)) => self.either(expr, binary, goal, key),
            (BinaryOp::Or, Wish::Never(_)) => {
                self.aim(&binary.lhs, goal, key)?;
                self.aim(&binary.rhs, goal, key)
            }
            (BinaryOp::And, Wish::Present(_)) => self.both(expr, binary, goal, Wish::Present(Range::ALL), key),
            (BinaryOp::Unless, Wish::Present(_)) => self.both(expr, binary, goal, Wish::Never(Range::ALL), key),
            (BinaryOp::And, Wish::Never(_)) => self.not_both(expr, binary, goal, Wish::Never(Range::ALL), key),
            (_, Wish::Never(_)) => self.not_both(expr, binary, goal, Wish::Present(Range::ALL), key),
            _ => Err(Halt::Stuck),
        }
    }

    fn either(&mut self, expr: &'a Expr, binary: &'a BinaryExpr, goal: Goal, key: &Key) -> Outcome {
        let attempts: Vec<Attempt<'_, 'a>> = vec![
            Box::new(move |search| search.aim(&binary.lhs, goal, key)),
            Box::new(move |search| search.aim(&binary.rhs, goal, key)),
            Box::new(move |search| {
                search.aim(&binary.lhs, goal.wishing(Wish::Never(Range::ALL)), &key.settled())?;
                search.aim(&binary.rhs, goal, key)
            }),
        ];
        self.try_each(expr, goal, key, attempts)
    }

    /// The left side is there, and the right side is or is not.
    fn both(&mut self, expr: &'a Expr, binary: &'a BinaryExpr, goal: Goal, right: Wish, key: &Key) -> Outcome {
        let attempts: Vec<Attempt<'_, 'a>> = vec![
            Box::new(move |search| {
                search.aim(&binary.lhs, goal, key)?;
                search.aim_partner(binary, goal, right, key)
            }),
            Box::new(move |search| {
                search.aim(&binary.lhs, goal, key)?;
                search.aim_partner(binary, goal, right, key)?;
                search.freezing(&binary.rhs, |search| search.aim(&binary.lhs, goal, &key.settled()))
            }),
            Box::new(move |search| {
                search.aim(&binary.lhs, goal, key)?;
                search.freezing(&binary.lhs, |search| search.aim_partner(binary, goal, right, key))
            }),
            Box::new(move |search| {
                search.aim(&binary.rhs, goal.wishing(right), &Key::default())?;
                let mut left_key = key.clone();
                if let (Wish::Present(_), Some(element)) = (right, search.element(&binary.rhs, goal, &Key::default())?)
                {
                    let partner = Key::partner(&element.labels, matching(binary));
                    left_key.closed = left_key.closed.or(partner.closed);
                    for (name, value) in partner.fixed {
                        left_key.fixed.entry(name).or_insert(value);
                    }
                }
                search.freezing(&binary.rhs, |search| search.aim(&binary.lhs, goal, &left_key))
            }),
        ];
        self.try_each(expr, goal, key, attempts)
    }

    fn aim_partner(&mut self, binary: &'a BinaryExpr, goal: Goal, wish: Wish, key: &Key) -> Outcome {
        let partner = match self.element(&binary.lhs, goal, &key.settled())? {
            Some(element) => Key::partner(&element.labels, matching(binary)),
            None if goal.measure != Measure::Level => Key::default(),
            None => return Err(self.stuck_at(&binary.lhs, "no input was found that gives this side a result")),
        };
        let goal = Goal {
            measure: Measure::Level,
            ..goal.wishing(wish)
        };
        self.aim(&binary.rhs, goal, &partner)
    }

    fn not_both(&mut self, expr: &'a Expr, binary: &'a BinaryExpr, goal: Goal, right: Wish, key: &Key) -> Outcome {
        let attempts: Vec<Attempt<'_, 'a>> = vec![
            Box::new(move |search| search.aim(&binary.lhs, goal, key)),
            Box::new(move |search| search.aim_partner(binary, goal, right, key)),
        ];
        self.try_each(expr, goal, key, attempts)
    }

    /// The first element of a result that is meant.
    pub(super) fn element(&mut self, expr: &'a Expr, goal: Goal, key: &Key) -> Result<Option<Element>, Halt> {
        let at_ms = self.context.times.first_ms - goal.shift_ms;
        let elements = self.evaluate(expr, at_ms)?;
        Ok(elements.into_iter().find(|element| key.admits(&element.labels)))
    }

    /// Does something while the series that `side` reads keep their values.
    pub(super) fn freezing(&mut self, side: &'a Expr, then: impl FnOnce(&mut Self) -> Outcome) -> Outcome {
        let mut frozen = Vec::new();
        let avoided = self.avoided.len();
        for_each_value(side, true, &mut |selector| {
            self.avoided.push(selector);
            frozen.extend(self.state.matching(selector));
        });
        frozen.retain(|index| !self.state.series[*index].is_frozen);
        frozen.sort_unstable();
        frozen.dedup();
        for index in &frozen {
            self.state.series[*index].is_frozen = true;
        }
        let labels: Vec<_> = frozen
            .iter()
            .map(|index| self.state.series[*index].labels.clone())
            .collect();
        let outcome = then(self);
        self.avoided.truncate(avoided);
        for variable in &mut self.state.series {
            if labels.contains(&variable.labels) {
                variable.is_frozen = false;
            }
        }
        outcome
    }
}

/// Calls `visit` for the selectors whose values matter for a result, not only that they are there.
fn for_each_value<'e>(expr: &'e Expr, matters: bool, visit: &mut impl FnMut(&'e VectorSelector)) {
    match expr {
        Expr::Vector(selector) if matters => visit(selector),
        Expr::Matrix(matrix) if matters => visit(&matrix.selector),
        Expr::Aggregate(aggregate) => {
            let counts = matches!(aggregate.op, AggregateOp::Count | AggregateOp::Group);
            for_each_value(&aggregate.expr, matters && !counts, visit);
        }
        Expr::Binary(binary) if binary.op.is_comparison() && !binary.return_bool => {
            for_each_value(&binary.lhs, true, visit);
            for_each_value(&binary.rhs, true, visit);
        }
        Expr::Binary(binary) if binary.op == BinaryOp::Mul && (is_zero(&binary.lhs) || is_zero(&binary.rhs)) => {
            for_each_value(&binary.lhs, false, visit);
            for_each_value(&binary.rhs, false, visit);
        }
        Expr::Call(call) if matches!(call.function.name, "present_over_time" | "absent" | "absent_over_time") => {
            call.args.iter().for_each(|arg| for_each_value(arg, false, visit));
        }
        other => other
            .children()
            .into_iter()
            .for_each(|child| for_each_value(child, matters, visit)),
    }
}

fn is_zero(expr: &Expr) -> bool {
    matches!(expr.unwrap_parens(), Expr::Number(number) if number.value == 0.0)
}

/// How the sides of a set operator meet.
pub(super) fn matching(binary: &BinaryExpr) -> &VectorMatching {
    static PLAIN: VectorMatching = VectorMatching {
        cardinality: skopos_promql::ast::Cardinality::ManyToMany,
        labels: Vec::new(),
        on: false,
        include: Vec::new(),
        fill_left: None,
        fill_right: None,
    };
    binary.matching.as_ref().unwrap_or(&PLAIN)
}
