//! Sums of floats that keep what addition loses.

/// A sum with its lost low bits (Neumaier's variant of Kahan's summation).
#[derive(Debug, Clone, Copy, Default)]
pub struct Sum {
    /// The sum as additions gave it.
    pub sum: f64,
    /// What they lost.
    pub lost: f64,
}

impl Sum {
    /// Adds a value.
    #[inline]
    pub fn add(&mut self, value: f64) {
        let total = self.sum + value;
        if total.is_infinite() {
            self.lost = 0.0;
        } else if self.sum.abs() >= value.abs() {
            self.lost += (self.sum - total) + value;
        } else {
            self.lost += (value - total) + self.sum;
        }
        self.sum = total;
    }

    /// Adds what another one is the sum of.
    pub fn add_sum(&mut self, other: Self) {
        self.add(other.sum);
        if self.sum.is_finite() {
            self.lost += other.lost;
        }
    }

    /// The sum with what was lost.
    pub fn value(self) -> f64 {
        if self.sum.is_infinite() {
            self.sum
        } else {
            self.sum + self.lost
        }
    }

    /// The sum of values multiplied by a factor.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self {
            sum: self.sum * factor,
            lost: self.lost * factor,
        }
    }
}
