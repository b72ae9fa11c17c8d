//! The targets of one job: follows discovery, begins and ends loops.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use skopos_config::{ScrapeConfig, TargetGroup};
use skopos_discovery::Discoveries;
use skopos_relabel::Relabeler;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::fetch::Fetcher;
use crate::ingest::{ExtraMetrics, IngestRules, Tracked};
use crate::scrape_loop::{EndTokens, ScrapeLoop, Shared};
use crate::status::{DroppedTarget, TargetState};
use crate::target::{Discovered, Target, TargetKey, targets_of_group};
use crate::telemetry;

/// Series left behind by the loops of a job that is started anew, by target.
pub(crate) type Leftovers = HashMap<TargetKey, Tracked>;

/// What a job is made of.
#[derive(Debug)]
pub(crate) struct PoolSetup {
    pub(crate) shared: Arc<Shared>,
    pub(crate) config: ScrapeConfig,
    pub(crate) relabeler: Relabeler,
    pub(crate) rules: Arc<IngestRules>,
    pub(crate) fetcher: Fetcher,
    /// Where relative file names start.
    pub(crate) folder: PathBuf,
    /// Loops that end with staleness markers; they outlive the pool.
    pub(crate) retiring: TaskTracker,
    /// Ends everything at once.
    pub(crate) halt: CancellationToken,
}

/// What can be seen of a job.
#[derive(Debug, Default)]
pub(crate) struct PoolView {
    active: Mutex<Vec<Arc<TargetState>>>,
    dropped: Mutex<Dropped>,
}

#[derive(Debug, Default)]
struct Dropped {
    targets: Vec<DroppedTarget>,
    count: usize,
}

impl PoolView {
    pub(crate) fn active(&self) -> Vec<Arc<TargetState>> {
        self.active.lock().clone()
    }

    pub(crate) fn dropped(&self) -> (Vec<DroppedTarget>, usize) {
        let dropped = self.dropped.lock();
        (dropped.targets.clone(), dropped.count)
    }
}

/// A running job.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) config: ScrapeConfig,
    pub(crate) view: Arc<PoolView>,
    /// Ends the job; its targets are gone.
    retire: CancellationToken,
    /// Ends the job so that another takes over.
    hand_over: CancellationToken,
    task: JoinHandle<Leftovers>,
}

impl Pool {
    /// Starts a job. `before` is the same job under an older configuration.
    pub(crate) fn start(setup: PoolSetup, before: Option<Self>) -> Self {
        let (retire, hand_over) = (CancellationToken::new(), setup.halt.child_token());
        let view = Arc::new(PoolView::default());
        let config = setup.config.clone();
        let runner = Runner {
            setup,
            view: Arc::clone(&view),
            loops: HashMap::new(),
            leftovers: Leftovers::new(),
            hand_over: hand_over.clone(),
        };
        let task = tokio::spawn(runner.run(before, retire.clone()));
        Self {
            config,
            view,
            retire,
            hand_over,
            task,
        }
    }

    /// Ends the job: its targets are gone.
    pub(crate) fn retire(&self) {
        self.retire.cancel();
    }

    /// Whether the job's task has ended.
    pub(crate) fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Waits for the job's task.
    pub(crate) async fn join(self) -> Leftovers {
        self.task.await.unwrap_or_else(|error| {
            tracing::error!(job = %self.config.job_name, %error, "a scrape job broke down");
            Leftovers::new()
        })
    }

    async fn hand_over(self) -> Leftovers {
        self.hand_over.cancel();
        self.join().await
    }
}

struct RunningLoop {
    state: Arc<TargetState>,
    tokens: EndTokens,
    task: JoinHandle<Tracked>,
}

impl RunningLoop {
    /// Ends the loop so that another takes over what it watched.
    async fn hand_over(self) -> Tracked {
        self.tokens.halt.cancel();
        self.task.await.unwrap_or_default()
    }
}

struct Runner {
    setup: PoolSetup,
    view: Arc<PoolView>,
    loops: HashMap<TargetKey, RunningLoop>,
    leftovers: Leftovers,
    /// Also cancelled when everything halts.
    hand_over: CancellationToken,
}

impl Runner {
    async fn run(mut self, before: Option<Pool>, retire: CancellationToken) -> Leftovers {
        if let Some(before) = before {
            self.leftovers = before.hand_over().await;
        }
        let mut discoveries = Discoveries::start(&self.setup.config.discovery, &self.setup.folder);
        loop {
            tokio::select! {
                biased;
                () = self.hand_over.cancelled() => return self.end_loops().await,
                () = retire.cancelled() => break,
                change = discoveries.changed() => match change {
                    Some(groups) => self.sync(groups.iter()),
                    None => {
                        tokio::select! {
                            biased;
                            () = self.hand_over.cancelled() => return self.end_loops().await,
                            () = retire.cancelled() => break,
                        }
                    }
                },
            }
        }
        self.retire_all();
        Leftovers::new()
    }

    /// Brings the loops in line with what was discovered.
    fn sync<'a>(&mut self, groups: impl Iterator<Item = &'a TargetGroup>) {
        let mut wanted: HashMap<TargetKey, Target> = HashMap::new();
        let mut dropped = Dropped::default();
        for group in groups {
            for discovered in targets_of_group(&self.setup.config, &self.setup.relabeler, group) {
                self.sort(discovered, &mut wanted, &mut dropped);
            }
        }
        let gone: Vec<TargetKey> = self
            .loops
            .keys()
            .filter(|key| !wanted.contains_key(*key))
            .cloned()
            .collect();
        for key in gone {
            self.retire_loop(&key);
        }
        let over_limit = self.over_target_limit(wanted.len());
        for (key, target) in wanted {
            self.begin_loop(key, target, over_limit.as_ref());
        }
        self.end_leftovers();
        telemetry::TARGETS
            .with_label_values(&[&self.setup.config.job_name])
            .set(self.loops.len() as i64);
        *self.view.active.lock() = self.loops.values().map(|running| Arc::clone(&running.state)).collect();
        *self.view.dropped.lock() = dropped;
    }

    fn sort(&self, discovered: Discovered, wanted: &mut HashMap<TargetKey, Target>, dropped: &mut Dropped) {
        match discovered {
            Discovered::Target(target) => {
                wanted.insert(target.key(), *target);
            }
            Discovered::Dropped { discovered_labels } => {
                let limit = self.setup.config.limits.keep_dropped_targets as usize;
                dropped.count += 1;
                if limit == 0 || dropped.targets.len() < limit {
                    dropped.targets.push(DroppedTarget {
                        scrape_pool: self.setup.config.job_name.clone(),
                        discovered_labels,
                    });
                }
            }
            Discovered::Invalid {
                discovered_labels,
                reason,
            } => {
                tracing::error!(job = %self.setup.config.job_name, target = %discovered_labels, %reason, "not a usable target");
            }
        }
    }

    /// Beyond the limit all targets of the job fail, so that it is seen.
    fn over_target_limit(&self, count: usize) -> Option<Fetcher> {
        let limit = self.setup.config.limits.target_limit;
        (limit != 0 && count as u64 > limit).then(|| {
            Fetcher::Broken(format!("target_limit exceeded (number of targets: {count}, limit: {limit})").into())
        })
    }

    fn begin_loop(&mut self, key: TargetKey, target: Target, over_limit: Option<&Fetcher>) {
        let is_limited = over_limit.is_some();
        let running = self.loops.get(&key);
        if running.is_some_and(|running| running.state.target == target && running.state.is_limited() == is_limited) {
            return;
        }
        let replaced = self.loops.remove(&key);
        let tokens = EndTokens {
            halt: self.hand_over.child_token(),
            retire: CancellationToken::new(),
        };
        let state = Arc::new(TargetState::new(&self.setup.config.job_name, target, is_limited));
        let scrape_loop = ScrapeLoop {
            shared: Arc::clone(&self.setup.shared),
            state: Arc::clone(&state),
            fetcher: over_limit.unwrap_or(&self.setup.fetcher).clone(),
            rules: Arc::clone(&self.setup.rules),
            extra_metrics: self.extra_metrics(),
            tokens: tokens.clone(),
        };
        let leftover = self.leftovers.remove(&key).unwrap_or_default();
        let task = self.setup.retiring.spawn(async move {
            let previous = match replaced {
                Some(replaced) => replaced.hand_over().await,
                None => leftover,
            };
            scrape_loop.run(previous).await
        });
        self.loops.insert(key, RunningLoop { state, tokens, task });
    }

    fn extra_metrics(&self) -> ExtraMetrics {
        if self.setup.config.native_histograms.extra_scrape_metrics {
            ExtraMetrics::On
        } else {
            ExtraMetrics::Off
        }
    }

    /// The loop goes on by itself until its staleness markers are written.
    fn retire_loop(&mut self, key: &TargetKey) {
        if let Some(running) = self.loops.remove(key) {
            running.tokens.retire.cancel();
        }
    }

    fn retire_all(&mut self) {
        for running in self.loops.values() {
            running.tokens.retire.cancel();
        }
        telemetry::TARGETS
            .with_label_values(&[&self.setup.config.job_name])
            .set(0);
    }

    /// Series of targets that the new configuration does not have end now.
    fn end_leftovers(&mut self) {
        let ended: Vec<_> = self.leftovers.drain().flat_map(|(_, tracked)| tracked).collect();
        if ended.is_empty() {
            return;
        }
        let shared = Arc::clone(&self.setup.shared);
        self.setup.retiring.spawn_blocking(move || shared.end_series(ended));
    }

    /// Halts all loops and collects what they watched.
    async fn end_loops(mut self) -> Leftovers {
        let mut leftovers = std::mem::take(&mut self.leftovers);
        for (key, running) in self.loops.drain() {
            let tracked = running.task.await.unwrap_or_default();
            leftovers.insert(key, tracked);
        }
        leftovers
    }
}
