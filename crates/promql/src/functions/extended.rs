//! Range selectors with `anchored` or `smoothed`: values at the bounds of the window come from
//! the samples around it, not from extrapolation.

use super::rate::{Kind, interpolate};
use crate::eval::Window;

/// How values at the bounds of a window are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extension {
    /// From the last sample at or before the bound.
    Anchored,
    /// By interpolation between the samples around the bound.
    Smoothed,
}

impl Extension {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Anchored => "anchored",
            Self::Smoothed => "smoothed",
        }
    }

    /// Functions that know what to do with such ranges, sorted.
    pub(crate) const fn functions(self) -> &'static [&'static str] {
        match self {
            Self::Anchored => &["changes", "delta", "increase", "rate", "resets"],
            Self::Smoothed => &["delta", "increase", "rate"],
        }
    }
}

/// The samples that count: from the last at or before the window's start to the last in it, or
/// where smoothed the first at or after its end.
struct Extent {
    first: usize,
    last: usize,
    left: f64,
    right: f64,
}

fn extent(window: &Window<'_>, extension: Extension, is_counter: bool) -> Option<Extent> {
    let (times, values) = (window.times, window.values);
    let smoothed = extension == Extension::Smoothed;
    let mut last = times.len().checked_sub(1)?;
    let first = times[..last]
        .partition_point(|time| *time <= window.start_ms)
        .saturating_sub(1);
    if smoothed {
        last = times[..last].partition_point(|time| *time < window.end_ms);
    }
    if times[last] <= window.start_ms {
        return None;
    }
    let point = |at: usize| (times[at], values[at]);
    let left = if smoothed && times[first] < window.start_ms {
        interpolate(point(first), point(first + 1), window.start_ms, is_counter)
    } else {
        values[first]
    };
    let right = if smoothed && last > 0 && times[last] > window.end_ms {
        interpolate(point(last - 1), point(last), window.end_ms, is_counter)
    } else {
        values[last]
    };
    Some(Extent {
        first,
        last,
        left,
        right,
    })
}

/// The values strictly within the window.
fn inner(window: &Window<'_>, extent: &Extent) -> std::ops::Range<usize> {
    let from = extent.first + usize::from(window.times[extent.first] <= window.start_ms);
    let to = extent.last + usize::from(window.times[extent.last] < window.end_ms);
    from..to.max(from)
}

/// `rate`, `increase` and `delta`: the difference between the values at the bounds.
pub(crate) fn difference(window: &Window<'_>, extension: Extension, kind: Kind) -> Option<f64> {
    let is_counter = kind != Kind::Delta;
    let extent = extent(window, extension, is_counter)?;
    let mut result = extent.right - extent.left;
    if is_counter {
        let mut previous = extent.left;
        for value in window.values[inner(window, &extent)]
            .iter()
            .copied()
            .chain([extent.right])
        {
            if value < previous {
                result += previous;
            }
            previous = value;
        }
    }
    if kind == Kind::Rate {
        result /= (window.end_ms - window.start_ms) as f64 / 1000.0;
    }
    Some(result)
}

/// The first sample that `changes` and `resets` look at, if there is a sample in the window.
pub(crate) fn anchor(window: &Window<'_>) -> Option<usize> {
    extent(window, Extension::Anchored, false).map(|extent| extent.first)
}

/// The samples of a window with values at both bounds, as an instant query returns the range.
pub(crate) fn extended(window: &Window<'_>, extension: Extension) -> (Vec<i64>, Vec<f64>) {
    let Some(extent) = extent(window, extension, false) else {
        return (Vec::new(), Vec::new());
    };
    let inner = inner(window, &extent);
    let times = [window.start_ms]
        .into_iter()
        .chain(window.times[inner.clone()].iter().copied())
        .chain([window.end_ms]);
    let values = [extent.left]
        .into_iter()
        .chain(window.values[inner].iter().copied())
        .chain([extent.right]);
    (times.collect(), values.collect())
}
