//! Changes of one series: its level, slope, course over time or density, so that a window of it
//! measures what is asked.

use skopos_promql::ast::VectorSelector;

use super::course::{age, changes, count, resets, spread, sum};
use super::selector::Probe;
use super::slopes::{after_ms, slope, slope_by_step};
use super::{Attempt, Goal, Halt, Measure, Outcome, Search};
use crate::key::Key;
use crate::range::Range;
use crate::timeline::Timeline;
use crate::variable::{Step, Variable, WindowGoal, seconds};

/// The part of time that a goal is about.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "the unit ends every name")]
pub(super) struct Window {
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
    /// Its length, as far as there are samples in it.
    pub(super) length_ms: i64,
}

impl Window {
    pub(super) fn goal(self, range: Range) -> WindowGoal {
        WindowGoal {
            from_ms: self.from_ms,
            to_ms: self.to_ms,
            range,
        }
    }
}

impl<'a> Search<'a> {
    fn window(&self, selector: &VectorSelector, goal: Goal) -> Window {
        let times = &self.context.times;
        let back_ms = goal.shift_ms + selector.offset.ms;
        Window {
            from_ms: times.first_ms - back_ms - goal.window_ms,
            to_ms: times.cause_end_ms() - back_ms,
            length_ms: goal.window_ms.min(times.first_ms - back_ms - times.start_ms),
        }
    }

    /// The ways in which a series can be made to measure a value of the range.
    pub(super) fn changes_of<'t>(
        &mut self,
        index: usize,
        selector: &'a VectorSelector,
        range: Range,
        goal: Goal,
        probe: Probe<'a>,
    ) -> Vec<Attempt<'t, 'a>>
    where
        'a: 't,
    {
        let window = self.window(selector, goal);
        if !self.state.series[index].observe(goal.observations) {
            return Vec::new();
        }
        self.state.series[index].is_needed = true;
        let strength = self.context.strategy.strength;
        let change = |how: fn(&mut Search<'a>, usize, Window, Range, u8) -> Outcome| -> Attempt<'t, 'a> {
            Box::new(move |search| {
                how(search, index, window, range, strength)?;
                search.state.series[index].changed();
                Ok(())
            })
        };
        if self.state.series[index].is_frozen {
            let mut attempts: Vec<Attempt<'t, 'a>> = vec![Box::new(move |search| {
                search.accept_frozen(index, selector, range, window, goal, probe)
            })];
            match goal.measure {
                Measure::Level => attempts.extend([change(level_by_step), change(level_by_slope)]),
                Measure::Slope => attempts.push(change(slope_by_step)),
                _ => {}
            }
            return attempts;
        }
        match goal.measure {
            Measure::Level => vec![change(level), change(level_by_step), change(level_by_slope)],
            Measure::Slope => vec![change(slope), change(slope_by_step)],
            Measure::Predicted(ahead) => vec![Box::new(move |search| search.predict(index, window, range, ahead))],
            Measure::Changes => vec![change(changes)],
            Measure::Resets => vec![change(resets)],
            Measure::Spread => vec![change(spread)],
            Measure::Count => vec![change(count)],
            Measure::Sum => vec![change(sum), change(count)],
            Measure::Time => vec![change(age)],
        }
    }

    /// A frozen series serves if it already measures what is asked.
    fn accept_frozen(
        &mut self,
        index: usize,
        selector: &'a VectorSelector,
        range: Range,
        window: Window,
        goal: Goal,
        probe: Probe<'a>,
    ) -> Outcome {
        if let Some((expr, probe_goal)) = probe {
            if self.holds(expr, probe_goal, &Key::default())? {
                return Ok(());
            }
        } else {
            let shape = &self.state.series[index].shape;
            let measured = match goal.measure {
                Measure::Slope => shape.slope,
                _ => shape.course(&self.context.times, window.to_ms),
            };
            if range.contains(measured) {
                return Ok(());
            }
        }
        let why = "the series has a value already that another part of the expression relies on";
        self.note(selector.pos, why.to_owned());
        Err(Halt::Stuck)
    }

    fn predict(&mut self, index: usize, window: Window, range: Range, ahead: f64) -> Outcome {
        let times = self.context.times;
        let strength = self.context.strategy.strength;
        let variable = &mut self.state.series[index];
        let shape = &mut variable.shape;
        if variable.levels.is_empty() && ahead == 0.0 {
            return level(self, index, window, range, strength);
        }
        let now = shape.course(&times, window.to_ms);
        let earlier = shape.course(&times, window.to_ms.min(times.first_ms));
        if range.contains(ahead.mul_add(shape.slope, now)) && range.contains(ahead.mul_add(shape.slope, earlier)) {
            return Ok(());
        }
        let wanted = range.pick(None, strength.max(1));
        // Falling from something positive reads better than falling below zero at once.
        if variable.levels.is_empty() && wanted <= 0.0 && shape.base <= 1.0 && ahead > 0.0 {
            shape.base = 100.0;
        }
        let step_s = seconds(self.state.step_ms);
        let held_s = seconds(times.fire_ms - times.first_ms);
        let room = if wanted < shape.base {
            ahead
        } else {
            (ahead - held_s).max(step_s)
        };
        let slope = (wanted - shape.base) / room;
        shape.slope = round_away(slope * step_s) / step_s;
        variable.slopes.push(window.goal(Range::point(shape.slope)));
        variable.changed();
        fit_level(variable, &self.context.times, strength).ok_or(Halt::Stuck)
    }

    /// Ends a series before the window of an absence, if what needs it looks further back.
    pub(super) fn end_before(&mut self, index: usize, selector: &VectorSelector, goal: Goal) -> bool {
        let times = self.context.times;
        let window = self.window(selector, goal);
        let variable = &mut self.state.series[index];
        if variable.is_frozen && variable.levels.is_empty() {
            return false;
        }
        let needed_until_ms = variable.levels.iter().map(|level| level.to_ms).max();
        let needed_from_ms = variable.levels.iter().map(|level| level.from_ms).min();
        let lookback_ms = if window.length_ms == 0 { times.lookback_ms } else { 0 };
        let before_ms = window.from_ms - lookback_ms - 1;
        if needed_until_ms.is_some_and(|until_ms| until_ms - times.lookback_ms < before_ms) {
            variable.shape.until_ms = Some(before_ms);
        } else if needed_from_ms.is_some_and(|from_ms| from_ms > window.to_ms) {
            variable.shape.from_ms = Some(window.to_ms + 1);
        } else {
            return false;
        }
        variable.changed();
        true
    }
}

pub(super) fn level(search: &mut Search<'_>, index: usize, window: Window, range: Range, strength: u8) -> Outcome {
    let times = search.context.times;
    let variable = &mut search.state.series[index];
    if variable.shape.step.is_some_and(|step| window.to_ms < step.at_ms) {
        level_before_step(variable, window, range, strength, &times);
        return Ok(());
    }
    variable.levels.push(window.goal(range));
    fit_level(variable, &times, strength).ok_or(Halt::Stuck)
}

fn level_before_step(variable: &mut Variable, window: Window, range: Range, strength: u8, times: &Timeline) {
    let now = variable.shape.course(times, window.to_ms);
    let wanted = range.pick(Some(now), strength);
    if let Some(step) = &mut variable.shape.step {
        step.jump -= wanted - now;
    }
    variable.levels.push(window.goal(range));
}

/// Moves the level so that every window after a step lies within its range.
pub(super) fn fit_level(variable: &mut Variable, times: &Timeline, strength: u8) -> Option<()> {
    let mut allowed = Range::ALL;
    for goal in &variable.levels {
        if variable.shape.step.is_some_and(|step| goal.to_ms < step.at_ms) {
            continue;
        }
        let relative = |at_ms: i64| variable.shape.course(times, at_ms) - variable.shape.base;
        let ends = [relative(goal.from_ms), relative(goal.to_ms)];
        let mut range = goal.range;
        let swing = variable.shape.toggle.map_or(0.0, |toggle| toggle.amplitude);
        range.lo -= ends[0].min(ends[1]) + swing.min(0.0);
        range.hi -= ends[0].max(ends[1]) + swing.max(0.0);
        allowed = allowed.meet(range)?;
    }
    variable.shape.base = allowed.pick(Some(variable.shape.base), strength);
    Some(())
}

fn level_by_step(search: &mut Search<'_>, index: usize, window: Window, range: Range, strength: u8) -> Outcome {
    let times = search.context.times;
    let step_ms = search.state.step_ms;
    let variable = &mut search.state.series[index];
    let Some(other) = variable.levels.iter().copied().find(|goal| goal.to_ms != window.to_ms) else {
        return Err(Halt::Stuck);
    };
    if variable.shape.step.is_some() || variable.shape.slope != 0.0 {
        return Err(Halt::Stuck);
    }
    let old = variable.shape.course(&times, other.to_ms);
    let new = range.pick(None, strength);
    let (at_ms, before, after) = if other.to_ms < window.to_ms {
        (after_ms(&times, step_ms, other.to_ms), old, new)
    } else {
        (after_ms(&times, step_ms, window.to_ms), new, old)
    };
    variable.shape.step = Some(Step {
        at_ms,
        jump: after - before,
        slope: 0.0,
    });
    variable.shape.base = after;
    variable.levels.push(window.goal(range));
    Ok(())
}

fn level_by_slope(search: &mut Search<'_>, index: usize, window: Window, range: Range, strength: u8) -> Outcome {
    let times = search.context.times;
    let step_s = seconds(search.state.step_ms);
    let variable = &mut search.state.series[index];
    let Some(other) = variable.levels.iter().copied().find(|goal| goal.to_ms != window.to_ms) else {
        return Err(Halt::Stuck);
    };
    if variable.shape.step.is_some() || !variable.slopes.is_empty() {
        return Err(Halt::Stuck);
    }
    let wanted = range.pick(None, strength.max(1));
    let kept = variable.shape.course(&times, other.to_ms);
    let apart_s = seconds(window.to_ms - other.to_ms);
    variable.shape.slope = round_away((wanted - kept) / apart_s * step_s) / step_s;
    variable.shape.base = kept - variable.shape.slope * seconds(other.to_ms - times.first_ms);
    variable.levels.push(window.goal(range));
    Ok(())
}

/// The next number with two digits that is further from zero.
fn round_away(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let scale = 10f64.powf(value.abs().log10().floor() - 1.0);
    (value.abs() / scale).ceil() * scale * value.signum()
}
