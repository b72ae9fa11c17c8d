//! Which offset may be committed while several events of a partition are handled at once. Pure bookkeeping.
//!
//! The committed offset is the lowest one not yet handled: a crash then repeats events and never skips one.

use std::collections::{BTreeSet, HashMap};

/// Events in flight, by topic and partition.
#[derive(Debug, Default)]
pub(crate) struct OffsetTracker {
    partitions: HashMap<(String, i32), Partition>,
}

#[derive(Debug, Default)]
struct Partition {
    in_flight: BTreeSet<i64>,
    next: i64,
    committed: i64,
}

impl OffsetTracker {
    /// An event has been received.
    pub(crate) fn start(&mut self, topic: &str, partition: i32, offset: i64) {
        let entry = self.partitions.entry((topic.to_owned(), partition)).or_default();
        if entry.in_flight.is_empty() && offset < entry.committed {
            // The partition was rewound (a rebalance, a reset): the old position no longer counts.
            entry.committed = offset;
            entry.next = offset;
        }
        entry.in_flight.insert(offset);
        entry.next = entry.next.max(offset + 1);
    }

    /// An event has been handled; the offset to commit, where it moved.
    pub(crate) fn finish(&mut self, topic: &str, partition: i32, offset: i64) -> Option<i64> {
        let entry = self.partitions.get_mut(&(topic.to_owned(), partition))?;
        entry.in_flight.remove(&offset);
        let position = entry.in_flight.first().copied().unwrap_or(entry.next);
        (position > entry.committed).then(|| {
            entry.committed = position;
            position
        })
    }

    /// Last committed position of each partition that was read here.
    pub(crate) fn positions(&self) -> Vec<(String, i32, i64)> {
        self.partitions
            .iter()
            .map(|((topic, partition), p)| (topic.clone(), *partition, p.committed))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_the_contiguous_prefix() {
        let mut tracker = OffsetTracker::default();
        for offset in 10..14 {
            tracker.start("t", 0, offset);
        }
        assert_eq!(tracker.finish("t", 0, 12), Some(10));
        assert_eq!(tracker.finish("t", 0, 10), Some(11));
        assert_eq!(tracker.finish("t", 0, 11), Some(13));
        assert_eq!(tracker.finish("t", 0, 13), Some(14));
        assert_eq!(tracker.finish("t", 1, 13), None);
        assert_eq!(tracker.positions(), [("t".to_owned(), 0, 14)]);
    }

    #[test]
    fn a_rewound_partition_commits_again() {
        let mut tracker = OffsetTracker::default();
        tracker.start("t", 0, 50);
        assert_eq!(tracker.finish("t", 0, 50), Some(51));
        tracker.start("t", 0, 3);
        assert_eq!(tracker.finish("t", 0, 3), Some(4));
    }
}
