//! A token bucket for requests.

use std::time::Instant;

use parking_lot::Mutex;
use skopos_config::RateLimit;

/// Counts tokens: one comes back each interval, up to the burst.
#[derive(Debug)]
pub(super) struct Limiter {
    limit: RateLimit,
    state: Mutex<(f64, Instant)>,
}

impl Limiter {
    /// A full bucket.
    pub(super) fn new(limit: RateLimit) -> Self {
        Self {
            limit,
            state: Mutex::new((f64::from(limit.burst), Instant::now())),
        }
    }

    /// Takes a token, if there is one.
    pub(super) fn takes_one(&self) -> bool {
        self.takes_one_at(Instant::now())
    }

    fn takes_one_at(&self, now: Instant) -> bool {
        let mut state = self.state.lock();
        let (tokens, at) = *state;
        let gained = now.saturating_duration_since(at).as_secs_f64() / self.limit.interval.as_secs_f64();
        let tokens = (tokens + gained).min(f64::from(self.limit.burst));
        let is_taken = tokens >= 1.0;
        *state = (if is_taken { tokens - 1.0 } else { tokens }, now.max(at));
        is_taken
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_and_then_one_each_interval() {
        let interval = Duration::from_secs(1);
        let limiter = Limiter::new(RateLimit { interval, burst: 2 });
        let start = Instant::now();
        let taken: Vec<bool> = [0, 0, 0, 1000, 1500, 2000, 9000, 9000, 9000]
            .map(|ms| limiter.takes_one_at(start + Duration::from_millis(ms)))
            .to_vec();
        assert_eq!(taken, [true, true, false, true, false, true, true, true, false]);
    }
}
