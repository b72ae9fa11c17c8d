//! Choices of a search: what is tried one after the other, and undone where it does not lead on.

use skopos_promql::Expr;

use super::{Goal, Halt, Outcome, Search};
use crate::key::Key;
use crate::range::Range;

/// One of several choices.
pub(super) type Attempt<'t, 'a> = Box<dyn FnOnce(&mut Search<'a>) -> Outcome + 't>;

impl<'a> Search<'a> {
    /// Does something, or leaves all series as they were.
    pub(super) fn undoing(&mut self, attempt: impl FnOnce(&mut Self) -> Outcome) -> Outcome {
        let saved = self.state.clone();
        let outcome = attempt(self);
        if outcome == Err(Halt::Stuck) {
            self.state = saved;
        }
        outcome
    }

    /// Aims at ranges, one after the other, until one is reached.
    pub(super) fn aim_first(&mut self, expr: &'a Expr, ranges: Vec<Range>, goal: Goal, key: &Key) -> Outcome {
        for range in ranges {
            match self.undoing(|search| search.aim(expr, goal.present(range), key)) {
                Err(Halt::Stuck) => {}
                done => return done,
            }
        }
        Err(Halt::Stuck)
    }

    /// Aims a part at ranges, one after the other, until the whole holds.
    pub(super) fn aim_part(
        &mut self,
        whole: &'a Expr,
        part: &'a Expr,
        ranges: Vec<Range>,
        goal: Goal,
        key: &Key,
    ) -> Outcome {
        let attempts = ranges
            .into_iter()
            .map(|range| -> Attempt<'_, 'a> { Box::new(move |search| search.aim(part, goal.present(range), key)) });
        let attempts = attempts.collect();
        self.try_each(whole, goal, key, attempts)
    }

    /// Tries choices until one makes the goal hold; each failed one is undone.
    pub(super) fn try_each(
        &mut self,
        expr: &'a Expr,
        goal: Goal,
        key: &Key,
        attempts: Vec<Attempt<'_, 'a>>,
    ) -> Outcome {
        let key = key.settled();
        let (avoided, plain_level) = (self.avoided.len(), self.plain_level);
        for attempt in attempts {
            let saved = self.state.clone();
            let outcome = attempt(self);
            self.avoided.truncate(avoided);
            self.plain_level = plain_level;
            match outcome {
                Ok(()) if self.holds(expr, goal, &key)? => return Ok(()),
                Err(Halt::Spent) => return Err(Halt::Spent),
                _ => self.state = saved,
            }
        }
        Err(self.stuck_at(expr, "no input was found that satisfies this part"))
    }
}

/// The ways of a value out of a range.
pub(super) fn moves_out<'t, 'a: 't>(expr: &'a Expr, range: Range, goal: Goal, key: &'t Key) -> Vec<Attempt<'t, 'a>> {
    let parts = range.complement().into_iter().map(|part| -> Attempt<'t, 'a> {
        Box::new(move |search| search.aim_present(expr, part, goal.present(part), key))
    });
    parts.collect()
}
