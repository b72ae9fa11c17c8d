//! When a target is scraped, and which timestamp the scrape gets. Pure arithmetic.

use std::time::Duration;

/// How far a scrape may be from its place in the interval to get the timestamp of that place:
/// regular timestamps compress better (`scrapeTimestampTolerance` in Prometheus).
const TOLERANCE_MS: i64 = 2;

/// How long to wait from `now_ns` so that scrapes of a target fall on the same place in each
/// interval, `spread` telling the place.
pub(crate) fn first_wait(now_ns: i64, interval: Duration, spread: u64) -> Duration {
    let interval_ns = (interval.as_nanos() as u64).max(1);
    let since_start = now_ns.max(0) as u64 % interval_ns;
    let place = spread % interval_ns;
    Duration::from_nanos((place + interval_ns - since_start) % interval_ns)
}

/// Aligns the timestamps of a target's scrapes.
#[derive(Debug)]
pub(crate) struct Alignment {
    interval_ms: i64,
    aligned_ms: Option<i64>,
}

impl Alignment {
    pub(crate) fn new(interval: Duration) -> Self {
        Self {
            interval_ms: interval.as_millis() as i64,
            aligned_ms: None,
        }
    }

    /// The timestamp of a scrape that begins at `now_ms`.
    pub(crate) fn align(&mut self, now_ms: i64) -> i64 {
        if self.interval_ms <= 100 * TOLERANCE_MS {
            return now_ms;
        }
        let mut aligned_ms = *self.aligned_ms.get_or_insert(now_ms);
        let behind_ms = now_ms - aligned_ms;
        if behind_ms >= self.interval_ms {
            aligned_ms += behind_ms / self.interval_ms * self.interval_ms;
        } else if behind_ms < -TOLERANCE_MS {
            // The clock went back: begin anew.
            aligned_ms = now_ms;
        } else if self.interval_ms - behind_ms <= TOLERANCE_MS {
            aligned_ms += self.interval_ms;
        }
        self.aligned_ms = Some(aligned_ms);
        if (now_ms - aligned_ms).abs() <= TOLERANCE_MS {
            aligned_ms
        } else {
            now_ms
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_end_at_the_same_place() {
        let interval = Duration::from_secs(15);
        for now_ns in [0, 7_000_000_000, 14_999_999_999, 1_790_000_000_123_456_789] {
            let wait = first_wait(now_ns, interval, 4_000_000_000 + 3 * 15_000_000_000);
            assert!(wait < interval);
            assert_eq!((now_ns as u64 + wait.as_nanos() as u64) % 15_000_000_000, 4_000_000_000);
        }
    }

    #[test]
    fn small_deviations_are_aligned_away() {
        let mut alignment = Alignment::new(Duration::from_secs(15));
        for (now_ms, expected_ms) in [
            (1000, 1000),
            (16_002, 16_000),
            (30_999, 31_000),
            (46_010, 46_010),
            (61_001, 61_000),
            (121_000, 121_000),
            (500, 500),
        ] {
            assert_eq!(alignment.align(now_ms), expected_ms);
        }
        assert_eq!(Alignment::new(Duration::from_millis(50)).align(7), 7);
    }
}
