//! Pauses between attempts.

use std::time::Duration;

/// Pauses that double from a least to a longest one; a receiver may ask for more.
#[derive(Debug, Clone)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    /// Pauses between `min` and `max`.
    pub fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, next: min }
    }

    /// How long to wait after one more failure. What the receiver asked for (`Retry-After`) holds as it is,
    /// as in Prometheus, but for `MAX_ASKED` at most.
    pub fn pause(&mut self, asked: Option<Duration>) -> Duration {
        const MAX_ASKED: Duration = Duration::from_mins(10);
        let own = self.next;
        self.next = (self.next * 2).min(self.max).max(self.min);
        match asked {
            Some(asked) if !asked.is_zero() => asked.min(MAX_ASKED),
            _ => own,
        }
    }

    /// After a success.
    pub fn reset(&mut self) {
        self.next = self.min;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(30), ms(100));
        let pauses: Vec<_> = (0..4).map(|_| backoff.pause(None)).collect();
        assert_eq!(pauses, [ms(30), ms(60), ms(100), ms(100)]);
        assert_eq!(backoff.pause(Some(ms(7000))), ms(7000));
        assert_eq!(backoff.pause(Some(Duration::from_hours(9))), Duration::from_mins(10));
        backoff.reset();
        assert_eq!(backoff.pause(Some(Duration::ZERO)), ms(30));
    }
}
