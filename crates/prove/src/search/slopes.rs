//! Changes of how fast a series grows.

use super::changes::{Window, fit_level};
use super::{Halt, Outcome, Search};
use crate::range::Range;
use crate::timeline::Timeline;
use crate::variable::{Shape, Step, WindowGoal, seconds};

/// How much steeper a slope is within a window that lies in a longer one.
const WITHIN_LONGER: f64 = 4.0;

/// The values that all goals allow.
fn merged(goals: &[WindowGoal], range: Range) -> Option<Range> {
    goals.iter().try_fold(range, |range, goal| range.meet(goal.range))
}

pub(super) fn slope(search: &mut Search<'_>, index: usize, window: Window, range: Range, strength: u8) -> Outcome {
    let times = search.context.times;
    let step_s = seconds(search.state.step_ms);
    let variable = &mut search.state.series[index];
    let before_step = variable.shape.step.filter(|step| window.to_ms < step.at_ms);
    if let (Some(_), Some(step)) = (before_step, &mut variable.shape.step) {
        step.slope = range.scale(step_s).pick(Some(step.slope * step_s), strength) / step_s;
        return Ok(());
    }
    let allowed = merged(&variable.slopes, range).ok_or(Halt::Stuck)?;
    let current = (!variable.slopes.is_empty() || allowed.contains(0.0)).then_some(variable.shape.slope * step_s);
    variable.shape.slope = allowed.scale(step_s).pick(current, strength) / step_s;
    variable.slopes.push(window.goal(range));
    if variable.levels.is_empty() {
        variable.shape.base = plain_base(&variable.shape, &times, step_s);
        return Ok(());
    }
    fit_level(variable, &times, strength).ok_or(Halt::Stuck)
}

/// A counter starts at zero; what falls stays above zero.
fn plain_base(shape: &Shape, times: &Timeline, step_s: f64) -> f64 {
    if shape.slope > 0.0 {
        shape.slope * seconds(times.first_ms - times.start_ms)
    } else if shape.slope < 0.0 {
        -shape.slope * (seconds(times.cause_end_ms() - times.first_ms) + step_s)
    } else {
        shape.base
    }
}

pub(super) fn slope_by_step(
    search: &mut Search<'_>,
    index: usize,
    window: Window,
    range: Range,
    strength: u8,
) -> Outcome {
    let times = search.context.times;
    let step_ms = search.state.step_ms;
    let step_s = seconds(search.state.step_ms);
    let variable = &mut search.state.series[index];
    let is_other = |goal: &&WindowGoal| goal.to_ms != window.to_ms || goal.from_ms != window.from_ms;
    let Some(other) = variable.slopes.iter().find(is_other).copied() else {
        return Err(Halt::Stuck);
    };
    if variable.shape.step.is_some() || !variable.levels.is_empty() {
        return Err(Halt::Stuck);
    }
    let old = variable.shape.slope;
    let new = range.scale(step_s).pick(None, strength) / step_s;
    let (at_ms, before, after) = if other.to_ms < window.to_ms {
        (after_ms(&times, step_ms, other.to_ms), old, new)
    } else if window.to_ms < other.to_ms {
        (after_ms(&times, step_ms, window.to_ms), new, old)
    } else if other.from_ms < window.from_ms {
        // Both windows end now: the longer one sees little of what is new.
        (window.from_ms, old, new * WITHIN_LONGER)
    } else {
        (other.from_ms, new / WITHIN_LONGER, old)
    };
    variable.shape.slope = after;
    variable.shape.step = Some(Step {
        at_ms,
        jump: 0.0,
        slope: before,
    });
    // What the counter shows at its start is nothing.
    let start = variable.shape.course(&times, times.start_ms);
    variable.shape.base -= start;
    variable.slopes.push(window.goal(range));
    Ok(())
}

/// The first sample after a time.
pub(super) fn after_ms(times: &Timeline, step_ms: i64, at_ms: i64) -> i64 {
    times.start_ms + ((at_ms - times.start_ms).div_euclid(step_ms) + 1) * step_ms
}
