//! A queue: its reader, its shards, and how they begin and end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use parking_lot::Mutex;
use skopos_remote_write::{Progress, QueueLimits};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::counts::Counts;
use super::metrics::RemoteMetrics;
use super::position::Position;
use super::reader::Reader;
use super::remote::Remote;
use super::shard::{self, Shard};
use super::{Common, metadata};

/// Time between two looks at a queue that is to end.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long an end waits for a receiver that does not answer.
const GRACE: Duration = Duration::from_secs(1);

/// How a queue ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// What is in the log is sent first.
    Drain,
    /// Another takes over what is in the log.
    HandOver,
}

/// A queue that runs.
#[derive(Debug)]
pub(super) struct Queue {
    remote: Arc<Remote>,
    pub(super) common: Arc<Common>,
    pub(super) position: Position,
    pub(super) metrics: RemoteMetrics,
    pub(super) counts: Counts,
    /// When samples that were refused were last told of.
    pub(super) told_ms: Mutex<i64>,
    pub(super) shards: Mutex<Vec<Arc<Shard>>>,
    pub(super) desired: AtomicUsize,
    tasks: Mutex<JoinSet<()>>,
    runtime: tokio::runtime::Handle,
    /// The reader reads to the end of the log and no further.
    pub(super) draining: CancellationToken,
    /// The reader has read all.
    pub(super) drained: CancellationToken,
    /// The reader stops where it is.
    pub(super) stopping: CancellationToken,
    /// Requests under way are given up.
    abort: CancellationToken,
}

impl Queue {
    /// Begins where its file says, or at the end of the log.
    pub(super) fn start(remote: Arc<Remote>, common: Arc<Common>) -> anyhow::Result<Arc<Self>> {
        let config = &remote.config.queue_config;
        let store = &common.store;
        // Before anything else, so that a flush leaves what is there.
        let held = store.next_log_offset();
        let position = Position::open(&common.folder, &remote.key, held, || {
            store.hold_log(&remote.key, held)?;
            let from = store.begin_epoch_after(0)?;
            Ok(Progress::begin(from, from, config.min_shards as usize))
        })?;
        let progress = position.progress();
        store.hold_log(&remote.key, progress.learn_from)?;
        let metrics = RemoteMetrics::new(&remote.name, &remote.url);
        metrics.limits(
            config.capacity,
            config.max_samples_per_send,
            (config.min_shards, config.max_shards),
        );
        let queue = Arc::new(Self {
            remote,
            position,
            metrics,
            counts: Counts::default(),
            told_ms: Mutex::new(0),
            shards: Mutex::default(),
            desired: AtomicUsize::new(progress.shards.len()),
            tasks: Mutex::default(),
            runtime: tokio::runtime::Handle::current(),
            draining: CancellationToken::new(),
            drained: CancellationToken::new(),
            stopping: CancellationToken::new(),
            abort: CancellationToken::new(),
            common,
        });
        queue.start_shards(&progress);
        let metadata = metadata::run(Arc::clone(&queue), queue.stopping.clone());
        queue.tasks.lock().spawn_on(metadata, &queue.runtime);
        let reader = Reader::new(Arc::clone(&queue), &progress);
        std::thread::Builder::new()
            .name("remote-write".to_owned())
            .spawn(move || reader.run())
            .context("failed to start a thread")?;
        tracing::info!(
            remote = queue.remote.name,
            from = progress.shards.iter().map(|shard| shard.done.offset.0).min(),
            shards = progress.shards.len(),
            "samples are sent to {}",
            queue.remote.url
        );
        Ok(queue)
    }

    /// Its remote.
    pub(super) fn remote(&self) -> &Arc<Remote> {
        &self.remote
    }

    /// Puts other shards in place of those there are, which are idle.
    pub(super) fn start_shards(self: &Arc<Self>, progress: &Progress) {
        let config = &self.remote.config.queue_config;
        let limits = QueueLimits {
            capacity: config.capacity as usize,
            batch: config.max_samples_per_send as usize,
            deadline: config.batch_send_deadline,
        };
        let shards = progress.shards.iter().enumerate().map(|(index, shard)| {
            let resend_until = (shard.sending > shard.done).then_some(shard.sending);
            Arc::new(Shard::new(index, limits, resend_until))
        });
        let shards: Vec<_> = shards.collect();
        let mut tasks = self.tasks.lock();
        while tasks.try_join_next().is_some() {}
        for shard in &shards {
            let task = shard::run(Arc::clone(shard), Arc::clone(self), self.abort.clone());
            tasks.spawn_on(task, &self.runtime);
        }
        drop(tasks);
        let before = std::mem::replace(&mut *self.shards.lock(), shards);
        for shard in before {
            shard.close();
        }
        let desired = self.desired.load(Ordering::Relaxed);
        self.metrics.shards(progress.shards.len(), desired);
    }

    /// Its shards now.
    pub(super) fn shards(&self) -> Vec<Arc<Shard>> {
        self.shards.lock().clone()
    }

    /// Items that wait in shards.
    pub(super) fn pending(&self) -> usize {
        self.shards.lock().iter().map(|shard| shard.pending()).sum()
    }

    /// Ends it. What is not sent by then stays in the log.
    pub(super) async fn end(&self, how: End, deadline: Duration) {
        let until = Instant::now() + deadline;
        if how == End::Drain {
            self.draining.cancel();
            self.wait(until, || self.drained.is_cancelled()).await;
            for shard in self.shards() {
                shard.set_flushing(true);
            }
            self.wait(until, || self.pending() == 0).await;
        }
        self.stopping.cancel();
        for shard in self.shards() {
            shard.close();
        }
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        let ended = async { while tasks.join_next().await.is_some() {} };
        let is_failing = self.counts.is_failing.load(Ordering::Relaxed);
        let left = if is_failing {
            GRACE
        } else {
            until.saturating_duration_since(Instant::now()).max(GRACE)
        };
        if tokio::time::timeout(left, ended).await.is_err() {
            self.abort.cancel();
            while tasks.join_next().await.is_some() {}
        }
        // The reader may be waiting for a shard.
        while !self.drained.is_cancelled() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let pending = self.pending();
        if how == End::Drain && pending > 0 {
            tracing::warn!(
                remote = self.remote.name,
                "{pending} samples and what follows them in the log were not sent to {} before the end; they are after the next start",
                self.remote.url
            );
        }
    }

    /// Waits for something, but not for long where the receiver does not answer.
    async fn wait(&self, until: Instant, is_so: impl Fn() -> bool) {
        let mut failing_since: Option<Instant> = None;
        while !is_so() && Instant::now() < until {
            if self.counts.is_failing.load(Ordering::Relaxed) {
                let since = *failing_since.get_or_insert_with(Instant::now);
                if since.elapsed() > GRACE {
                    return;
                }
            } else {
                failing_since = None;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
