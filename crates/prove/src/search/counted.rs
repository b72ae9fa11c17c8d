//! Counts: how many elements a group must have.

use skopos_core::Labels;
use skopos_promql::Expr;
use skopos_promql::ast::AggregateOp;

use super::aggregate::{Group, fresh};
use super::{Goal, Halt, Outcome, Search, Wish};
use crate::key::Key;
use crate::range::Range;

/// More elements than this are made at once.
const MANY: usize = 64;
/// Elements that a group may need.
const MAX_ELEMENTS: usize = 15_000;

impl<'a> Search<'a> {
    pub(super) fn aim_count(&mut self, group: Group<'_, 'a>) -> Outcome {
        let Group {
            expr,
            aggregate,
            range,
            goal,
            key,
            inner_key,
            members,
        } = group;
        let inner = &aggregate.expr;
        let number = members.len();
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
}
