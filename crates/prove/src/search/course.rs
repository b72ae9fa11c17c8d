//! Changes of how a series runs: turns, spread, density, sums, age.

use super::changes::{Window, fit_level, level};
use super::{Halt, Outcome, Search};
use crate::range::Range;
use crate::timeline::nice_step_ms;
use crate::variable::{Toggle, seconds};

pub(super) fn changes(search: &mut Search<'_>, index: usize, window: Window, range: Range, strength: u8) -> Outcome {
    turns(search, index, window, range, strength, 1)
}

pub(super) fn resets(search: &mut Search<'_>, index: usize, window: Window, range: Range, strength: u8) -> Outcome {
    turns(search, index, window, range, strength, 2)
}

/// Lets a series go up and down so often that a window holds a number of turns.
fn turns(
    search: &mut Search<'_>,
    index: usize,
    window: Window,
    range: Range,
    strength: u8,
    samples_per_turn: i64,
) -> Outcome {
    let wanted = range.pick(Some(0.0), strength);
    if wanted < 1.0 {
        return if range.contains(0.0) { Ok(()) } else { Err(Halt::Stuck) };
    }
    let wanted = (wanted.ceil() as i64).saturating_add(1);
    let most = window.length_ms / search.state.step_ms / samples_per_turn;
    if most <= wanted {
        let step_ms = nice_step_ms(window.length_ms / (wanted + 2) / samples_per_turn);
        search.state.set_step(step_ms);
    }
    let samples = window.length_ms / search.state.step_ms;
    let every = if range.hi.is_finite() {
        (samples / wanted / samples_per_turn).max(1)
    } else {
        1
    };
    let variable = &mut search.state.series[index];
    variable.shape.toggle = Some(Toggle { amplitude: 1.0, every });
    let times = search.context.times;
    fit_level(variable, &times, strength).ok_or(Halt::Stuck)
}

#[expect(clippy::unnecessary_wraps, reason = "all changes have one signature")]
pub(super) fn spread(search: &mut Search<'_>, index: usize, _window: Window, range: Range, strength: u8) -> Outcome {
    let wanted = range.pick(Some(0.0), strength);
    let variable = &mut search.state.series[index];
    variable.shape.toggle = (wanted > 0.0).then_some(Toggle {
        amplitude: wanted * 2.0,
        every: 1,
    });
    Ok(())
}

/// Makes samples denser, or leaves some out.
#[expect(clippy::unnecessary_wraps, reason = "all changes have one signature")]
pub(super) fn count(search: &mut Search<'_>, index: usize, window: Window, range: Range, strength: u8) -> Outcome {
    let stride = search.state.series[index].shape.stride;
    let number = window.length_ms as f64 / search.state.step_ms as f64 / stride as f64;
    if range.contains(number) && range.contains((number - 1.0).max(0.0)) {
        return Ok(());
    }
    let wanted = range.pick(Some(number), strength).max(1.0);
    if wanted > number {
        let step_ms = (window.length_ms as f64 / (wanted + 1.0)) as i64;
        search.state.set_step(nice_step_ms(step_ms));
        return Ok(());
    }
    let stride = (window.length_ms as f64 / search.state.step_ms as f64 / wanted).ceil() as i64;
    search.state.series[index].shape.stride = stride.max(1);
    Ok(())
}

/// The sum of a constant: its level times the number of samples.
pub(super) fn sum(search: &mut Search<'_>, index: usize, window: Window, range: Range, strength: u8) -> Outcome {
    let number = (window.length_ms / search.state.step_ms).max(1) as f64;
    level(search, index, window, range.scale(1.0 / number), strength)
}

/// The last sample before the window ends has a certain time: the series is sampled rarely, or
/// has ended.
pub(super) fn age(search: &mut Search<'_>, index: usize, window: Window, range: Range, _strength: u8) -> Outcome {
    let times = search.context.times;
    let first_s = seconds(window.from_ms);
    if range.contains(first_s) && range.contains(seconds(window.to_ms)) {
        return Ok(());
    }
    let latest_ms = (range.hi * 1000.0).min(i64::MAX as f64 / 2.0) as i64 - i64::from(range.hi_open);
    if latest_ms < times.start_ms || latest_ms >= window.from_ms {
        return Err(Halt::Stuck);
    }
    search.state.series[index].shape.until_ms = Some(latest_ms);
    Ok(())
}
