//! A bounded number of threads for rules: groups side by side, and inside a group the rules that do
//! not depend on each other.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use anyhow::Context as _;
use crossbeam_channel::{Sender, unbounded};
use parking_lot::Mutex;
use skopos_rules::{GroupHandle, Runner};

/// How many evaluations run at once, and how many may.
#[derive(Debug)]
pub(super) struct Slots {
    most: usize,
    taken: AtomicUsize,
}

impl Slots {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            taken: AtomicUsize::new(0),
        }
    }

    /// Takes up to `wanted` slots; gives how many.
    fn take(&self, wanted: usize) -> usize {
        let mut got = 0;
        let taken = self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, |taken| {
            got = wanted.min(self.most.saturating_sub(taken));
            (got > 0).then_some(taken + got)
        });
        if taken.is_ok() { got } else { 0 }
    }

    fn give_back(&self, count: usize) {
        self.taken.fetch_sub(count, Ordering::AcqRel);
    }
}

/// The rules of a stage on the calling thread, and on as many more as there are free slots.
impl Runner for Slots {
    fn run(&self, count: usize, task: &(dyn Fn(usize) + Sync)) {
        let helpers = self.take(count.saturating_sub(1));
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return;
                }
                task(number);
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..helpers {
                scope.spawn(work);
            }
            work();
        });
        self.give_back(helpers);
    }
}

/// Threads that evaluate groups. A group is never given out twice at a time.
pub(super) struct Pool {
    orders: Sender<GroupHandle>,
    at_work: Arc<Mutex<HashSet<usize>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// Starts as many threads as there are slots; each calls `evaluate` with a group and the
    /// slots, by which rules of a group run side by side.
    pub(super) fn start(
        most: usize,
        evaluate: impl Fn(&GroupHandle, &dyn Runner) + Clone + Send + 'static,
    ) -> anyhow::Result<Self> {
        let (orders, inbox) = unbounded::<GroupHandle>();
        let slots = Arc::new(Slots::new(most));
        let at_work: Arc<Mutex<HashSet<usize>>> = Arc::default();
        let mut threads = Vec::new();
        for number in 0..slots.most {
            let (inbox, slots, at_work) = (inbox.clone(), Arc::clone(&slots), Arc::clone(&at_work));
            let evaluate = evaluate.clone();
            let work = move || {
                for group in inbox {
                    // Helpers of another group may hold the slot: then this thread is one too many for
                    // the time that they need.
                    let slot = slots.take(1);
                    evaluate(&group, &*slots);
                    slots.give_back(slot);
                    at_work.lock().remove(&group.id());
                }
            };
            let thread = std::thread::Builder::new().name(format!("rules-{number}"));
            threads.push(thread.spawn(work).context("failed to start a rule thread")?);
        }
        Ok(Self {
            orders,
            at_work,
            threads,
        })
    }

    /// Whether the group is being evaluated, or about to be.
    pub(super) fn is_at_work(&self, group: &GroupHandle) -> bool {
        self.at_work.lock().contains(&group.id())
    }

    /// Has the group evaluated by the next free thread.
    pub(super) fn order(&self, group: GroupHandle) {
        if self.at_work.lock().insert(group.id()) && self.orders.send(group).is_err() {
            tracing::error!("no rule thread is left: restart Skopos to have rules evaluated");
        }
    }

    /// Ends the threads after what they do now.
    pub(super) fn stop(self) {
        drop(self.orders);
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a rule thread had panicked");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_runs_once_and_slots_come_back() {
        let slots = Slots::new(3);
        let calls: Vec<AtomicUsize> = (0..50).map(|_| AtomicUsize::new(0)).collect();
        slots.run(calls.len(), &|number| {
            calls[number].fetch_add(1, Ordering::Relaxed);
        });
        assert!(calls.iter().all(|calls| calls.load(Ordering::Relaxed) == 1));
        assert_eq!(slots.taken.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn no_more_slots_than_there_are() {
        let slots = Slots::new(2);
        assert_eq!((slots.take(5), slots.take(1)), (2, 0));
        slots.give_back(2);
        assert_eq!(slots.take(1), 1);
    }
}
