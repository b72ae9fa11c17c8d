//! The thread that reads the log for a queue: it shares items out to the shards, notes how far the queue
//! is, and keeps the queue from falling behind what the log may keep.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use skopos_core::{Clock as _, SystemClock};
use skopos_metrics::{LogFollower, LogRecord};
use skopos_remote_write::{
    Item, ItemKind, Passed, Place, Progress, Reading, ReshardLimits, Resharder, ShardProgress, SkipReason, shard_of,
};
use skopos_storage::Offset;

use super::counts::Sums;
use super::metrics;
use super::queue::Queue;
use super::shard::Shard;

/// Time between two notes of how far the queue is.
const NOTE_EVERY: Duration = Duration::from_secs(1);
/// Time between two decisions about the number of shards.
const RESHARD_EVERY: Duration = Duration::from_secs(10);
/// How long shards that are to be replaced may take to send what they have.
const RESHARD_WAIT: Duration = Duration::from_mins(1);
/// How long to wait for a record or for room at once.
const WAIT: Duration = Duration::from_millis(200);
/// Least time between two reads, so that appends are taken together.
const PAUSE: Duration = Duration::from_millis(5);
/// All series are defined anew in the log so many times within what it may keep for remotes.
const EPOCHS_IN_BACKLOG: u64 = 16;

/// Reads the log for a queue.
pub(super) struct Reader {
    queue: Arc<Queue>,
    follower: LogFollower,
    state: State,
    resharder: Resharder,
    sums: Sums,
    noted: Instant,
    resharded: Instant,
    /// Where the reader was then.
    looked_at: Offset,
    lost_records: u64,
}

/// What records are passed through.
struct State {
    reading: Reading,
    /// The newest epoch that was begun.
    epoch: Offset,
    shards: Vec<Arc<Shard>>,
    /// What another process dealt with, by shard.
    had: Vec<ShardProgress>,
    /// Everything before was dealt with by another process.
    had_all: Place,
    /// Samples before are no longer sent.
    floor: Offset,
    /// Everything before was read.
    read: Place,
}

impl Reader {
    pub(super) fn new(queue: Arc<Queue>, progress: &Progress) -> Self {
        let limits = &queue.remote().config.queue_config;
        let (min, max) = (limits.min_shards as usize, limits.max_shards as usize);
        let had_all = progress.shards.iter().map(|shard| shard.done).min().unwrap_or_default();
        Self {
            follower: queue.common.store.follow(progress.learn_from),
            looked_at: progress.learn_from,
            state: State {
                reading: Reading::new(queue.remote().rules.clone()),
                epoch: progress.learn_from,
                shards: queue.shards(),
                had: progress.shards.clone(),
                had_all,
                floor: progress.learn_from,
                read: had_all,
            },
            resharder: Resharder::new(ReshardLimits { min, max }),
            sums: Sums::default(),
            noted: Instant::now(),
            resharded: Instant::now(),
            lost_records: 0,
            queue,
        }
    }

    /// Reads until the queue ends.
    pub(super) fn run(mut self) {
        let _drained = self.queue.drained.clone().drop_guard();
        while !self.queue.stopping.is_cancelled() {
            let queue = Arc::clone(&self.queue);
            // Shards that are full hold the reader up: it must not read a whole piece of the log before it
            // looks whether they are too few.
            let look_at = self.noted + NOTE_EVERY;
            let has_more = self.follower.read(&mut |record| {
                let taken = self.state.take(&queue, record);
                if Instant::now() < look_at {
                    taken
                } else {
                    ControlFlow::Break(())
                }
            });
            match has_more {
                Ok(true) => {}
                Ok(false) if self.queue.draining.is_cancelled() => self.queue.drained.cancel(),
                Ok(false) => {
                    self.follower.wait(WAIT);
                    std::thread::sleep(PAUSE);
                }
                Err(error) => {
                    tracing::error!(
                        remote = queue.remote().name,
                        "failed to read the write-ahead log: {error}"
                    );
                    std::thread::sleep(WAIT);
                }
            }
            if self.queue.drained.is_cancelled() {
                std::thread::sleep(WAIT.min(PAUSE * 10));
            }
            if self.noted.elapsed() >= NOTE_EVERY {
                self.noted = Instant::now();
                self.note();
            }
            if self.resharded.elapsed() >= RESHARD_EVERY {
                self.reshard();
            }
        }
        self.note();
    }

    /// Notes how far the queue is, and lets go of what it no longer needs of the log.
    fn note(&mut self) {
        let queue = &self.queue;
        let lost = self.follower.lost_records();
        queue.metrics.lost_records(lost - self.lost_records);
        self.lost_records = lost;
        let read = self.state.read;
        let mut all_done = read;
        for (index, shard) in self.state.shards.iter().enumerate() {
            let done = shard.note_read(read);
            let had = self.state.had.get(index).map_or(done, |had| had.done);
            queue.position.done(index, done.max(had));
            all_done = all_done.min(done.max(had));
        }
        let needed = queue.common.store.epoch_at(all_done.offset).unwrap_or_default();
        let floor = self.state.floor_of(queue);
        if let Err(error) = queue.hold(needed.max(floor)) {
            tracing::error!(
                remote = queue.remote().name,
                "failed to note how far the queue is: {error:#}"
            );
        }
        let newest_ms = queue.counts.newest_read_ms.load(Ordering::Relaxed);
        if newest_ms > 0 {
            metrics::highest(newest_ms);
        }
        queue.metrics.waiting(queue.pending(), queue.backlog_bytes());
    }

    /// Changes the number of shards where the load asks for it and the receiver takes what they have.
    fn reshard(&mut self) {
        let elapsed = self.resharded.elapsed();
        self.resharded = Instant::now();
        let sums = self.queue.counts.sums();
        let behind = self.queue.counts.behind().saturating_add(self.unread(elapsed));
        let current = self.state.shards.len();
        let desired = self.resharder.desired(sums.since(self.sums, elapsed, behind), current);
        self.sums = sums;
        self.queue.desired.store(desired, Ordering::Relaxed);
        self.queue.metrics.shards(current, desired);
        let is_failing = self.queue.counts.is_failing.load(Ordering::Relaxed);
        // Shards of another process end the request that it was at first.
        let is_settled = self.state.had.iter().all(|had| had.sending <= self.state.read);
        if desired == current || is_failing || !is_settled || self.queue.draining.is_cancelled() {
            return;
        }
        if self.flush_shards() {
            let place = self.state.read;
            let one = ShardProgress {
                done: place,
                sending: place,
            };
            if let Err(error) = self
                .queue
                .position
                .replace(|progress| progress.shards = vec![one; desired])
            {
                tracing::error!(
                    remote = self.queue.remote().name,
                    "the number of shards stays: {error:#}"
                );
                return;
            }
            let progress = self.queue.position.progress();
            self.queue.start_shards(&progress);
            self.state.had = progress.shards;
            self.state.had_all = place;
            self.state.shards = self.queue.shards();
            tracing::info!(
                remote = self.queue.remote().name,
                from = current,
                to = desired,
                "the number of shards changed"
            );
        }
    }

    /// How long reading what the log has would take at the pace of the last `elapsed`. Shards that are full hold the
    /// reader up: what waits behind them shows here alone.
    fn unread(&mut self, elapsed: Duration) -> Duration {
        let at = self.follower.next_offset();
        let read = at.0 - std::mem::replace(&mut self.looked_at, at).0;
        let unread = self.queue.common.store.next_log_offset().0.saturating_sub(at.0);
        elapsed.mul_f64(unread as f64 / read.max(1) as f64)
    }

    /// Lets the shards send what they have. Returns whether they did.
    fn flush_shards(&self) -> bool {
        let shards = &self.state.shards;
        for shard in shards {
            shard.set_flushing(true);
        }
        let until = Instant::now() + RESHARD_WAIT;
        let mut is_idle = false;
        while !is_idle && Instant::now() < until && !self.queue.stopping.is_cancelled() {
            is_idle = shards.iter().all(|shard| shard.wait_idle(WAIT));
        }
        for shard in shards {
            shard.set_flushing(false);
        }
        is_idle
    }
}

impl State {
    fn take(&mut self, queue: &Queue, record: LogRecord) -> ControlFlow<()> {
        let offset = record.offset;
        if let Some(epoch) = queue.common.store.epoch_at(offset)
            && epoch > self.epoch
        {
            self.epoch = epoch;
            self.reading.begin_epoch();
        }
        self.reading.learn(&record);
        if Place::start_of(offset.next()) <= self.had_all {
            return ControlFlow::Continue(());
        }
        let now_ms = SystemClock.now_ms();
        let mut skipped = Skipped::default();
        let Self {
            reading,
            shards,
            had,
            had_all,
            floor,
            read,
            ..
        } = self;
        let passed = reading.pass(record, now_ms, |place, passed| {
            if place < *had_all {
                return ControlFlow::Continue(());
            }
            match passed {
                Passed::Skipped(kind, reason) => skipped.add(kind, reason),
                Passed::Item(item) => {
                    let index = shard_of(item.hash, shards.len());
                    if had.get(index).is_some_and(|had| place < had.done) {
                        return ControlFlow::Continue(());
                    }
                    queue.counts.note_read(item.timestamp_ms);
                    let Some(shard) = shards.get(index) else {
                        return ControlFlow::Continue(());
                    };
                    let kind = item.kind;
                    match push(queue, shard, item, floor) {
                        Pushed::Yes => {}
                        Pushed::BelowFloor => skipped.add(kind, SkipReason::TooFarBehind),
                        Pushed::Stopping => return ControlFlow::Break(()),
                    }
                }
            }
            *read = place.after();
            ControlFlow::Continue(())
        });
        skipped.note(queue);
        if passed.is_continue() {
            self.read = Place::start_of(offset.next());
        }
        passed
    }

    /// The place before which the log keeps nothing for remotes.
    fn floor_of(&mut self, queue: &Queue) -> Offset {
        raise_floor(queue, &mut self.floor);
        self.floor
    }
}

/// What became of an item that was to go to a shard.
enum Pushed {
    Yes,
    BelowFloor,
    Stopping,
}

/// Waits for room in a shard; a queue that is too far behind gives up what it would wait with.
fn push(queue: &Queue, shard: &Shard, mut item: Item, floor: &mut Offset) -> Pushed {
    loop {
        if item.place.offset < *floor {
            return Pushed::BelowFloor;
        }
        match shard.push(item, SystemClock.now_ms(), WAIT) {
            Ok(()) => return Pushed::Yes,
            Err(back) => item = back,
        }
        if queue.stopping.is_cancelled() {
            return Pushed::Stopping;
        }
        raise_floor(queue, floor);
    }
}

/// Looks what the log may keep, and lets go of more than that.
fn raise_floor(queue: &Queue, floor: &mut Offset) {
    let limits = &queue.common.limits;
    let store = &queue.common.store;
    if let Err(error) = store.begin_epoch_after(limits.bytes / EPOCHS_IN_BACKLOG) {
        tracing::error!("failed to begin an epoch of the write-ahead log: {error}");
    }
    let allowed = store.log_floor(limits.bytes, limits.age, SystemClock.now_ms());
    if allowed <= *floor {
        return;
    }
    *floor = allowed;
    if queue.held() < allowed {
        tracing::error!(
            remote = queue.remote().name,
            "{} was away for longer than the write-ahead log is kept (--storage.remote.backlog-size, \
             --storage.remote.backlog-time): older samples are not sent and are counted as too_far_behind",
            queue.remote().url
        );
        if let Err(error) = queue.hold(allowed) {
            tracing::error!(remote = queue.remote().name, "failed to let go of the log: {error:#}");
        }
    }
}

impl Queue {
    /// Keeps the log from `from` on and no more.
    fn hold(&self, from: Offset) -> anyhow::Result<()> {
        if from <= self.held() {
            return Ok(());
        }
        self.position.replace(|progress| progress.learn_from = from)?;
        self.common.store.hold_log(&self.remote().key, from)?;
        Ok(())
    }

    /// From where on the log is kept for it.
    pub(super) fn held(&self) -> Offset {
        self.position.learn_from()
    }

    /// Bytes of the log that are kept for it.
    pub(super) fn backlog_bytes(&self) -> u64 {
        self.common.store.log_bytes_from(self.held())
    }
}

/// Items that are not sent, of one record.
#[derive(Default)]
struct Skipped(Vec<(ItemKind, SkipReason, u64)>);

impl Skipped {
    fn add(&mut self, kind: ItemKind, reason: SkipReason) {
        match self.0.iter_mut().find(|line| (line.0, line.1) == (kind, reason)) {
            Some(line) => line.2 += 1,
            None => self.0.push((kind, reason, 1)),
        }
    }

    fn note(self, queue: &Queue) {
        for (kind, reason, count) in self.0 {
            queue.note_dropped(kind, reason, count);
        }
    }
}
