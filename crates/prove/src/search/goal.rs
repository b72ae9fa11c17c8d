//! What is asked of a part of an expression.

use crate::native::Observations;
use crate::range::Range;

/// What a result should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Wish {
    /// There is an element with a value of the range.
    Present(Range),
    /// There is no such element.
    Never(Range),
}

/// What of a window of samples is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Measure {
    /// The value.
    Level,
    /// The change in a second.
    Slope,
    /// The value so many seconds later.
    Predicted(f64),
    /// How often the value changes.
    Changes,
    /// How often the value falls.
    Resets,
    /// The standard deviation.
    Spread,
    /// The number of samples.
    Count,
    /// The sum of the samples.
    Sum,
    /// The time of the last sample, in seconds.
    Time,
}

/// A goal on its way down an expression.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goal {
    pub(crate) wish: Wish,
    pub(crate) measure: Measure,
    /// How far back the parts are read, by the offsets above.
    pub(crate) shift_ms: i64,
    /// Length of the window above.
    pub(crate) window_ms: i64,
    /// That series hold native histograms, with observations here. The value is their number.
    pub(crate) observations: Option<Observations>,
}

impl Goal {
    pub(crate) fn new(wish: Wish) -> Self {
        Self {
            wish,
            measure: Measure::Level,
            shift_ms: 0,
            window_ms: 0,
            observations: None,
        }
    }

    pub(crate) fn wishing(self, wish: Wish) -> Self {
        Self { wish, ..self }
    }

    pub(crate) fn present(self, range: Range) -> Self {
        self.wishing(Wish::Present(range))
    }
}
