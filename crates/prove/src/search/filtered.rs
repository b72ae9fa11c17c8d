//! Comparisons that must let nothing through: one side moves, or goes.

use skopos_promql::Expr;
use skopos_promql::ast::BinaryExpr;

use super::binary::{Side, side_keys};
use super::operand::{flipped, intersect_each, negated};
use super::{Attempt, Goal, Halt, Outcome, Search, Wish, is_constant, moves_out};
use crate::key::Key;
use crate::range::Range;

impl<'a> Search<'a> {
    /// A comparison that filters must let nothing of the range through.
    pub(super) fn aim_filtered(
        &mut self,
        expr: &'a Expr,
        binary: &'a BinaryExpr,
        range: Range,
        goal: Goal,
        key: &Key,
    ) -> Outcome {
        let mut attempts: Vec<Attempt<'_, 'a>> = Vec::new();
        for side in [Side::Left, Side::Right] {
            if is_constant(side.of(binary)) {
                continue;
            }
            attempts.push(Box::new(move |search| search.fail_comparison(binary, side, goal, key)));
        }
        for side in [Side::Left, Side::Right] {
            let operand = side.of(binary);
            if !is_constant(operand) {
                let nothing = goal.wishing(Wish::Never(Range::ALL));
                let keys = side_keys(binary, &key.settled());
                attempts.push(Box::new(move |search| {
                    let keys = keys.map_err(|_| Halt::Stuck)?;
                    search.aim(operand, nothing, &keys[usize::from(side == Side::Right)])
                }));
            }
        }
        attempts.extend(moves_out(expr, range, goal, key));
        self.try_each(expr, goal, key, attempts)
    }

    /// Moves one side so far that the comparison does not hold.
    fn fail_comparison(&mut self, binary: &'a BinaryExpr, side: Side, goal: Goal, key: &Key) -> Outcome {
        let kept = side.other().of(binary);
        let constants = self.values_at_looks(kept, goal, &Key::default())?;
        let op = if side == Side::Left {
            binary.op
        } else {
            flipped(binary.op)
        };
        let ranges = intersect_each(constants.iter().map(|c| Range::satisfying(negated(op), *c)));
        let keys = side_keys(binary, &key.settled()).map_err(|_| Halt::Stuck)?;
        let own_key = &keys[usize::from(side == Side::Right)];
        self.freezing(kept, |search| search.aim_first(side.of(binary), ranges, goal, own_key))
    }
}
