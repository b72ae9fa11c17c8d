//! Pauses between attempts: growing, and drawn at random so that many senders do not march in step.

use std::ops::RangeInclusive;

const FIRST_MS: f64 = 500.0;
const FACTOR: f64 = 1.5;
const LONGEST_MS: f64 = 60_000.0;
/// Attempts after which the pause does not grow any more.
const MAX_STEPS: u32 = 16;

/// What a pause is multiplied with.
pub(super) const JITTER: RangeInclusive<f64> = 0.5..=1.5;

/// From the start of attempt number `attempt` (the first is 1) to the start of the next,
/// milliseconds.
pub(super) fn pause_ms(attempt: u32, jitter: f64) -> i64 {
    let steps = attempt.saturating_sub(1).min(MAX_STEPS);
    let pause = FIRST_MS * FACTOR.powi(steps as i32);
    (pause.min(LONGEST_MS) * jitter) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound() {
        assert_eq!(pause_ms(1, 1.0), 500);
        assert_eq!(pause_ms(2, 1.0), 750);
        assert_eq!(pause_ms(2, 0.5), 375);
        assert_eq!(pause_ms(1000, 1.0), 60_000);
    }
}
