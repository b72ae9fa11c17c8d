//! The samples that wait in one shard, and when they make a request.

use std::collections::VecDeque;
use std::time::Duration;

use skopos_wire::remote_write::OutgoingItem;

use crate::progress::Place;
use crate::reading::ItemKind;

/// A sample, histogram or exemplar on its way out.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Where it lies in the log.
    pub place: Place,
    /// The hash of its series, which chooses the shard.
    pub hash: u64,
    /// What it is.
    pub kind: ItemKind,
    /// Its time in milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
    /// It, as it is sent.
    pub outgoing: OutgoingItem,
}

/// Bounds of a shard.
#[derive(Debug, Clone, Copy)]
pub struct QueueLimits {
    /// Most items that wait.
    pub capacity: usize,
    /// Most items of a request.
    pub batch: usize,
    /// How long an item waits for others at most.
    pub deadline: Duration,
}

/// What a shard has to do.
#[derive(Debug, PartialEq)]
pub enum Polled {
    /// To send these.
    Batch(Vec<Item>),
    /// To look again at this time, in milliseconds of the clock that `now_ms` is of, or when there is more.
    Until(i64),
    /// To look again when there is more.
    Empty,
}

/// The request that another process may have sent.
enum Resend {
    /// There is none, or it was made again.
    Nothing,
    /// Not all of it was read.
    Unknown,
    /// It has so many of the first items.
    Items(usize),
}

/// The items of the series of one shard, in the order of the log.
#[derive(Debug)]
pub struct ShardQueue {
    limits: QueueLimits,
    items: VecDeque<Item>,
    /// When the oldest came.
    since_ms: i64,
    /// A request that another process may have sent: what lies before this place makes one again.
    resend_until: Option<Place>,
    /// Everything before was read from the log.
    read_until: Place,
}

impl ShardQueue {
    /// An empty queue; `resend_until` is the end of the request that was under way when a process ended.
    pub fn new(limits: QueueLimits, resend_until: Option<Place>) -> Self {
        Self {
            limits,
            items: VecDeque::new(),
            since_ms: 0,
            resend_until,
            read_until: Place::default(),
        }
    }

    /// Adds an item. Gives it back if there is no room.
    pub fn push(&mut self, item: Item, now_ms: i64) -> Result<(), Item> {
        if self.items.len() >= self.limits.capacity.max(self.limits.batch) {
            return Err(item);
        }
        if self.items.is_empty() {
            self.since_ms = now_ms;
        }
        self.items.push_back(item);
        Ok(())
    }

    /// Says that everything before `place` was read from the log.
    pub fn note_read(&mut self, place: Place) {
        self.read_until = place;
    }

    /// Whether the next request can be taken at once.
    pub fn is_due(&self, now_ms: i64) -> bool {
        match self.resend() {
            Resend::Items(_) => true,
            Resend::Unknown => false,
            Resend::Nothing => {
                self.items.len() >= self.limits.batch || (!self.items.is_empty() && now_ms >= self.deadline_ms())
            }
        }
    }

    /// The next request, if it is time for one. `is_ending` does not wait for more.
    pub fn poll(&mut self, now_ms: i64, is_ending: bool) -> Polled {
        match self.resend() {
            Resend::Unknown if !is_ending => return Polled::Empty,
            Resend::Items(count) if count > 0 => {
                self.resend_until = None;
                return self.take(count, now_ms);
            }
            Resend::Unknown | Resend::Items(_) => self.resend_until = None,
            Resend::Nothing => {}
        }
        if self.items.is_empty() {
            return Polled::Empty;
        }
        if is_ending || self.is_due(now_ms) {
            return self.take(self.limits.batch, now_ms);
        }
        Polled::Until(self.deadline_ms())
    }

    fn resend(&self) -> Resend {
        let Some(until) = self.resend_until else {
            return Resend::Nothing;
        };
        let length = self.items.partition_point(|item| item.place < until);
        let is_complete = length < self.items.len() || self.read_until >= until || length >= self.limits.batch;
        if is_complete {
            Resend::Items(length.min(self.limits.batch))
        } else {
            Resend::Unknown
        }
    }

    fn take(&mut self, count: usize, now_ms: i64) -> Polled {
        let count = count.min(self.items.len());
        self.since_ms = now_ms;
        Polled::Batch(self.items.drain(..count).collect())
    }

    fn deadline_ms(&self) -> i64 {
        let wait_ms = i64::try_from(self.limits.deadline.as_millis()).unwrap_or(i64::MAX);
        self.since_ms.saturating_add(wait_ms)
    }

    /// The place of the oldest item.
    pub fn first_place(&self) -> Option<Place> {
        self.items.front().map(|item| item.place)
    }

    /// How many items wait.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use skopos_core::Labels;
    use skopos_storage::Offset;
    use skopos_wire::remote_write::OutgoingValue;

    use super::*;

    fn item(offset: u64) -> Item {
        Item {
            place: Place::start_of(Offset(offset)),
            hash: 0,
            kind: ItemKind::Float,
            timestamp_ms: 0,
            outgoing: OutgoingItem {
                labels: Labels::empty(),
                start_ms: 0,
                metadata: None,
                value: OutgoingValue::Float {
                    timestamp_ms: 0,
                    value: 0.0,
                },
            },
        }
    }

    fn limits(capacity: usize, batch: usize) -> QueueLimits {
        QueueLimits {
            capacity,
            batch,
            deadline: Duration::from_secs(5),
        }
    }

    fn offsets(polled: Polled) -> Vec<u64> {
        match polled {
            Polled::Batch(items) => items.iter().map(|item| item.place.offset.0).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn a_request_is_full_or_has_waited() {
        let mut queue = ShardQueue::new(limits(3, 2), None);
        assert_eq!(queue.poll(0, false), Polled::Empty);
        queue.push(item(1), 100).expect("room");
        assert_eq!(queue.poll(100, false), Polled::Until(5100));
        assert_eq!(offsets(queue.poll(5100, false)), [1]);
        for offset in 2..5 {
            queue.push(item(offset), 6000).expect("room");
        }
        assert!(queue.push(item(5), 6000).is_err(), "the queue is full");
        assert_eq!(offsets(queue.poll(6000, false)), [2, 3]);
        assert_eq!(queue.first_place(), Some(Place::start_of(Offset(4))));
        assert_eq!(offsets(queue.poll(6000, true)), [4], "the end waits for no more");
    }

    #[test]
    fn the_request_under_way_is_sent_again_as_it_was() {
        let mut queue = ShardQueue::new(limits(10, 5), Some(Place::start_of(Offset(3))));
        queue.push(item(1), 0).expect("room");
        queue.push(item(2), 0).expect("room");
        assert_eq!(queue.poll(9_000, false), Polled::Empty, "there may be more of it");
        queue.push(item(3), 0).expect("room");
        assert_eq!(offsets(queue.poll(0, false)), [1, 2]);
        assert_eq!(queue.poll(0, false), Polled::Until(5000));
        // Where the log has nothing more of it, what was read says so.
        let mut queue = ShardQueue::new(limits(10, 5), Some(Place::start_of(Offset(3))));
        queue.push(item(1), 0).expect("room");
        queue.note_read(Place::start_of(Offset(3)));
        assert_eq!(offsets(queue.poll(0, false)), [1]);
    }

    proptest! {
        #[test]
        fn every_item_leaves_once_and_in_order(steps in proptest::collection::vec((any::<bool>(), 0i64..3000), 0..200), resend in 0u64..30) {
            let mut queue = ShardQueue::new(limits(7, 4), Some(Place::start_of(Offset(resend))));
            let (mut now_ms, mut next, mut left) = (0, 0u64, Vec::new());
            for (is_push, step_ms) in steps {
                now_ms += step_ms;
                if is_push {
                    if queue.push(item(next), now_ms).is_ok() {
                        next += 1;
                    }
                    queue.note_read(Place::start_of(Offset(next)));
                } else {
                    left.extend(offsets(queue.poll(now_ms, false)));
                }
                prop_assert!(queue.len() <= 7);
            }
            while !queue.is_empty() {
                left.extend(offsets(queue.poll(now_ms, true)));
            }
            prop_assert_eq!(left, (0..next).collect::<Vec<_>>());
        }
    }
}
