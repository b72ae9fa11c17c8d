//! How handlers and drivers hold the state machine: one lock, changes stored in order, and a bell
//! for whoever drives it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use skopos_alertmanager::alert::PostableAlert;
use skopos_alertmanager::machine::{Change, DeliveryId, Event, PostOutcome};
use skopos_alertmanager::{Alertmanager, Config, Effect, Outcome, ParserMode};
use skopos_core::Clock;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::metrics::{Facts, alertmanager_metrics, config_hash};
use crate::options::BuildInfo;
use crate::views::Reloader;

/// Fewest answers that may be in the making at once.
const MIN_CONCURRENT: usize = 8;

/// Keeps what changed; gives when it survives a kill.
pub trait ChangeSink: Send + Sync + fmt::Debug {
    /// Stores the changes in order, all or none.
    fn store<'a>(&'a self, changes: &'a [Change]) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;
}

/// What changed could not be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the change holds now but may be lost at a restart, as it could not be stored: {0}")]
pub struct StoreError(pub String);

/// Why nothing can be looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Busy {
    /// Too many requests are answered already.
    TooMany { limit: usize },
    /// A fault of ours.
    Panicked,
}

/// What a handle is made of.
#[derive(Debug)]
pub struct HandleParts {
    /// The machine, restored.
    pub machine: Alertmanager,
    /// The configuration as the API shows it: secrets hidden.
    pub config_text: String,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Keeps changes.
    pub sink: Arc<dyn ChangeSink>,
    /// Reads the configuration again.
    pub reloader: Arc<dyn Reloader>,
    /// Facts about the build.
    pub build: BuildInfo,
}

/// How long it took to take alerts in.
#[derive(Debug, Default)]
struct Processing {
    processed: AtomicU64,
    nanos: AtomicU64,
}

impl Processing {
    fn add(&self, alerts: u64, took: Duration) {
        self.processed.fetch_add(alerts, Ordering::Relaxed);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}

/// The state machine, shared by the API and the driver.
#[derive(Debug)]
pub struct AlertmanagerHandle {
    machine: Mutex<Alertmanager>,
    config_text: Mutex<Arc<str>>,
    clock: Arc<dyn Clock>,
    sink: Arc<dyn ChangeSink>,
    /// Changes that were taken from the machine and could not be stored yet. Its lock keeps stores
    /// in order.
    unstored: tokio::sync::Mutex<Vec<Change>>,
    reloader: Arc<dyn Reloader>,
    pub(super) build: BuildInfo,
    bell: Notify,
    processing: Processing,
    parser_mode: ParserMode,
    lookups: Arc<Semaphore>,
    max_lookups: usize,
}

impl AlertmanagerHandle {
    /// A handle on a machine.
    pub fn new(parts: HandleParts) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        let max_lookups = cores.max(MIN_CONCURRENT);
        Self {
            parser_mode: parts.machine.options().parser_mode,
            machine: Mutex::new(parts.machine),
            config_text: Mutex::new(parts.config_text.into()),
            clock: parts.clock,
            sink: parts.sink,
            unstored: tokio::sync::Mutex::new(Vec::new()),
            reloader: parts.reloader,
            build: parts.build,
            bell: Notify::new(),
            processing: Processing::default(),
            lookups: Arc::new(Semaphore::new(max_lookups)),
            max_lookups,
        }
    }

    /// How matchers are read.
    pub(super) fn parser_mode(&self) -> ParserMode {
        self.parser_mode
    }

    /// Looks at the machine. Short looks only: everybody else waits.
    pub fn read<T>(&self, look: impl FnOnce(&Alertmanager, i64) -> T) -> T {
        let now_ms = self.clock.now_ms();
        look(&self.machine.lock(), now_ms)
    }

    /// Changes the machine, wakes the driver, and gives when the change is stored.
    pub async fn change<T>(&self, change: impl FnOnce(&mut Alertmanager, i64) -> T) -> Result<T, StoreError> {
        let now_ms = self.clock.now_ms();
        let result = change(&mut self.machine.lock(), now_ms);
        self.bell.notify_one();
        self.store().await?;
        Ok(result)
    }

    /// Takes alerts: of clients and of our own rules.
    pub async fn post_alerts(&self, alerts: Vec<PostableAlert>) -> Result<PostOutcome, StoreError> {
        let count = alerts.len() as u64;
        self.change(|machine, now_ms| {
            let started = Instant::now();
            let outcome = machine.post_alerts(now_ms, alerts);
            self.processing.add(count, started.elapsed());
            outcome
        })
        .await
    }

    /// Stores what changed and was not stored yet.
    pub async fn store(&self) -> Result<(), StoreError> {
        let mut unstored = self.unstored.lock().await;
        unstored.extend(self.machine.lock().take_changes());
        if unstored.is_empty() {
            return Ok(());
        }
        self.sink.store(&unstored).await.map_err(StoreError)?;
        unstored.clear();
        Ok(())
    }

    /// Does what is due: for the driver. Gives what is to be done, and when to come again (Unix
    /// milliseconds) unless [`AlertmanagerHandle::woken`] says so before.
    pub fn poll(&self) -> (Vec<Effect>, Option<i64>) {
        let now_ms = self.clock.now_ms();
        let mut machine = self.machine.lock();
        let effects = machine.poll(now_ms);
        (effects, machine.next_wakeup_ms())
    }

    /// Says what came of an attempt: for the driver.
    pub async fn complete(&self, delivery: DeliveryId, outcome: Outcome) -> Result<(), StoreError> {
        self.change(|machine, now_ms| machine.complete(now_ms, delivery, outcome))
            .await
    }

    /// Gives when the machine was changed since the last call: for the driver.
    pub async fn woken(&self) {
        self.bell.notified().await;
    }

    /// What happened since the last call.
    pub fn take_events(&self) -> Vec<Event> {
        self.machine.lock().take_events()
    }

    /// Takes a new configuration.
    pub fn reconfigure(&self, config: &Config) {
        let now_ms = self.clock.now_ms();
        *self.config_text.lock() = config.to_yaml().into();
        self.machine.lock().reload(now_ms, config);
        self.bell.notify_one();
    }

    /// The configuration as the API shows it.
    pub fn config_text(&self) -> Arc<str> {
        Arc::clone(&self.config_text.lock())
    }

    /// Alertmanager's metrics as an exposition.
    pub fn metrics(&self) -> String {
        let facts = self.facts();
        self.read(|machine, now_ms| alertmanager_metrics(machine, now_ms, &facts))
    }

    /// The same, off the async threads.
    pub(super) async fn metrics_page(self: &Arc<Self>) -> Result<String, Busy> {
        let facts = self.facts();
        self.look(move |machine, now_ms| alertmanager_metrics(machine, now_ms, &facts))
            .await
    }

    /// What metrics tell that the machine does not know. Taken before the machine is locked: who reloads holds other
    /// locks while waiting for the machine.
    fn facts(&self) -> Facts {
        Facts {
            build: self.build.clone(),
            config_hash: config_hash(&self.config_text()),
            last_reload: self.reloader.last_reload(),
            processed: self.processing.processed.load(Ordering::Relaxed),
            processing: Duration::from_nanos(self.processing.nanos.load(Ordering::Relaxed)),
        }
    }

    /// Reads the configuration again, off the async threads.
    pub(super) async fn reload(&self) -> Result<(), String> {
        let reloader = Arc::clone(&self.reloader);
        let reloaded = tokio::task::spawn_blocking(move || reloader.reload()).await;
        reloaded.unwrap_or_else(|error| Err(error.to_string()))
    }

    /// Looks at the machine off the async threads, a bounded number at once.
    pub(super) async fn look<T: Send + 'static>(
        self: &Arc<Self>,
        look: impl FnOnce(&Alertmanager, i64) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        self.work(|handle| handle.read(look)).await
    }

    /// Works off the async threads, a bounded number at once.
    pub(super) async fn work<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let limit = self.max_lookups;
        let permit = Arc::clone(&self.lookups).try_acquire_owned();
        let permit = permit.map_err(|_| Busy::TooMany { limit })?;
        self.begin(permit, work).await
    }

    /// The same for what an answer under way still needs: it waits for its turn.
    pub(super) async fn go_on<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let permit = Arc::clone(&self.lookups).acquire_owned().await;
        self.begin(permit.map_err(|_| Busy::Panicked)?, work).await
    }

    async fn begin<T: Send + 'static>(
        self: &Arc<Self>,
        permit: OwnedSemaphorePermit,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let handle = Arc::clone(self);
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(&handle)
        });
        task.await.map_err(|_| Busy::Panicked)
    }
}
