//! The state machine: alerts come in, notifications come out, time is passed in.
//!
//! ```text
//!   post_alerts ─▶ AlertStore ─▶ Groups ──tick──▶ flush: inhibition, time intervals, silences
//!                      │                             │
//!                  Inhibitor                         ▼ per integration
//!                                  deliveries: wait for peers, notification log, attempt, retry
//!                                                    │                     ▲
//!                                         poll ─▶ Effect::Notify ─▶ complete(Outcome)
//! ```
//!
//! Whoever drives it calls [`Alertmanager::poll`] after every other call and at
//! [`Alertmanager::next_wakeup_ms`], carries out the effects, and stores what
//! [`Alertmanager::take_changes`] gives before anything is acknowledged to a client.

mod change;
mod deliver;
mod effect;
mod event;
mod flush;
mod metrics;
mod options;
mod plan;
mod post;
mod rebuild;
mod silences;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

pub use self::change::{Change, Snapshot, StoredLogEntry, StoredMatcher, StoredSilence};
pub use self::effect::{DeliveryId, Effect, FailureReason, Outcome};
pub use self::event::{Event, EventKind};
pub use self::metrics::{Gauges, IntegrationMetrics, LATENCY_BUCKETS_MS, Latency, Metrics};
pub use self::options::Options;
pub use self::plan::{IntegrationPlan, Plan, ReceiverPlan};
pub use self::post::PostOutcome;
pub use self::rebuild::RestoreError;

use self::deliver::Delivery;
use self::event::EventLog;
use crate::Config;
use crate::alert::AlertStore;
use crate::dispatch::{Groups, Timer, Timers};
use crate::inhibit::Inhibitor;
use crate::nflog::{LogKey, NotificationLog};
use crate::silence::{SilenceState, SilenceStore};

/// Effects after which a poll leaves the rest to the next one.
const ENOUGH_EFFECTS: usize = 256;
/// The same for events, far below the number from which they are dropped.
const ENOUGH_EVENTS: u64 = 8_192;

/// The state machine.
#[derive(Debug)]
pub struct Alertmanager {
    pub(crate) plan: Arc<Plan>,
    pub(crate) options: Options,
    pub(crate) alerts: AlertStore,
    pub(crate) silences: SilenceStore,
    pub(crate) inhibitor: Inhibitor,
    pub(crate) groups: Groups,
    log: NotificationLog,
    timers: Timers,
    deliveries: HashMap<DeliveryId, Delivery>,
    /// What deliveries on their way will write into the log, and who waits for them: one at a time.
    busy: HashMap<LogKey, Vec<DeliveryId>>,
    next_number: u64,
    effects: VecDeque<Effect>,
    changes: Vec<Change>,
    events: EventLog,
    metrics: Metrics,
    rng: ChaCha8Rng,
    started_ms: i64,
}

impl Alertmanager {
    /// A machine that knows nothing but its configuration.
    pub fn new(config: &Config, options: Options, now_ms: i64) -> Self {
        let plan = Plan::new(config);
        let mut timers = Timers::default();
        timers.set(now_ms.saturating_add(options.gc_interval_ms), Timer::CollectAlerts);
        timers.set(now_ms.saturating_add(options.maintenance_interval_ms), Timer::Maintain);
        Self {
            inhibitor: Inhibitor::new(plan.inhibit_rules.clone()),
            plan: Arc::new(plan),
            alerts: AlertStore::new(options.per_alertname_limit),
            silences: SilenceStore::new(options.silence_limits),
            groups: Groups::default(),
            log: NotificationLog::default(),
            timers,
            deliveries: HashMap::new(),
            busy: HashMap::new(),
            next_number: 0,
            effects: VecDeque::new(),
            changes: Vec::new(),
            events: EventLog::default(),
            metrics: Metrics::default(),
            rng: ChaCha8Rng::seed_from_u64(options.seed),
            options,
            started_ms: now_ms,
        }
    }

    /// When [`Alertmanager::poll`] must be called next, Unix milliseconds: in the past if effects
    /// wait.
    pub fn next_wakeup_ms(&self) -> Option<i64> {
        if self.effects.is_empty() {
            self.timers.next_ms()
        } else {
            Some(i64::MIN)
        }
    }

    /// Does what is due and gives what is to be done. When much is due at once only a part is done, and
    /// [`Alertmanager::next_wakeup_ms`] then lies in the past.
    pub fn poll(&mut self, now_ms: i64) -> Vec<Effect> {
        let told = self.events.told;
        while self.effects.len() < ENOUGH_EFFECTS
            && self.events.told - told < ENOUGH_EVENTS
            && let Some((_, timer)) = self.timers.pop_due(now_ms)
        {
            match timer {
                Timer::Tick(group) => self.tick(group, now_ms),
                Timer::Deadline { group, flush } => self.end_flush(group, flush, now_ms),
                Timer::Resume { delivery, attempt } => self.resume(delivery, attempt, now_ms),
                Timer::CollectAlerts => self.collect_alerts(now_ms),
                Timer::Maintain => self.maintain(now_ms),
            }
        }
        std::mem::take(&mut self.effects).into()
    }

    /// What must be stored, in order.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// What happened since the last call, in order.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.metrics.events_dropped = self.events.dropped;
        self.events.take()
    }

    /// Counters since the start.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// What the configuration means.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// When it was started, Unix milliseconds.
    pub fn started_ms(&self) -> i64 {
        self.started_ms
    }

    /// The options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Sizes at this moment. Which alerts are held back is as of the last flush of their groups.
    pub fn gauges(&self, now_ms: i64) -> Gauges {
        let mut suppressed = HashSet::new();
        let mut processed = HashSet::new();
        for (_, group) in self.groups.iter() {
            let members = group
                .members
                .iter()
                .filter(|(_, member)| !member.alert.is_resolved(now_ms));
            for (fingerprint, member) in members {
                if group.has_flushed {
                    processed.insert(*fingerprint);
                }
                if member.suppression.is_some() {
                    suppressed.insert(*fingerprint);
                }
            }
        }
        let alerts = self.alerts.iter().filter(|alert| !alert.is_resolved(now_ms)).count();
        let silences = |state| {
            self.silences
                .iter()
                .filter(|silence| silence.state(now_ms) == state)
                .count()
        };
        Gauges {
            alerts_active: processed.len().saturating_sub(suppressed.len()),
            alerts_suppressed: suppressed.len(),
            alerts_unprocessed: alerts.saturating_sub(processed.len()),
            silences_active: silences(SilenceState::Active),
            silences_pending: silences(SilenceState::Pending),
            silences_expired: silences(SilenceState::Expired),
            groups: self.groups.len(),
            silence_queries: self.silences.queries(),
            log_entries: self.log.len(),
            receivers: self.plan.receivers.len(),
            integrations: self
                .plan
                .receivers
                .iter()
                .map(|receiver| receiver.integrations.len())
                .sum(),
            inhibition_rules: self.plan.inhibit_rules.len(),
        }
    }

    /// Drops alerts that ended, unless a group has still to tell of it.
    fn collect_alerts(&mut self, now_ms: i64) {
        let members = self.groups.iter().flat_map(|(_, group)| group.members.keys().copied());
        let held: HashSet<u64> = members.collect();
        for alert in self.alerts.collect_garbage(now_ms, &held) {
            self.inhibitor.remove(&alert);
            self.changes.push(Change::RemoveAlert(alert.fingerprint));
        }
        let next_ms = now_ms.saturating_add(self.options.gc_interval_ms);
        self.timers.set(next_ms, Timer::CollectAlerts);
    }

    /// Drops silences and log entries that are expired for long enough.
    fn maintain(&mut self, now_ms: i64) {
        let silences = self.silences.collect_garbage(now_ms, self.options.retention_ms);
        self.changes.extend(silences.into_iter().map(Change::RemoveSilence));
        let entries = self.log.collect_garbage(now_ms);
        self.changes.extend(entries.into_iter().map(Change::RemoveLogEntry));
        self.metrics.maintenances += 1;
        let next_ms = now_ms.saturating_add(self.options.maintenance_interval_ms);
        self.timers.set(next_ms, Timer::Maintain);
    }

    fn take_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }
}

#[cfg(test)]
mod tests;
