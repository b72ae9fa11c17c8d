//! A shard: the items that wait, and the task that sends them one request after the other.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use skopos_core::{Clock as _, SystemClock};
use skopos_remote_write::{Item, Place, Polled, QueueLimits, ShardQueue};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::queue::Queue;

/// A shard of a queue.
#[derive(Debug)]
pub(super) struct Shard {
    index: usize,
    state: Mutex<State>,
    /// Rings when there may be something to do.
    filled: Notify,
    /// Rings when there is room, or nothing is under way any more.
    room: Condvar,
    /// Nothing more is begun; what waits is left.
    closed: CancellationToken,
}

#[derive(Debug)]
struct State {
    queue: ShardQueue,
    /// The first item of the request that is under way.
    under_way: Option<Place>,
    waiting_items: usize,
    /// What is there is sent without waiting for more.
    is_flushing: bool,
}

impl Shard {
    pub(super) fn new(index: usize, limits: QueueLimits, resend_until: Option<Place>) -> Self {
        Self {
            index,
            state: Mutex::new(State {
                queue: ShardQueue::new(limits, resend_until),
                under_way: None,
                waiting_items: 0,
                is_flushing: false,
            }),
            filled: Notify::new(),
            room: Condvar::new(),
            closed: CancellationToken::new(),
        }
    }

    /// Adds an item; gives it back if there is no room within `wait`.
    pub(super) fn push(&self, item: Item, now_ms: i64, wait: Duration) -> Result<(), Item> {
        let mut state = self.state.lock();
        let was_empty = state.queue.is_empty();
        let pushed = match state.queue.push(item, now_ms) {
            Ok(()) => Ok(()),
            Err(item) => {
                self.room.wait_for(&mut state, wait);
                state.queue.push(item, now_ms)
            }
        };
        let must_ring = was_empty || state.queue.is_due(now_ms);
        drop(state);
        if must_ring {
            self.filled.notify_one();
        }
        pushed
    }

    /// Says how far the log was read, and gives the place before which everything of this shard is dealt with.
    pub(super) fn note_read(&self, place: Place) -> Place {
        let mut state = self.state.lock();
        state.queue.note_read(place);
        let must_ring = state.queue.is_due(0);
        let first = state.under_way.or_else(|| state.queue.first_place());
        drop(state);
        if must_ring {
            self.filled.notify_one();
        }
        first.unwrap_or(place)
    }

    /// Items that wait or are under way.
    pub(super) fn pending(&self) -> usize {
        let state = self.state.lock();
        state.queue.len() + state.waiting_items
    }

    /// Sends what is there without waiting for more, or no longer so.
    pub(super) fn set_flushing(&self, is_flushing: bool) {
        self.state.lock().is_flushing = is_flushing;
        self.filled.notify_one();
    }

    /// Waits until nothing waits and nothing is under way, but not longer than `wait`. Returns whether it is so.
    pub(super) fn wait_idle(&self, wait: Duration) -> bool {
        let mut state = self.state.lock();
        if !state.is_idle() {
            self.room.wait_for(&mut state, wait);
        }
        state.is_idle()
    }

    /// Begins nothing more.
    pub(super) fn close(&self) {
        self.closed.cancel();
    }

    fn poll(&self) -> Polled {
        let mut state = self.state.lock();
        let is_flushing = state.is_flushing;
        let polled = state.queue.poll(SystemClock.now_ms(), is_flushing);
        if let Polled::Batch(items) = &polled {
            state.under_way = items.first().map(|item| item.place);
            state.waiting_items = items.len();
        }
        drop(state);
        self.room.notify_all();
        polled
    }

    fn finish(&self) {
        let mut state = self.state.lock();
        state.under_way = None;
        state.waiting_items = 0;
        drop(state);
        self.room.notify_all();
    }
}

impl State {
    fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.under_way.is_none()
    }
}

/// Sends what comes into a shard until it is closed; `abort` gives up what is under way.
pub(super) async fn run(shard: Arc<Shard>, queue: Arc<Queue>, abort: CancellationToken) {
    while !shard.closed.is_cancelled() {
        let wait_ms = match shard.poll() {
            Polled::Batch(items) => {
                tokio::select! {
                    biased;
                    () = abort.cancelled() => return,
                    () = queue.deliver(shard.index, items) => {}
                }
                shard.finish();
                continue;
            }
            Polled::Until(at_ms) => Some(at_ms - SystemClock.now_ms()),
            Polled::Empty => None,
        };
        tokio::select! {
            () = shard.filled.notified() => {}
            () = shard.closed.cancelled() => {}
            () = elapsed(wait_ms) => {}
        }
    }
}

/// Returns after so many milliseconds, or never.
async fn elapsed(wait_ms: Option<i64>) {
    match wait_ms {
        Some(wait_ms) => tokio::time::sleep(Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0))).await,
        None => std::future::pending().await,
    }
}
