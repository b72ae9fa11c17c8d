//! Ranges of numbers: what a value must lie in, and which number of a range reads best.

mod operands;

use skopos_promql::ast::BinaryOp;

pub(crate) use self::operands::{left_of, right_of};

/// A range of numbers; either end may be infinite, and either may be left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Range {
    pub(crate) lo: f64,
    pub(crate) hi: f64,
    pub(crate) lo_open: bool,
    pub(crate) hi_open: bool,
}

impl Range {
    /// Every number.
    pub(crate) const ALL: Self = Self::closed(f64::NEG_INFINITY, f64::INFINITY);
    /// Zero and above.
    pub(crate) const NOT_NEGATIVE: Self = Self::closed(0.0, f64::INFINITY);

    pub(crate) const fn closed(lo: f64, hi: f64) -> Self {
        Self {
            lo,
            hi,
            lo_open: false,
            hi_open: false,
        }
    }

    pub(crate) const fn point(value: f64) -> Self {
        Self::closed(value, value)
    }

    pub(crate) const fn above(lo: f64) -> Self {
        Self {
            lo_open: true,
            ..Self::closed(lo, f64::INFINITY)
        }
    }

    pub(crate) const fn below(hi: f64) -> Self {
        Self {
            hi_open: true,
            ..Self::closed(f64::NEG_INFINITY, hi)
        }
    }

    /// The values `v` for which `v op bound` holds.
    pub(crate) fn satisfying(op: BinaryOp, bound: f64) -> Vec<Self> {
        match op {
            BinaryOp::Equal => vec![Self::point(bound)],
            BinaryOp::NotEqual => vec![Self::above(bound), Self::below(bound)],
            BinaryOp::Less => vec![Self::below(bound)],
            BinaryOp::LessOrEqual => vec![Self::closed(f64::NEG_INFINITY, bound)],
            BinaryOp::Greater => vec![Self::above(bound)],
            BinaryOp::GreaterOrEqual => vec![Self::closed(bound, f64::INFINITY)],
            _ => Vec::new(),
        }
    }

    pub(crate) fn is_all(self) -> bool {
        self.lo == f64::NEG_INFINITY && self.hi == f64::INFINITY
    }

    pub(crate) fn contains(self, value: f64) -> bool {
        if value.is_nan() {
            return self.is_all();
        }
        let above = if self.lo_open {
            value > self.lo
        } else {
            value >= self.lo
        };
        let below = if self.hi_open {
            value < self.hi
        } else {
            value <= self.hi
        };
        above && below
    }

    pub(crate) fn is_empty(self) -> bool {
        self.lo.is_nan()
            || self.hi.is_nan()
            || self.lo > self.hi
            || (self.lo == self.hi && (self.lo_open || self.hi_open))
    }

    pub(crate) fn intersect(self, other: Self) -> Self {
        let (lo, lo_open) = if self.lo > other.lo {
            (self.lo, self.lo_open)
        } else if other.lo > self.lo {
            (other.lo, other.lo_open)
        } else {
            (self.lo, self.lo_open || other.lo_open)
        };
        let (hi, hi_open) = if self.hi < other.hi {
            (self.hi, self.hi_open)
        } else if other.hi < self.hi {
            (other.hi, other.hi_open)
        } else {
            (self.hi, self.hi_open || other.hi_open)
        };
        Self {
            lo,
            hi,
            lo_open,
            hi_open,
        }
    }

    /// The intersection, unless it is empty.
    pub(crate) fn meet(self, other: Self) -> Option<Self> {
        let both = self.intersect(other);
        (!both.is_empty()).then_some(both)
    }

    /// What lies outside: at most two ranges, the upper first.
    pub(crate) fn complement(self) -> Vec<Self> {
        let upper = Self {
            lo: self.hi,
            hi: f64::INFINITY,
            lo_open: !self.hi_open,
            hi_open: false,
        };
        let lower = Self {
            lo: f64::NEG_INFINITY,
            hi: self.lo,
            lo_open: false,
            hi_open: !self.lo_open,
        };
        let mut parts = Vec::new();
        if self.hi < f64::INFINITY {
            parts.push(upper);
        }
        if self.lo > f64::NEG_INFINITY {
            parts.push(lower);
        }
        parts
    }

    pub(crate) fn shift(self, by: f64) -> Self {
        Self {
            lo: self.lo + by,
            hi: self.hi + by,
            ..self
        }
    }

    pub(crate) fn negate(self) -> Self {
        Self {
            lo: -self.hi,
            hi: -self.lo,
            lo_open: self.hi_open,
            hi_open: self.lo_open,
        }
    }

    /// Each value times `by`, which is not zero.
    pub(crate) fn scale(self, by: f64) -> Self {
        let scaled = Self {
            lo: self.lo * by.abs(),
            hi: self.hi * by.abs(),
            ..self
        };
        if by < 0.0 { scaled.negate() } else { scaled }
    }

    /// The range under a function that never falls.
    pub(crate) fn map(self, rising: impl Fn(f64) -> f64) -> Self {
        Self {
            lo: rising(self.lo),
            hi: rising(self.hi),
            ..self
        }
    }

    /// A number of the range that reads well: `current` where it belongs to the range, else one at
    /// a distance from the ends that grows with `strength` (0, 1, 2).
    pub(crate) fn pick(self, current: Option<f64>, strength: u8) -> f64 {
        if let Some(value) = current.filter(|value| self.contains(*value)) {
            return value;
        }
        let wanted = self.wanted(strength);
        self.round(wanted)
    }

    fn wanted(self, strength: u8) -> f64 {
        let factor = [1.1, 2.0, 10.0][usize::from(strength.min(2))];
        let (has_lo, has_hi) = (self.lo > f64::NEG_INFINITY, self.hi < f64::INFINITY);
        match (has_lo, has_hi) {
            (false, false) => 1.0,
            (true, true) => f64::midpoint(self.lo, self.hi),
            (true, false) => beyond(self.lo, factor, self.lo_open),
            (false, true) if self.hi > 0.0 => self.hi / factor,
            (false, true) => -beyond(-self.hi, factor, self.hi_open),
        }
    }

    /// The number of the range with the fewest digits that is close to `value`.
    fn round(self, value: f64) -> f64 {
        let whole = value.round();
        if self.contains(whole) && (whole - value).abs() <= 0.1 * value.abs() {
            return whole;
        }
        for digits in 1..=6 {
            let text = format!("{value:.*e}", digits - 1);
            let rounded: f64 = text.parse().unwrap_or(value);
            if self.contains(rounded) && (rounded - value).abs() <= 0.1 * value.abs() {
                return rounded;
            }
        }
        value
    }
}

/// A number above `bound`.
fn beyond(bound: f64, factor: f64, is_open: bool) -> f64 {
    if bound > 0.0 {
        bound * factor
    } else if bound == 0.0 {
        if is_open { factor.floor() } else { 0.0 }
    } else {
        // A negative bound: zero is the plainest number above it.
        0.0
    }
}

#[cfg(test)]
mod tests;
