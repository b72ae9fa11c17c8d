//! Aggregations: which elements of a group must be what.

use skopos_core::labels::METRIC_NAME;
use skopos_promql::Expr;
use skopos_promql::ast::{AggregateExpr, AggregateOp};

use super::{Attempt, Element, Goal, Halt, Measure, Outcome, Search};
use crate::key::Key;
use crate::range::Range;

/// Elements of a group that are tried one by one.
const MAX_TRIED: usize = 4;

/// A group whose value must lie within a range.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group<'s, 'a> {
    /// The whole aggregation.
    pub(super) expr: &'a Expr,
    pub(super) aggregate: &'a AggregateExpr,
    pub(super) range: Range,
    pub(super) goal: Goal,
    /// What the result carries.
    pub(super) key: &'s Key,
    /// What the elements of the group carry.
    pub(super) inner_key: &'s Key,
    /// The elements that are there.
    pub(super) members: &'s [Element],
}

impl<'a> Search<'a> {
    pub(super) fn aim_aggregate(
        &mut self,
        expr: &'a Expr,
        aggregate: &'a AggregateExpr,
        range: Range,
        goal: Goal,
        key: &Key,
    ) -> Outcome {
        let mut key = key.clone();
        if let (AggregateOp::CountValues, Some(Expr::String(label))) = (aggregate.op, &aggregate.param) {
            key.fixed.remove(&label.value);
            key.wanted.remove(&label.value);
        }
        let inner_key = if keeps_labels(aggregate.op) {
            key.clone()
        } else {
            key.under_aggregation(&aggregate.grouping, aggregate.without)
                .map_err(|name| {
                    self.stuck_at(
                        expr,
                        &format!("label {name} is needed to join the other side, but this aggregation drops it"),
                    )
                })?
        };
        if goal.measure != Measure::Level {
            return self.aim(&aggregate.expr, goal, &inner_key);
        }
        let inner_key = self.group_key(expr, aggregate, goal, &key, inner_key)?;
        let members = self.members(aggregate, goal, &inner_key)?;
        let group = Group {
            expr,
            aggregate,
            range,
            goal,
            key: &key,
            inner_key: &inner_key,
            members: &members,
        };
        match aggregate.op {
            AggregateOp::TopK | AggregateOp::BottomK | AggregateOp::LimitK | AggregateOp::LimitRatio => {
                self.aim(&aggregate.expr, goal, &inner_key)
            }
            AggregateOp::Group if range.contains(1.0) => {
                self.aim(&aggregate.expr, goal.present(Range::ALL), &inner_key)
            }
            AggregateOp::Group => Err(self.stuck_at(expr, "`group` is always 1")),
            AggregateOp::Sum => self.aim_sum(group),
            AggregateOp::Count | AggregateOp::CountValues => self.aim_count(group),
            AggregateOp::Stddev => self.aim_spread(group),
            AggregateOp::Stdvar => {
                let root = range.meet(Range::NOT_NEGATIVE).map(|range| range.map(f64::sqrt));
                let range = root.unwrap_or(range);
                self.aim_spread(Group { range, ..group })
            }
            AggregateOp::Avg | AggregateOp::Max | AggregateOp::Min | AggregateOp::Quantile => self.aim_all(group),
        }
    }

    /// What elements of the group that is meant carry: the group of the first result, if there is one.
    pub(super) fn group_key(
        &mut self,
        expr: &'a Expr,
        aggregate: &'a AggregateExpr,
        goal: Goal,
        key: &Key,
        inner_key: Key,
    ) -> Result<Key, Halt> {
        if keeps_labels(aggregate.op) || key.is_fresh {
            return Ok(inner_key);
        }
        let Some(group) = self.element(expr, goal, &key.settled())? else {
            return Ok(inner_key);
        };
        let mut labels = group.labels;
        let metric = labels.metric_name().to_owned();
        if let (AggregateOp::CountValues, Some(Expr::String(label))) = (aggregate.op, &aggregate.param) {
            labels = labels.without(&[&label.value]);
        }
        let exact = Key::exactly(&labels).under_aggregation(&aggregate.grouping, aggregate.without);
        let mut exact = exact.unwrap_or_else(|_| inner_key.clone());
        if !metric.is_empty() {
            exact.fixed.insert(METRIC_NAME.to_owned(), metric);
        }
        Ok(Key {
            wanted: inner_key.wanted,
            ..exact
        })
    }

    fn members(&mut self, aggregate: &'a AggregateExpr, goal: Goal, inner_key: &Key) -> Result<Vec<Element>, Halt> {
        if inner_key.is_fresh {
            return Ok(Vec::new());
        }
        let at_ms = self.context.times.first_ms - goal.shift_ms;
        let mut elements = self.evaluate(&aggregate.expr, at_ms)?;
        elements.retain(|element| inner_key.admits(&element.labels));
        Ok(elements)
    }

    fn aim_sum(&mut self, group: Group<'_, 'a>) -> Outcome {
        let Group {
            expr,
            range,
            goal,
            key,
            inner_key,
            members,
            ..
        } = group;
        let inner = &group.aggregate.expr;
        if members.is_empty() {
            return self.aim(inner, goal, inner_key);
        }
        if members.len() > 1 && self.holds(expr, goal, &key.settled())? {
            return Ok(());
        }
        let total: f64 = members.iter().map(|member| member.value).sum();
        let mut attempts: Vec<Attempt<'_, 'a>> = Vec::new();
        for member in members.iter().take(MAX_TRIED) {
            let share = range.shift(member.value - total);
            let exact = Key::exactly(&member.labels);
            attempts.push(Box::new(move |search| search.aim(inner, goal.present(share), &exact)));
        }
        attempts.push(Box::new(move |search| {
            search.aim(inner, goal.present(range.shift(-total)), &fresh(inner_key))
        }));
        attempts.push(Box::new(move |search| {
            search.aim(inner, goal.present(range), inner_key)
        }));
        self.try_each(expr, goal, key, attempts)
    }

    /// Every element lies within the range, so that their mean, extremes and quantiles do too.
    fn aim_all(&mut self, group: Group<'_, 'a>) -> Outcome {
        let Group {
            expr,
            goal,
            key,
            inner_key,
            members,
            ..
        } = group;
        let inner = &group.aggregate.expr;
        if members.len() <= 1 {
            let attempts: Vec<Attempt<'_, 'a>> = vec![
                Box::new(move |search| search.aim(inner, goal, inner_key)),
                Box::new(move |search| search.aim_fresh_average(group)),
            ];
            return self.try_each(expr, goal, key, attempts);
        }
        if self.holds(expr, goal, &key.settled())? {
            return Ok(());
        }
        let attempts: Vec<Attempt<'_, 'a>> = vec![
            Box::new(move |search| {
                for member in members {
                    search.aim(inner, goal, &Key::exactly(&member.labels))?;
                }
                Ok(())
            }),
            Box::new(move |search| search.aim_fresh_average(group)),
            Box::new(move |search| search.aim(inner, goal, inner_key)),
        ];
        self.try_each(expr, goal, key, attempts)
    }

    /// Another element moves the mean, or is a new extreme.
    fn aim_fresh_average(&mut self, group: Group<'_, 'a>) -> Outcome {
        let Group {
            aggregate,
            range,
            goal,
            inner_key,
            members,
            ..
        } = group;
        let total: f64 = members.iter().map(|member| member.value).sum();
        let share = match aggregate.op {
            AggregateOp::Avg => range.scale(members.len() as f64 + 1.0).shift(-total),
            _ => range,
        };
        self.aim(&aggregate.expr, goal.present(share), &fresh(inner_key))
    }

    /// Two elements that lie apart.
    fn aim_spread(&mut self, group: Group<'_, 'a>) -> Outcome {
        let Group {
            expr,
            aggregate,
            range,
            goal,
            key,
            inner_key,
            members,
            ..
        } = group;
        let inner = &group.aggregate.expr;
        let wanted = range.pick(Some(0.0), self.context.strategy.strength);
        let anything = goal.present(Range::ALL);
        if members.is_empty() {
            self.aim(inner, anything, inner_key)?;
        }
        if wanted <= 0.0 {
            return Ok(());
        }
        let inner_key = &self.group_key(expr, aggregate, anything, key, inner_key.clone())?;
        let base = match members.first() {
            Some(member) => member.value,
            None => self
                .element(inner, goal, &inner_key.settled())?
                .map_or(1.0, |element| element.value),
        };
        let apart = goal.present(Range::point(2.0f64.mul_add(wanted, base)));
        match members {
            [] | [_] => self.aim(inner, apart, &fresh(inner_key)),
            [_, second, ..] => self.aim(inner, apart, &Key::exactly(&second.labels)),
        }
    }
}

/// The same labels, for a series that is not there yet.
pub(super) fn fresh(key: &Key) -> Key {
    Key {
        is_fresh: true,
        ..key.clone()
    }
}

/// Whether the result keeps the labels of its elements.
fn keeps_labels(op: AggregateOp) -> bool {
    matches!(
        op,
        AggregateOp::TopK | AggregateOp::BottomK | AggregateOp::LimitK | AggregateOp::LimitRatio
    )
}
