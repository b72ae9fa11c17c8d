//! One input series as a search sees it: labels, a shape over time, and what was asked of it.

use std::sync::Arc;

use skopos_core::Labels;
use skopos_core::metric::Series;

use crate::native::Observations;
use crate::range::Range;
use crate::timeline::Timeline;

/// How the values of a series run. All parts are linear, so that windows measure what is set.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    /// The value at [`Timeline::first_ms`].
    pub(crate) base: f64,
    /// Change in a second.
    pub(crate) slope: f64,
    /// What held earlier, if it differs.
    pub(crate) step: Option<Step>,
    /// Up and down by turns.
    pub(crate) toggle: Option<Toggle>,
    /// Only each `stride`th sample is there.
    pub(crate) stride: i64,
    /// No samples before.
    pub(crate) from_ms: Option<i64>,
    /// No samples after.
    pub(crate) until_ms: Option<i64>,
    /// What holds after the cause was taken away.
    pub(crate) healing: Option<Healing>,
}

/// A change of course.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Step {
    /// When.
    pub(crate) at_ms: i64,
    /// By how much the value jumps up.
    pub(crate) jump: f64,
    /// The slope before.
    pub(crate) slope: f64,
}

/// Values that go up and down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Toggle {
    /// By how much.
    pub(crate) amplitude: f64,
    /// After how many samples each time.
    pub(crate) every: i64,
}

/// How a series goes on without the cause.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Healing {
    /// It keeps its last value.
    Rest,
    /// It takes a value.
    Value(f64),
    /// It grows by so much a second.
    Grow(f64),
    /// It ends.
    End,
}

impl Shape {
    pub(crate) fn constant(base: f64) -> Self {
        Self {
            base,
            slope: 0.0,
            step: None,
            toggle: None,
            stride: 1,
            from_ms: None,
            until_ms: None,
            healing: None,
        }
    }

    /// The value at a time, `index` samples after the start.
    fn value(&self, times: &Timeline, timestamp_ms: i64, index: i64) -> f64 {
        let mut value = self.course(times, timestamp_ms);
        if let Some(toggle) = self.toggle
            && (index / toggle.every.max(1)) % 2 == 1
        {
            value += toggle.amplitude;
        }
        value
    }

    /// The value without toggling.
    pub(crate) fn course(&self, times: &Timeline, timestamp_ms: i64) -> f64 {
        let later = |at_ms: i64| self.slope.mul_add(seconds(at_ms - times.first_ms), self.base);
        match self.step {
            Some(step) if timestamp_ms < step.at_ms => step
                .slope
                .mul_add(seconds(timestamp_ms - step.at_ms), later(step.at_ms) - step.jump),
            _ => later(timestamp_ms),
        }
    }
}

/// The number without the noise of binary fractions.
fn plain(value: f64) -> f64 {
    let digits = if value.abs() < 1e5 { 1e9 } else { 1e3 };
    if value.abs() < 1e12 {
        (value * digits).round() / digits + 0.0
    } else {
        value
    }
}

pub(crate) fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// What a window of a series must lie in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct WindowGoal {
    /// First time that the window reaches.
    pub(crate) from_ms: i64,
    /// Last time.
    pub(crate) to_ms: i64,
    /// The values allowed.
    pub(crate) range: Range,
}

/// A series with what was asked of it.
#[derive(Debug, Clone)]
pub(crate) struct Variable {
    pub(crate) labels: Labels,
    pub(crate) shape: Shape,
    pub(crate) levels: Vec<WindowGoal>,
    pub(crate) slopes: Vec<WindowGoal>,
    /// Its samples are native histograms, and the shape is that of their number of observations.
    observations: Option<Observations>,
    /// Another part of the expression relies on its values.
    pub(crate) is_frozen: bool,
    /// It must be there.
    pub(crate) is_needed: bool,
    sampled: Option<Arc<Series>>,
}

impl Variable {
    pub(crate) fn new(labels: Labels, shape: Shape) -> Self {
        Self {
            labels,
            shape,
            levels: Vec::new(),
            slopes: Vec::new(),
            observations: None,
            is_frozen: false,
            is_needed: false,
            sampled: None,
        }
    }

    /// Makes the samples native histograms with observations as asked; says whether they can be.
    pub(crate) fn observe(&mut self, asked: Option<Observations>) -> bool {
        let is_untouched = self.levels.is_empty() && self.slopes.is_empty() && !self.is_frozen;
        match (self.observations, asked) {
            (None, None) => true,
            (Some(known), Some(asked)) if asked.is_free || known == asked => true,
            (Some(known), Some(_)) if known.is_free => {
                self.observations = asked;
                self.changed();
                true
            }
            (None, Some(_)) if is_untouched => {
                self.observations = asked;
                self.changed();
                true
            }
            _ => false,
        }
    }

    /// Forgets samples that no longer hold.
    pub(crate) fn changed(&mut self) {
        self.sampled = None;
    }

    /// The samples up to `end_ms`, kept until [`Variable::changed`].
    pub(crate) fn sampled(&mut self, times: &Timeline, step_ms: i64, end_ms: i64) -> Arc<Series> {
        let samples = self
            .sampled
            .take()
            .unwrap_or_else(|| Arc::new(self.sample(times, step_ms, end_ms)));
        self.sampled = Some(Arc::clone(&samples));
        samples
    }

    /// The samples up to `end_ms`.
    pub(crate) fn sample(&self, times: &Timeline, step_ms: i64, end_ms: i64) -> Series {
        let mut series = Series {
            labels: self.labels.clone(),
            ..Series::default()
        };
        let cause_end_ms = times.cause_end_ms();
        let mut last = self.shape.base;
        let mut index = 0;
        while times.start_ms + index * step_ms <= end_ms {
            let timestamp_ms = times.start_ms + index * step_ms;
            let is_present = index % self.shape.stride.max(1) == 0
                && self.shape.from_ms.is_none_or(|from_ms| timestamp_ms >= from_ms)
                && self.shape.until_ms.is_none_or(|until_ms| timestamp_ms <= until_ms);
            let value = match (timestamp_ms > cause_end_ms, self.shape.healing) {
                (true, Some(Healing::End)) => break,
                (true, Some(Healing::Value(value))) => value,
                (true, Some(Healing::Rest)) => last,
                (true, Some(Healing::Grow(slope))) => plain(slope.mul_add(seconds(step_ms), last)),
                _ => plain(self.shape.value(times, timestamp_ms, index)),
            };
            last = value;
            if is_present && let Some(observations) = &self.observations {
                series.histogram_timestamps_ms.push(timestamp_ms);
                series.histograms.push(Arc::new(observations.histogram(value)));
            } else if is_present {
                series.timestamps_ms.push(timestamp_ms);
                series.values.push(value);
            }
            index += 1;
        }
        series
    }
}
