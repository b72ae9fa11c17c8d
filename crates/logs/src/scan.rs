//! Merges entries of many streams by time, and loads parts only when their time has come.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::ControlFlow;

use skopos_core::Labels;
use skopos_core::log::{Direction, LogEntry};

/// Entries of one stream on their way out; the next one is the last of the list.
struct Cursor {
    labels: Labels,
    entries: Vec<LogEntry>,
    direction: Direction,
}

impl Cursor {
    fn next_ns(&self) -> i64 {
        self.entries.last().map_or(0, |entry| entry.timestamp_ns)
    }
}

impl PartialEq for Cursor {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Cursor {}

impl PartialOrd for Cursor {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The greatest cursor is the one whose entry comes next; streams break ties.
impl Ord for Cursor {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_time = match self.direction {
            Direction::Backward => self.next_ns().cmp(&other.next_ns()),
            Direction::Forward => other.next_ns().cmp(&self.next_ns()),
        };
        by_time.then_with(|| other.labels.cmp(&self.labels))
    }
}

/// A source that is read when the merge reaches its time.
pub(crate) struct Pending<S> {
    /// Least time in nanoseconds.
    pub(crate) min_ns: i64,
    /// Greatest time in nanoseconds.
    pub(crate) max_ns: i64,
    /// What to load.
    pub(crate) source: S,
}

/// A merge of loaded entries and pending sources.
pub(crate) struct Merge<S> {
    direction: Direction,
    cursors: BinaryHeap<Cursor>,
    /// Sorted so that the next one due is the last.
    pending: Vec<Pending<S>>,
}

impl<S> Merge<S> {
    /// A merge of sources that are all still to be loaded.
    pub(crate) fn new(direction: Direction, mut pending: Vec<Pending<S>>) -> Self {
        match direction {
            Direction::Backward => pending.sort_by_key(|source| source.max_ns),
            Direction::Forward => pending.sort_by_key(|source| std::cmp::Reverse(source.min_ns)),
        }
        Self {
            direction,
            cursors: BinaryHeap::new(),
            pending,
        }
    }

    /// Adds loaded entries, each stream sorted by time, oldest first.
    pub(crate) fn add(&mut self, streams: Vec<(Labels, Vec<LogEntry>)>) {
        for (labels, mut entries) in streams {
            if self.direction == Direction::Forward {
                entries.reverse();
            }
            if !entries.is_empty() {
                self.cursors.push(Cursor {
                    labels,
                    entries,
                    direction: self.direction,
                });
            }
        }
    }

    /// Calls `visit` for each entry in order until it breaks.
    pub(crate) fn run<E>(
        mut self,
        mut load: impl FnMut(S) -> Result<Vec<(Labels, Vec<LogEntry>)>, E>,
        visit: &mut dyn FnMut(&Labels, &LogEntry) -> ControlFlow<()>,
    ) -> Result<(), E> {
        loop {
            while let Some(source) = self.next_due() {
                let streams = load(source)?;
                self.add(streams);
            }
            let Some(mut cursor) = self.cursors.pop() else {
                return Ok(());
            };
            if let Some(entry) = cursor.entries.pop()
                && visit(&cursor.labels, &entry).is_break()
            {
                return Ok(());
            }
            if !cursor.entries.is_empty() {
                self.cursors.push(cursor);
            }
        }
    }

    /// The next source that may hold an entry before the next loaded one.
    fn next_due(&mut self) -> Option<S> {
        let next = self.pending.last()?;
        let is_due = self.cursors.peek().is_none_or(|cursor| match self.direction {
            Direction::Backward => next.max_ns >= cursor.next_ns(),
            Direction::Forward => next.min_ns <= cursor.next_ns(),
        });
        if is_due {
            self.pending.pop().map(|pending| pending.source)
        } else {
            None
        }
    }
}
