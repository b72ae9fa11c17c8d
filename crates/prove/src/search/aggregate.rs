//! Aggregations: which elements of a group must be what, and how many there must be.

use skopos_core::Labels;
use skopos_core::labels::METRIC_NAME;
use skopos_promql::Expr;
use skopos_promql::ast::{AggregateExpr, AggregateOp};

use super::{Attempt, Element, Goal, Halt, Measure, Outcome, Search, Wish};
use crate::key::Key;
use crate::range::Range;

/// Elements of a group that are tried one by one.
const MAX_TRIED: usize = 4;
/// More elements than this are made at once.
const MANY: usize = 64;
/// Elements that a group may need.
const MAX_ELEMENTS: usize = 15_000;

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
        match aggregate.op {
            AggregateOp::TopK | AggregateOp::BottomK | AggregateOp::LimitK | AggregateOp::LimitRatio => {
                self.aim(&aggregate.expr, goal, &inner_key)
            }
            AggregateOp::Group => {
                if range.contains(1.0) {
                    self.aim(&aggregate.expr, goal.present(Range::ALL), &inner_key)
                } else {
                    Err(self.stuck_at(expr, "`group` is always 1"))
                }
            }
            AggregateOp::Sum => self.aim_sum(expr, aggregate, range, goal, [&key, &inner_key], &members),
            AggregateOp::Count => self.aim_count(expr, aggregate, range, goal, [&key, &inner_key], members.len()),
            AggregateOp::CountValues => self.aim_count(expr, aggregate, range, goal, [&key, &inner_key], members.len()),
            AggregateOp::Stddev => self.aim_spread(expr, aggregate, range, goal, [&key, &inner_key], &members),
            AggregateOp::Stdvar => {
                let root = range.meet(Range::NOT_NEGATIVE).map(|range| range.map(f64::sqrt));
                self.aim_spread(
                    expr,
                    aggregate,
                    root.unwrap_or(range),
                    goal,
                    [&key, &inner_key],
                    &members,
                )
            }
            AggregateOp::Avg | AggregateOp::Max | AggregateOp::Min | AggregateOp::Quantile => {
                self.aim_all(expr, aggregate, range, goal, [&key, &inner_key], &members)
            }
        }
    }

    /// What elements of the group that is meant carry: the group of the first result, if there is one.
    fn group_key(
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

    fn aim_sum(
        &mut self,
        expr: &'a Expr,
        aggregate: &'a AggregateExpr,
        range: Range,
        goal: Goal,
        keys: [&Key; 2],
        members: &[Element],
    ) -> Outcome {
        let [key, inner_key] = keys;
        let inner = &aggregate.expr;
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
    fn aim_all(
        &mut self,
        expr: &'a Expr,
        aggregate: &'a AggregateExpr,
        range: Range,
        goal: Goal,
        keys: [&Key; 2],
        members: &[Element],
    ) -> Outcome {
        let [key, inner_key] = keys;
        let inner = &aggregate.expr;
        if members.len() <= 1 {
            let attempts: Vec<Attempt<'_, 'a>> = vec![
                Box::new(move |search| search.aim(inner, goal, inner_key)),
                Box::new(move |search| search.aim_fresh_average(aggregate, range, goal, inner_key, members)),
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
            Box::new(move |search| search.aim_fresh_average(aggregate, range, goal, inner_key, members)),
            Box::new(move |search| search.aim(inner, goal, inner_key)),
        ];
        self.try_each(expr, goal, key, attempts)
    }

    /// Another element moves the mean, or is a new extreme.
    fn aim_fresh_average(
        &mut self,
        aggregate: &'a AggregateExpr,
        range: Range,
        goal: Goal,
        inner_key: &Key,
        members: &[Element],
    ) -> Outcome {
        let total: f64 = members.iter().map(|member| member.value).sum();
        let share = match aggregate.op {
            AggregateOp::Avg => range.scale(members.len() as f64 + 1.0).shift(-total),
            _ => range,
        };
        self.aim(&aggregate.expr, goal.present(share), &fresh(inner_key))
    }

    fn aim_count(
        &mut self,
        expr: &'a Expr,
        aggregate: &'a AggregateExpr,
        range: Range,
        goal: Goal,
        keys: [&Key; 2],
        number: usize,
    ) -> Outcome {
        let [key, inner_key] = keys;
        let inner = &aggregate.expr;
        let least = if range.lo_open {
            range.lo.floor() + 1.0
        } else {
            range.lo.ceil()
        }
        .max(1.0);
        if !range.contains(least) || !least.is_finite() {
            return Err(self.stuck_at(
                expr,
                "a count is a whole number, and at least 1 where there is a result",
            ));
        }
        let mut wanted = (least as usize).max(if range.contains(number as f64) { number } else { 1 });
        if self.context.strategy.strength > 0 && range.hi == f64::INFINITY {
            wanted += 1;
        }
        if wanted > MAX_ELEMENTS {
            return Err(self.stuck_at(expr, &format!("{wanted} series would be needed")));
        }
        let anything = goal.present(Range::ALL);
        self.aim(inner, anything, inner_key)?;
        let inner_key = &self.group_key(expr, aggregate, anything, key, inner_key.clone())?;
        if wanted > MANY {
            return self.create_many(inner, inner_key, wanted - number.max(1));
        }
        for _ in number.max(1)..wanted {
            let distinct = self.distinct_from_others(inner, goal)?;
            self.aim(inner, goal.present(distinct), &fresh(inner_key))?;
        }
        if number > wanted {
            let at_ms = self.context.times.first_ms - goal.shift_ms;
            let mut elements = self.evaluate(inner, at_ms)?;
            elements.retain(|element| inner_key.admits(&element.labels));
            for element in elements.iter().skip(wanted) {
                let exact = Key::exactly(&element.labels);
                self.aim(inner, goal.wishing(Wish::Never(Range::ALL)), &exact)?;
            }
        }
        Ok(())
    }

    /// Series by the thousand are made without looking at each.
    fn create_many(&mut self, inner: &'a Expr, inner_key: &Key, number: usize) -> Outcome {
        let mut selectors = Vec::new();
        inner.for_each_selector(&mut |selector| selectors.push(selector));
        for selector in selectors {
            let index = self.create(selector, &fresh(inner_key))?;
            let model = self.state.series[index].clone();
            let suffix = (index + 1).to_string();
            for offset in 1..number {
                let mut variable = model.clone();
                let other = (index + 1 + offset).to_string();
                let renumbered = model.labels.iter().map(|(name, value)| {
                    let stem = value.strip_suffix(&suffix);
                    (
                        name,
                        stem.map_or_else(|| value.to_owned(), |stem| format!("{stem}{other}")),
                    )
                });
                variable.labels = Labels::from_pairs(renumbered);
                variable.is_needed = true;
                variable.changed();
                self.state.series.push(variable);
            }
        }
        Ok(())
    }

    /// Under `count_values` another element must have another value.
    fn distinct_from_others(&mut self, inner: &'a Expr, goal: Goal) -> Result<Range, Halt> {
        let Expr::Aggregate(values) = inner.unwrap_parens() else {
            return Ok(Range::ALL);
        };
        if values.op != AggregateOp::CountValues {
            return Ok(Range::ALL);
        }
        self.plain_level += 1.0;
        let at_ms = self.context.times.first_ms - goal.shift_ms;
        let known = self.evaluate(&values.expr, at_ms)?;
        let highest = known.iter().map(|element| element.value).fold(0.0, f64::max);
        self.plain_level = self.plain_level.max(highest + 1.0);
        Ok(Range::ALL)
    }

    /// Two elements that lie apart.
    fn aim_spread(
        &mut self,
        expr: &'a Expr,
        aggregate: &'a AggregateExpr,
        range: Range,
        goal: Goal,
        keys: [&Key; 2],
        members: &[Element],
    ) -> Outcome {
        let [key, inner_key] = keys;
        let inner = &aggregate.expr;
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
fn fresh(key: &Key) -> Key {
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
