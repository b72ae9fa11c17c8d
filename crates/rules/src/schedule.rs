//! When a group is evaluated: every interval, at a phase that is a hash of file and name, so that
//! groups spread over the interval and keep their phase across restarts (`Group.EvalTimestamp`).

use skopos_core::Labels;

/// The evaluation times of one group.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    interval_ms: i64,
    due_ms: i64,
}

/// One evaluation that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    /// The time it stands for.
    pub(crate) time_ms: i64,
    /// Evaluations before it that were skipped.
    pub(crate) missed: u64,
}

impl Schedule {
    /// The schedule of a group from `now_ms` on.
    pub(crate) fn new(file: &str, group: &str, interval_ms: i64, now_ms: i64) -> Self {
        let identity = Labels::from_pairs([("name", group), ("file", file)]);
        let offset_ms = (identity.fingerprint() % interval_ms.unsigned_abs().max(1)) as i64;
        let interval_ms = interval_ms.max(1);
        let base_ms = (now_ms - offset_ms).div_euclid(interval_ms) * interval_ms;
        Self {
            interval_ms,
            due_ms: base_ms + offset_ms + interval_ms,
        }
    }

    /// When the next evaluation is due.
    pub(crate) fn next_due_ms(&self) -> i64 {
        self.due_ms
    }

    /// Takes the evaluation that is due at `now_ms`, skipping those that are too late.
    pub(crate) fn take_due(&mut self, now_ms: i64) -> Option<Due> {
        if now_ms < self.due_ms {
            return None;
        }
        let missed = (now_ms - self.due_ms) / self.interval_ms;
        let time_ms = self.due_ms + missed * self.interval_ms;
        self.due_ms = time_ms + self.interval_ms;
        Some(Due {
            time_ms,
            missed: missed.unsigned_abs(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phase_is_stable_and_within_the_interval() {
        let a = Schedule::new("f.yml", "g", 60_000, 1_000_000_000);
        let b = Schedule::new("f.yml", "g", 60_000, 1_000_000_000 + 600_000);
        assert_eq!((b.next_due_ms() - a.next_due_ms()) % 60_000, 0);
        assert!(a.next_due_ms() > 1_000_000_000 && a.next_due_ms() <= 1_000_060_000);
    }

    #[test]
    fn late_evaluations_are_counted_as_missed() {
        let mut schedule = Schedule::new("f.yml", "g", 10_000, 0);
        let first_ms = schedule.next_due_ms();
        assert_eq!(schedule.take_due(first_ms - 1), None);
        let due = schedule.take_due(first_ms).expect("it is due");
        assert_eq!((due.time_ms, due.missed), (first_ms, 0));
        let due = schedule.take_due(first_ms + 35_000).expect("it is due");
        assert_eq!((due.time_ms, due.missed), (first_ms + 30_000, 2));
        assert_eq!(schedule.next_due_ms(), first_ms + 40_000);
    }
}
