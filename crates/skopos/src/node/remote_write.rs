//! `remote_write`: what the metric store took in is sent on to outside stores.
//!
//! ```text
//!   log of the metric store ─▶ reader (a thread) ─▶ shards (tasks) ─▶ POST
//!            ▲ hold                  │ every second: place in the log
//!            └───────────────────────┴─▶ remote-write/<name>.position
//! ```
//!
//! There is one queue for each remote. It reads the log on its own, so that a slow receiver keeps nobody
//! waiting, and holds what it has not sent yet. Decisions are those of `skopos-remote-write`.

mod client;
mod counts;
mod deliver;
mod metadata;
mod metrics;
mod position;
mod queue;
mod reader;
mod remote;
mod shard;
mod shown;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use skopos_core::ledger::Ledger;
use skopos_metrics::MetricStore;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::sources::Loaded;
use queue::{End, Queue};
use remote::Remote;
pub(super) use remote::{name_of, shown_url};

/// How long a request that is under way may take when its queue is replaced by another.
const HAND_OVER: Duration = Duration::from_secs(5);

/// How long the log is kept for receivers that are away, and how long the end waits for them.
#[derive(Debug, Clone, Copy)]
pub(super) struct BacklogLimits {
    /// Bytes of the log.
    pub(super) bytes: u64,
    /// Age of the log.
    pub(super) age: Duration,
    /// How long samples may still be sent once the end is asked for.
    pub(super) flush_deadline: Duration,
}

/// What all queues share.
#[derive(Debug)]
struct Common {
    store: MetricStore,
    ledger: Arc<Ledger>,
    folder: PathBuf,
    limits: BacklogLimits,
    running: ArcSwap<Vec<Arc<Queue>>>,
}

/// The remotes that samples are sent to.
#[derive(Debug)]
pub(super) struct RemoteWrites {
    common: Arc<Common>,
    wanted: watch::Sender<Vec<Arc<Remote>>>,
    end: CancellationToken,
    supervisor: Mutex<Option<JoinHandle<()>>>,
}

/// Remotes of a configuration, ready to be switched to.
#[derive(Debug)]
pub(super) struct Prepared(Vec<Arc<Remote>>);

impl RemoteWrites {
    /// Sends nothing yet.
    pub(super) fn new(store: MetricStore, ledger: Arc<Ledger>, folder: PathBuf, limits: BacklogLimits) -> Self {
        let common = Arc::new(Common {
            store,
            ledger,
            folder,
            limits,
            running: ArcSwap::default(),
        });
        let (wanted, wishes) = watch::channel(Vec::new());
        let end = CancellationToken::new();
        let supervisor = tokio::spawn(supervise(Arc::clone(&common), wishes, end.clone()));
        Self {
            common,
            wanted,
            end,
            supervisor: Mutex::new(Some(supervisor)),
        }
    }

    /// The remotes of a configuration. Those that stay as they are stay the same.
    pub(super) fn prepare(&self, loaded: &Loaded) -> anyhow::Result<Prepared> {
        remote::all_of(&loaded.config, &self.wanted.borrow()).map(Prepared)
    }

    /// Switches to others. A queue whose settings changed goes on where the one before it was.
    pub(super) fn apply(&self, prepared: Prepared) {
        self.wanted.send_replace(prepared.0);
    }

    /// Sends what waits, as long as that goes well and the deadline allows. What is left is sent after the
    /// next start: the log is held until the stores are closed.
    pub(super) async fn stop(&self) {
        self.end.cancel();
        let supervisor = self.supervisor.lock().take();
        if let Some(supervisor) = supervisor
            && supervisor.await.is_err()
        {
            tracing::error!("sending to remotes ended by a panic");
        }
    }
}

/// Runs the queues that are wanted, until the end.
async fn supervise(common: Arc<Common>, mut wishes: watch::Receiver<Vec<Arc<Remote>>>, end: CancellationToken) {
    let mut queues: BTreeMap<String, Arc<Queue>> = BTreeMap::new();
    // Nothing has been applied before the first wish.
    while tokio::select! { biased; changed = wishes.changed() => changed.is_ok(), () = end.cancelled() => false } {
        let wanted = wishes.borrow_and_update().clone();
        let stays = |queue: &Arc<Queue>| wanted.iter().any(|remote| Arc::ptr_eq(remote, queue.remote()));
        let going: Vec<_> = queues.values().filter(|queue| !stays(queue)).cloned().collect();
        end_all(going.iter().cloned(), End::HandOver, HAND_OVER).await;
        for queue in going {
            queues.remove(&queue.remote().key);
        }
        for remote in &wanted {
            if !queues.contains_key(&remote.key) {
                match Queue::start(Arc::clone(remote), Arc::clone(&common)) {
                    Ok(queue) => drop(queues.insert(remote.key.clone(), queue)),
                    Err(error) => {
                        tracing::error!(
                            remote = remote.name,
                            "failed to start sending to {}: {error:#}",
                            remote.url
                        );
                    }
                }
            }
        }
        common.forget_others(&wanted.iter().map(|remote| remote.key.as_str()).collect());
        common.running.store(Arc::new(queues.values().cloned().collect()));
    }
    end_all(queues.into_values(), End::Drain, common.limits.flush_deadline).await;
}

async fn end_all(queues: impl Iterator<Item = Arc<Queue>>, how: End, deadline: Duration) {
    let mut ending: JoinSet<()> = queues
        .map(|queue| async move { queue.end(how, deadline).await })
        .collect();
    while ending.join_next().await.is_some() {}
}

impl Common {
    /// Forgets how far remotes were that are no longer there, and what of the log was held for them.
    fn forget_others(&self, keys: &BTreeSet<&str>) {
        for key in position::stored_keys(&self.folder) {
            if keys.contains(key.as_str()) {
                continue;
            }
            tracing::info!(
                remote = key,
                "nothing is sent to this remote any more; its place in the log is forgotten"
            );
            position::forget(&self.folder, &key);
            if let Err(error) = self.store.release_log(&key) {
                tracing::error!("failed to remove what was kept of the write-ahead log: {error}");
            }
        }
    }
}
