//! Merges entries of many places by time. A place is opened only when the merge reaches the time
//! at which it may hold the next entry, so a query for the newest hundred lines reads little.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::ControlFlow;

use skopos_core::Labels;
use skopos_core::log::{Direction, LogEntry};

/// Entries in the order of the merge.
#[derive(Debug)]
pub(crate) struct Run<S> {
    /// The entries and their streams.
    pub(crate) entries: std::vec::IntoIter<(Labels, LogEntry)>,
    /// What follows them, and the time from which on it may hold entries.
    pub(crate) rest: Option<(i64, S)>,
}

enum Item<S> {
    /// Not opened yet.
    Place(S),
    /// The next entry and what comes after it.
    Run { next: (Labels, LogEntry), run: Run<S> },
}

struct Slot<S> {
    /// Greater comes first.
    key: (i64, u64),
    item: Item<S>,
}

impl<S> PartialEq for Slot<S> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<S> Eq for Slot<S> {}

impl<S> PartialOrd for Slot<S> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<S> Ord for Slot<S> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

/// A merge over places of type `S`.
pub(crate) struct Merge<S> {
    direction: Direction,
    slots: BinaryHeap<Slot<S>>,
}

impl<S> Merge<S> {
    pub(crate) fn new(direction: Direction) -> Self {
        Self {
            direction,
            slots: BinaryHeap::new(),
        }
    }

    /// Times and ranks grow in the direction of the merge; the heap gives its greatest first.
    fn key(&self, time_ns: i64, rank: u64) -> (i64, u64) {
        match self.direction {
            Direction::Forward => (!time_ns, !rank),
            Direction::Backward => (time_ns, rank),
        }
    }

    fn rank(&self, key: (i64, u64)) -> u64 {
        match self.direction {
            Direction::Forward => !key.1,
            Direction::Backward => key.1,
        }
    }

    /// Adds a place that has entries from `(min_ns, max_ns)` only. Of two entries of one time, the
    /// one of the lower rank is the older.
    pub(crate) fn add(&mut self, (min_ns, max_ns): (i64, i64), rank: u64, place: S) {
        let time_ns = match self.direction {
            Direction::Forward => min_ns,
            Direction::Backward => max_ns,
        };
        self.add_at(time_ns, rank, place);
    }

    fn add_at(&mut self, time_ns: i64, rank: u64, place: S) {
        let key = self.key(time_ns, rank);
        self.slots.push(Slot {
            key,
            item: Item::Place(place),
        });
    }

    fn add_run(&mut self, rank: u64, mut run: Run<S>) {
        match (run.entries.next(), run.rest.take()) {
            (Some(next), rest) => {
                run.rest = rest;
                let key = self.key(next.1.timestamp_ns, rank);
                let item = Item::Run { next, run };
                self.slots.push(Slot { key, item });
            }
            (None, Some((time_ns, rest))) => self.add_at(time_ns, rank, rest),
            (None, None) => {}
        }
    }

    /// Calls `visit` for each entry in order until it breaks. `open` opens a place of a rank: it
    /// gives the run that begins there, and may add further places.
    pub(crate) fn run<E>(
        mut self,
        mut open: impl FnMut(S, u64, &mut Self) -> Result<Option<Run<S>>, E>,
        visit: &mut dyn FnMut(&Labels, &LogEntry) -> ControlFlow<()>,
    ) -> Result<(), E> {
        while let Some(slot) = self.slots.pop() {
            let rank = self.rank(slot.key);
            match slot.item {
                Item::Place(place) => {
                    if let Some(run) = open(place, rank, &mut self)? {
                        self.add_run(rank, run);
                    }
                }
                Item::Run { mut next, mut run } => loop {
                    if visit(&next.0, &next.1).is_break() {
                        return Ok(());
                    }
                    let Some(following) = run.entries.next() else {
                        self.add_run(rank, run);
                        break;
                    };
                    next = following;
                    let key = self.key(next.1.timestamp_ns, rank);
                    // While the run stays in front, the heap need not be touched.
                    if self.slots.peek().is_some_and(|other| other.key > key) {
                        let item = Item::Run { next, run };
                        self.slots.push(Slot { key, item });
                        break;
                    }
                },
            }
        }
        Ok(())
    }
}
