//! Deliveries: one group to one integration, from the look into the notification log to the entry
//! that is written there after success.

mod backoff;
mod complete;

use std::sync::Arc;

use skopos_core::Labels;

use super::plan::IntegrationPlan;
use super::{Alertmanager, DeliveryId, Effect, Event, EventKind};
use crate::alert::Alert;
use crate::dispatch::GroupId;
use crate::nflog::{Decision, LogKey, State, decide};
use crate::{Notification, NotificationReason, NotifiedAlert};

/// The alerts of a flush that are not held back, shared by its deliveries.
#[derive(Debug)]
pub(super) struct Batch {
    /// Sorted for the message.
    alerts: Vec<Arc<Alert>>,
    /// The time of the tick: who has ended is decided once, then.
    tick_ms: i64,
    firing: Vec<u64>,
    resolved: Vec<u64>,
}

/// The flush that a delivery belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FlushSlot {
    pub(super) group: GroupId,
    pub(super) number: u64,
    pub(super) deadline_ms: i64,
}

/// One group on its way to one integration.
#[derive(Debug)]
pub(super) struct Delivery {
    slot: FlushSlot,
    /// Whether its flush is over, so that only the log is interested in what comes of it.
    is_abandoned: bool,
    group_key: Arc<str>,
    group_labels: Labels,
    receiver: Arc<str>,
    route_labels: Vec<(String, String)>,
    repeat_interval_ms: i64,
    integration: usize,
    plan: IntegrationPlan,
    key: LogKey,
    batch: Arc<Batch>,
    stage: Stage,
    /// How often it was tried.
    attempt: u32,
    attempt_started_ms: i64,
    notification: Option<Arc<Notification>>,
    /// What went wrong last.
    last_error: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It waits for other members of the cluster, or for an older delivery to the same integration.
    Waiting,
    /// An attempt is under way.
    Sending,
    /// The next attempt comes later.
    BackingOff,
}

impl Batch {
    pub(super) fn new(alerts: Vec<Arc<Alert>>, tick_ms: i64) -> Self {
        let hashes = |is_resolved| {
            let chosen = alerts.iter().filter(|alert| alert.is_resolved(tick_ms) == is_resolved);
            let mut hashes: Vec<u64> = chosen.map(|alert| alert.fingerprint).collect();
            hashes.sort_unstable();
            hashes
        };
        Self {
            firing: hashes(false),
            resolved: hashes(true),
            tick_ms,
            alerts,
        }
    }

    fn notified(&self, send_resolved: bool) -> Vec<NotifiedAlert> {
        let is_shown = |alert: &&Arc<Alert>| send_resolved || !alert.is_resolved(self.tick_ms);
        let shown = self.alerts.iter().filter(is_shown);
        shown
            .map(|alert| NotifiedAlert {
                labels: alert.labels.clone(),
                annotations: alert.annotations.clone(),
                starts_at_ms: alert.starts_at_ms,
                ends_at_ms: alert.is_resolved(self.tick_ms).then_some(alert.ends_at_ms),
                generator_url: Arc::clone(&alert.generator_url),
                fingerprint: alert.fingerprint,
            })
            .collect()
    }
}

impl Alertmanager {
    pub(super) fn add_delivery(
        &mut self,
        slot: FlushSlot,
        integration: usize,
        batch: &Arc<Batch>,
    ) -> Option<DeliveryId> {
        let group = self.groups.get(slot.group)?;
        let route = self.plan.tree.route(group.route);
        let receiver = self.plan.receiver_of(group.route);
        let plan = receiver.integrations.get(integration)?.clone();
        let delivery = Delivery {
            slot,
            is_abandoned: false,
            group_key: Arc::clone(&group.key),
            group_labels: group.labels.clone(),
            receiver: Arc::clone(&receiver.name),
            route_labels: route.labels.clone(),
            repeat_interval_ms: route.repeat_interval_ms,
            integration,
            key: LogKey {
                group_key: group.key.to_string(),
                receiver: receiver.name.to_string(),
                kind: plan.kind.to_owned(),
                index: plan.index,
            },
            plan,
            batch: Arc::clone(batch),
            stage: Stage::Waiting,
            attempt: 0,
            attempt_started_ms: 0,
            notification: None,
            last_error: String::new(),
        };
        let id = DeliveryId(self.take_number());
        self.deliveries.insert(id, delivery);
        Some(id)
    }

    /// Looks into the log and sends what is news. A delivery to the same integration of the same
    /// group that is still on its way goes first, as it may say the same.
    pub(super) fn start(&mut self, id: DeliveryId, now_ms: i64) {
        let Some(delivery) = self.deliveries.get(&id) else {
            return;
        };
        if let Some(waiting) = self.busy.get_mut(&delivery.key) {
            waiting.push(id);
            return;
        }
        self.metrics.log_queries += 1;
        let last = self.log.get(&delivery.key);
        let state = State {
            firing: &delivery.batch.firing,
            resolved: &delivery.batch.resolved,
            send_resolved: delivery.plan.send_resolved,
            now_ms: delivery.batch.tick_ms,
            repeat_interval_ms: delivery.repeat_interval_ms,
        };
        let Decision::Send(reason) = decide(last, &state) else {
            self.finish(id, true, now_ms);
            return;
        };
        let waited = self.options.peer_wait_ms() > 0;
        if waited && last.is_some_and(|entry| entry.timestamp_ms > delivery.batch.tick_ms) {
            // While we waited another member told of a later state than ours: the next tick compares
            // with that.
            self.finish(id, false, now_ms);
            return;
        }
        let receiver_data = last.map(|entry| entry.receiver_data.clone()).unwrap_or_default();
        let notification = delivery.notification(reason, receiver_data);
        if notification.alerts.is_empty() {
            // Only ended alerts for somebody who does not want to know of them.
            let receiver_data = notification.receiver_data;
            self.write_log(id, receiver_data, now_ms);
            self.finish(id, true, now_ms);
            return;
        }
        let (key, kind) = (delivery.key.clone(), delivery.plan.kind);
        self.busy.insert(key, Vec::new());
        self.metrics
            .integrations
            .entry(kind.to_owned())
            .or_default()
            .notifications += 1;
        if let Some(delivery) = self.deliveries.get_mut(&id) {
            delivery.notification = Some(Arc::new(notification));
        }
        self.attempt(id, now_ms);
    }

    fn attempt(&mut self, id: DeliveryId, now_ms: i64) {
        let Some(delivery) = self.deliveries.get_mut(&id) else {
            return;
        };
        let Some(notification) = delivery.notification.clone() else {
            return;
        };
        delivery.attempt += 1;
        delivery.attempt_started_ms = now_ms;
        delivery.stage = Stage::Sending;
        let attempt = delivery.attempt;
        self.effects.push_back(Effect::Notify {
            delivery: id,
            attempt,
            notification: Arc::clone(&notification),
        });
        let event = EventKind::Attempted {
            delivery: id,
            attempt,
            notification,
        };
        self.tell_of_delivery(id, event, now_ms);
    }

    /// A pause of a delivery is over.
    pub(super) fn resume(&mut self, id: DeliveryId, attempt: u32, now_ms: i64) {
        let Some(delivery) = self.deliveries.get(&id) else {
            return;
        };
        match delivery.stage {
            Stage::Waiting if attempt == 0 => self.start(id, now_ms),
            Stage::BackingOff if attempt == delivery.attempt => self.attempt(id, now_ms),
            _ => {}
        }
    }

    pub(super) fn tell_of_delivery(&mut self, id: DeliveryId, kind: EventKind, at_ms: i64) {
        if let Some(delivery) = self.deliveries.get(&id) {
            self.events.push(Event {
                at_ms,
                group_key: Arc::clone(&delivery.group_key),
                group_labels: delivery.group_labels.clone(),
                receiver: Arc::clone(&delivery.receiver),
                kind,
            });
        }
    }
}

impl Delivery {
    fn notification(&self, reason: NotificationReason, receiver_data: Vec<(String, String)>) -> Notification {
        Notification {
            receiver: self.receiver.to_string(),
            integration: self.integration,
            group_key: self.group_key.to_string(),
            group_labels: self.group_labels.clone(),
            route_labels: self.route_labels.clone(),
            alerts: self.batch.notified(self.plan.send_resolved),
            reason,
            now_ms: self.batch.tick_ms,
            deadline_ms: self.slot.deadline_ms,
            receiver_data,
        }
    }
}
