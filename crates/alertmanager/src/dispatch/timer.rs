//! What happens when. Timers are never taken out: one that no longer counts is found to be stale
//! when its time comes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::GroupId;
use crate::machine::DeliveryId;

/// Something that is to happen at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// A group is flushed.
    Tick(GroupId),
    /// A flush ends, done or not.
    Deadline {
        /// The group.
        group: GroupId,
        /// The number of the flush.
        flush: u64,
    },
    /// A delivery goes on: members before us had their time, or the back-off is over.
    Resume {
        /// The delivery.
        delivery: DeliveryId,
        /// How often it was tried when the timer was set.
        attempt: u32,
    },
    /// Alerts that ended are dropped.
    CollectAlerts,
    /// Expired silences and log entries are dropped.
    Maintain,
}

/// All timers. Those of one time come in the order in which they were set.
#[derive(Debug, Default)]
pub struct Timers {
    heap: BinaryHeap<Reverse<(i64, u64, Timer)>>,
    sequence: u64,
}

impl Timers {
    /// Sets a timer.
    pub fn set(&mut self, at_ms: i64, timer: Timer) {
        self.heap.push(Reverse((at_ms, self.sequence, timer)));
        self.sequence += 1;
    }

    /// Takes the next timer that is due, with its time.
    pub fn pop_due(&mut self, now_ms: i64) -> Option<(i64, Timer)> {
        let Reverse((at_ms, _, _)) = self.heap.peek()?;
        if *at_ms > now_ms {
            return None;
        }
        self.heap.pop().map(|Reverse((at_ms, _, timer))| (at_ms, timer))
    }

    /// When the next one is due, Unix milliseconds.
    pub fn next_ms(&self) -> Option<i64> {
        self.heap.peek().map(|Reverse((at_ms, _, _))| *at_ms)
    }
}
