//! Drives a machine on a virtual clock with receivers that answer as told.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::alert::{Alert, PostableAlert};
use crate::machine::{
    Alertmanager, Change, DeliveryId, Effect, Options, Outcome, Snapshot, StoredLogEntry, StoredSilence,
};
use crate::nflog::LogKey;
use crate::{Config, LoadOptions, Notification, NotificationReason};

/// A message as it arrived.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Arrival {
    pub(super) at_ms: i64,
    pub(super) receiver: String,
    pub(super) integration: usize,
    pub(super) group_key: String,
    pub(super) firing: Vec<String>,
    pub(super) resolved: Vec<String>,
    pub(super) reason: NotificationReason,
}

/// What a caller has stored.
#[derive(Debug, Clone, Default)]
pub(super) struct Stored {
    alerts: BTreeMap<u64, Arc<Alert>>,
    silences: BTreeMap<String, StoredSilence>,
    log: BTreeMap<LogKey, StoredLogEntry>,
}

impl Stored {
    pub(super) fn apply(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::PutAlert(alert) => drop(self.alerts.insert(alert.fingerprint, alert)),
                Change::RemoveAlert(fingerprint) => drop(self.alerts.remove(&fingerprint)),
                Change::PutSilence(silence) => drop(self.silences.insert(silence.id.clone(), silence)),
                Change::RemoveSilence(id) => drop(self.silences.remove(&id)),
                Change::PutLogEntry(entry) => drop(self.log.insert(entry.key.clone(), entry)),
                Change::RemoveLogEntry(key) => drop(self.log.remove(&key)),
            }
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            alerts: self.alerts.values().cloned().collect(),
            silences: self.silences.values().cloned().collect(),
            log: self.log.values().cloned().collect(),
        }
    }
}

/// What receivers answer at a time; `None` leaves the delivery open.
type Answer = Box<dyn FnMut(i64, &Notification) -> Option<Outcome>>;

/// A machine, its clock and its receivers.
pub(super) struct Rig {
    pub(super) machine: Alertmanager,
    pub(super) now_ms: i64,
    pub(super) arrivals: Vec<Arrival>,
    pub(super) stored: Stored,
    answer: Answer,
    /// Deliveries that nobody answered yet.
    pub(super) open: Vec<(DeliveryId, Notification)>,
    pub(super) cancelled: Vec<DeliveryId>,
    config: Config,
    options: Options,
}

pub(super) fn config(yaml: &str) -> Config {
    Config::parse(yaml, &LoadOptions::default()).expect("a valid configuration")
}

pub(super) fn delivered() -> Outcome {
    Outcome::Delivered {
        receiver_data: Vec::new(),
    }
}

/// A firing alert with one label more than its name.
pub(super) fn firing(name: &str, instance: &str, starts_at_ms: i64) -> PostableAlert {
    PostableAlert {
        labels: vec![
            ("alertname".to_owned(), name.to_owned()),
            ("instance".to_owned(), instance.to_owned()),
        ],
        starts_at_ms: Some(starts_at_ms),
        ..PostableAlert::default()
    }
}

pub(super) fn resolved(name: &str, instance: &str, starts_at_ms: i64, ends_at_ms: i64) -> PostableAlert {
    PostableAlert {
        ends_at_ms: Some(ends_at_ms),
        ..firing(name, instance, starts_at_ms)
    }
}

impl Rig {
    pub(super) fn new(yaml: &str) -> Self {
        Self::with(yaml, Options::default())
    }

    pub(super) fn with(yaml: &str, options: Options) -> Self {
        let config = config(yaml);
        Self {
            machine: Alertmanager::new(&config, options.clone(), 0),
            now_ms: 0,
            arrivals: Vec::new(),
            stored: Stored::default(),
            answer: Box::new(|_, _| Some(delivered())),
            open: Vec::new(),
            cancelled: Vec::new(),
            config,
            options,
        }
    }

    /// What receivers answer from now on; `None` leaves the delivery open.
    pub(super) fn answer(&mut self, answer: impl FnMut(i64, &Notification) -> Option<Outcome> + 'static) {
        self.answer = Box::new(answer);
    }

    pub(super) fn post(&mut self, alerts: Vec<PostableAlert>) {
        let outcome = self.machine.post_alerts(self.now_ms, alerts);
        assert_eq!(outcome.error_text(), None);
        self.settle();
    }

    /// Carries out what is due now and stores what changed.
    pub(super) fn settle(&mut self) {
        loop {
            let effects = self.machine.poll(self.now_ms);
            self.stored.apply(self.machine.take_changes());
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                self.carry_out(effect);
            }
            self.stored.apply(self.machine.take_changes());
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Cancel { delivery } => self.cancelled.push(delivery),
            Effect::Notify {
                delivery, notification, ..
            } => match (self.answer)(self.now_ms, &notification) {
                Some(outcome) => self.complete(delivery, &notification, outcome),
                None => self.open.push((delivery, (*notification).clone())),
            },
        }
    }

    pub(super) fn complete(&mut self, delivery: DeliveryId, notification: &Notification, outcome: Outcome) {
        if matches!(outcome, Outcome::Delivered { .. }) {
            let names = |is_resolved| {
                let alerts = notification
                    .alerts
                    .iter()
                    .filter(|alert| alert.is_resolved() == is_resolved);
                alerts.map(|alert| alert.labels.get("instance").to_owned()).collect()
            };
            self.arrivals.push(Arrival {
                at_ms: self.now_ms,
                receiver: notification.receiver.clone(),
                integration: notification.integration,
                group_key: notification.group_key.clone(),
                firing: names(false),
                resolved: names(true),
                reason: notification.reason,
            });
        }
        self.machine.complete(self.now_ms, delivery, outcome);
    }

    /// Lets time pass.
    pub(super) fn run_until(&mut self, end_ms: i64) {
        while let Some(next_ms) = self.machine.next_wakeup_ms().filter(|next_ms| *next_ms <= end_ms) {
            self.now_ms = self.now_ms.max(next_ms);
            self.settle();
        }
        self.now_ms = end_ms;
    }

    /// Kills the machine and starts it again from what was stored.
    pub(super) fn restart(&mut self) {
        let mut options = self.options.clone();
        options.seed = self.options.seed + self.now_ms as u64;
        self.machine = Alertmanager::new(&self.config, options, self.now_ms);
        self.open.clear();
        assert_eq!(self.machine.restore(self.now_ms, self.stored.snapshot()), []);
        self.settle();
    }

    pub(super) fn reload(&mut self) {
        self.machine.reload(self.now_ms, &self.config);
        self.settle();
    }

    /// Times and instances of what arrived: `2000: a b / c` (firing / resolved).
    pub(super) fn told(&self) -> Vec<String> {
        let line = |arrival: &Arrival| {
            let (firing, resolved) = (arrival.firing.join(" "), arrival.resolved.join(" "));
            format!("{}: {firing} / {resolved}", arrival.at_ms)
        };
        self.arrivals.iter().map(line).collect()
    }
}
