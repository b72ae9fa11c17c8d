//! How many shards a queue needs, by what comes in and what goes out (`calculateDesiredShards` of
//! Prometheus' queue manager).

use std::time::Duration;

/// Weight of the newest measurement.
const WEIGHT: f64 = 0.2;
/// How far the number may be off before it is changed.
const TOLERANCE: f64 = 0.3;
/// Part of what waits that is to be caught up with in each second.
const CATCH_UP: f64 = 0.05;
/// A queue that is further behind gets no fewer shards.
const BEHIND: Duration = Duration::from_secs(10);

/// Bounds of the number.
#[derive(Debug, Clone, Copy)]
pub struct ReshardLimits {
    /// Least shards.
    pub min: usize,
    /// Most shards.
    pub max: usize,
}

/// What happened since the last look.
#[derive(Debug, Clone, Copy, Default)]
pub struct Load {
    /// The time that passed.
    pub elapsed: Duration,
    /// Items that came into the log.
    pub read: u64,
    /// Items that were not to be sent.
    pub dropped: u64,
    /// Items that were sent.
    pub sent: u64,
    /// Time that all requests took together.
    pub sending: Duration,
    /// How far the newest sample sent is behind the newest of the log.
    pub behind: Duration,
}

/// Measures and decides.
#[derive(Debug)]
pub struct Resharder {
    limits: ReshardLimits,
    read: Rate,
    dropped: Rate,
    sent: Rate,
    sending_seconds: Rate,
}

/// An exponentially weighted moving average of something a second.
#[derive(Debug, Default)]
struct Rate(Option<f64>);

impl Rate {
    fn add(&mut self, amount: f64, seconds: f64) {
        let now = amount / seconds;
        self.0 = Some(self.0.map_or(now, |before| before + WEIGHT * (now - before)));
    }

    fn get(&self) -> f64 {
        self.0.unwrap_or(0.0)
    }
}

impl Resharder {
    /// Has measured nothing yet.
    pub fn new(limits: ReshardLimits) -> Self {
        Self {
            limits,
            read: Rate::default(),
            dropped: Rate::default(),
            sent: Rate::default(),
            sending_seconds: Rate::default(),
        }
    }

    /// Takes in what happened and says how many shards there should be, where there are `current`.
    pub fn desired(&mut self, load: Load, current: usize) -> usize {
        let seconds = load.elapsed.as_secs_f64();
        if seconds <= 0.0 {
            return current;
        }
        self.read.add(load.read as f64, seconds);
        self.dropped.add(load.dropped as f64, seconds);
        self.sent.add(load.sent as f64, seconds);
        self.sending_seconds.add(load.sending.as_secs_f64(), seconds);
        let wanted = self.wanted(load.behind);
        let current_f = current as f64;
        let is_near = (current_f * (1.0 - TOLERANCE)..=current_f * (1.0 + TOLERANCE)).contains(&wanted);
        // Nothing was sent: there is nothing to measure by.
        if self.sent.get() <= 0.0 || is_near {
            return self.bounded(current);
        }
        let wanted = self.bounded(wanted.ceil() as usize);
        if wanted < current && load.behind > BEHIND {
            return self.bounded(current);
        }
        wanted
    }

    fn wanted(&self, behind: Duration) -> f64 {
        let (sent, dropped) = (self.sent.get(), self.dropped.get());
        if sent <= 0.0 {
            return 0.0;
        }
        let kept = self.read.get() * sent / (sent + dropped);
        let waiting = behind.as_secs_f64() * kept;
        self.sending_seconds.get() / sent * (kept + CATCH_UP * waiting)
    }

    fn bounded(&self, shards: usize) -> usize {
        shards.clamp(self.limits.min, self.limits.max.max(self.limits.min))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn load(read: u64, sent: u64, sending_s: f64, behind_s: u64) -> Load {
        Load {
            elapsed: Duration::from_secs(10),
            read,
            dropped: 0,
            sent,
            sending: Duration::from_secs_f64(sending_s),
            behind: Duration::from_secs(behind_s),
        }
    }

    fn resharder() -> Resharder {
        Resharder::new(ReshardLimits { min: 1, max: 50 })
    }

    #[test]
    fn slow_requests_need_more_shards() {
        // 1000 samples a second come, each takes 4 ms: four shards are busy.
        assert_eq!(resharder().desired(load(10_000, 2_500, 10.0, 0), 1), 4);
        // Half a minute behind: it must go faster than samples come.
        assert_eq!(resharder().desired(load(10_000, 2_500, 10.0, 30), 1), 10);
        assert_eq!(resharder().desired(load(10_000, 25, 10.0, 30), 1), 50);
    }

    #[test]
    fn shards_stay_while_nothing_is_sent_or_the_queue_is_behind() {
        assert_eq!(resharder().desired(load(10_000, 0, 10.0, 600), 7), 7);
        assert_eq!(resharder().desired(load(1000, 1000, 1.0, 20), 7), 7);
        assert_eq!(resharder().desired(load(1000, 1000, 1.0, 1), 7), 1);
        assert_eq!(resharder().desired(load(10_000, 10_000, 36.0, 0), 4), 4, "near enough");
    }

    proptest! {
        #[test]
        fn the_number_is_always_within_its_bounds(loads in proptest::collection::vec((0u64..1 << 40, 0u64..1 << 40, 0f64..1e6, 0u64..100_000), 1..20)) {
            let mut resharder = Resharder::new(ReshardLimits { min: 2, max: 9 });
            let mut shards = 2;
            for (read, sent, sending_s, behind_s) in loads {
                shards = resharder.desired(load(read, sent, sending_s, behind_s), shards);
                prop_assert!((2..=9).contains(&shards));
            }
        }
    }
}
