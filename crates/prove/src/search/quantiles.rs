//! Quantiles of histograms with `le` buckets: bounds are chosen so that the quantile falls between
//! them, and all observations are put there.

use skopos_promql::Expr;
use skopos_promql::ast::Call;
use skopos_promql::number::format_value;

use super::natives::{Buckets, buckets_of};
use super::{Attempt, Goal, Measure, Outcome, Search};
use crate::key::Key;
use crate::range::Range;

/// Observations in a second, or in all where the buckets are not a rate.
const OBSERVATIONS: f64 = 1.0;

impl<'a> Search<'a> {
    pub(super) fn aim_quantile(
        &mut self,
        expr: &'a Expr,
        call: &'a Call,
        range: Range,
        goal: Goal,
        key: &Key,
    ) -> Outcome {
        let kind = buckets_of(&call.args[1]);
        if kind == Buckets::Native {
            return self.aim_native(expr, call, range, goal, key);
        }
        let with_le = key;
        let mut key = key.clone();
        key.fixed.remove("le");
        let buckets = &call.args[1];
        let goal = Goal {
            measure: Measure::Level,
            ..goal
        };
        let attempts = bounds_for(range, self.context.strategy.strength)
            .into_iter()
            .map(|bounds| {
                let key = &key;
                let attempt: Attempt<'_, 'a> = Box::new(move |search| {
                    for (le, count) in bounds {
                        let key = key.settled().with("le", &le);
                        let key = Key { is_fresh: false, ..key };
                        search.aim(buckets, goal.present(about(count)), &key)?;
                    }
                    Ok(())
                });
                attempt
            });
        let mut attempts: Vec<Attempt<'_, 'a>> = attempts.collect();
        if kind == Buckets::Either {
            attempts.push(Box::new(move |search| {
                search.aim_native(expr, call, range, goal, with_le)
            }));
        }
        self.try_each(expr, goal, &key, attempts)
    }
}

/// Rates are not exact; what counts is that buckets with one count get the same.
fn about(count: f64) -> Range {
    Range::closed(count * 0.9, count * 1.1)
}

/// Buckets with their counts, for which any quantile lies within the range.
fn bounds_for(range: Range, strength: u8) -> Vec<Vec<(String, f64)>> {
    let positive = range.meet(Range::NOT_NEGATIVE);
    let mut found = Vec::new();
    if let Some(positive) = positive {
        found.push(between(positive, strength));
    }
    if range.lo < 0.0 {
        // Buckets below zero: unusual, but what the rule asks for.
        found.push(between(range, strength));
    }
    found
}

fn between(range: Range, strength: u8) -> Vec<(String, f64)> {
    let (has_lo, has_hi) = (range.lo > 0.0 || range.lo_open, range.hi < f64::INFINITY);
    let infinite = ("+Inf".to_owned(), OBSERVATIONS);
    let (lower, upper) = match (has_lo, has_hi) {
        (false, false) => (None, 1.0),
        (false, true) => (None, range.pick(None, strength)),
        (true, false) => {
            let lower = range.pick(None, strength);
            (Some(lower), lower * 2.0)
        }
        (true, true) => {
            let quarter = (range.hi - range.lo) / 4.0;
            (Some(range.lo + quarter), range.hi - quarter)
        }
    };
    let mut buckets = Vec::new();
    if let Some(lower) = lower {
        buckets.push((format_value(lower), 0.0));
    }
    buckets.push((format_value(upper), OBSERVATIONS));
    buckets.push(infinite);
    buckets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_fall_between_the_bounds() {
        let names = |range| -> Vec<String> {
            let buckets = bounds_for(range, 0).remove(0);
            buckets.into_iter().map(|(le, count)| format!("{le}:{count}")).collect()
        };
        assert_eq!(names(Range::above(2.0)), ["2.2:0", "4.4:1", "+Inf:1"]);
        assert_eq!(names(Range::below(604_800.0)), ["302400:1", "+Inf:1"]);
        assert_eq!(names(Range::ALL), ["1:1", "+Inf:1"]);
    }
}
