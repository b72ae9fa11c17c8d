//! What comes of attempts: an entry in the log, another attempt, or a failure.

use rand::Rng as _;

use super::{Stage, backoff};
use crate::dispatch::Timer;
use crate::machine::{Alertmanager, Change, DeliveryId, Effect, EventKind, FailureReason, Outcome, StoredLogEntry};
use crate::nflog::LogEntry;

/// Why an attempt or a delivery failed.
#[derive(Debug)]
struct Failure {
    reason: FailureReason,
    text: String,
}

impl Failure {
    /// The same at the end of the flush's time.
    fn at_deadline(self) -> Self {
        let text = if self.text.is_empty() {
            "context deadline exceeded: the time of the flush was over before anything was sent".to_owned()
        } else {
            format!("context deadline exceeded, last error: {}", self.text)
        };
        Self {
            reason: FailureReason::ContextDeadlineExceeded,
            text,
        }
    }
}

impl Alertmanager {
    /// Takes what came of the attempt that a delivery is at. What is not under way is ignored.
    pub fn complete(&mut self, now_ms: i64, id: DeliveryId, outcome: Outcome) {
        let Some(delivery) = self.deliveries.get(&id).filter(|d| d.stage == Stage::Sending) else {
            return;
        };
        let latency_ms = now_ms - delivery.attempt_started_ms;
        let counters = self
            .metrics
            .integrations
            .entry(delivery.plan.kind.to_owned())
            .or_default();
        counters.requests += 1;
        counters.latency.observe(latency_ms);
        if !matches!(outcome, Outcome::Delivered { .. }) {
            counters.requests_failed += 1;
        }
        match outcome {
            Outcome::Delivered { receiver_data } => self.delivered(id, receiver_data, now_ms),
            Outcome::Retry { reason, text, after_ms } => self.retry(id, Failure { reason, text }, after_ms, now_ms),
            Outcome::Failed { reason, text } => self.fail(id, Failure { reason, text }, now_ms),
        }
    }

    fn delivered(&mut self, id: DeliveryId, receiver_data: Vec<(String, String)>, now_ms: i64) {
        self.write_log(id, receiver_data, now_ms);
        let sent = self.deliveries.get(&id).and_then(|delivery| {
            let notification = delivery.notification.clone()?;
            Some((delivery.attempt, notification))
        });
        if let Some((attempts, notification)) = sent {
            let event = EventKind::Delivered {
                delivery: id,
                attempts,
                notification,
            };
            self.tell_of_delivery(id, event, now_ms);
        }
        self.finish(id, true, now_ms);
    }

    fn retry(&mut self, id: DeliveryId, failure: Failure, after_ms: Option<i64>, now_ms: i64) {
        let jitter = self.rng.random_range(backoff::JITTER);
        let Some(delivery) = self.deliveries.get_mut(&id) else {
            return;
        };
        if delivery.is_abandoned || now_ms >= delivery.slot.deadline_ms {
            self.fail(id, failure.at_deadline(), now_ms);
            return;
        }
        let pause_ms = backoff::pause_ms(delivery.attempt, jitter);
        let earliest_ms = now_ms.saturating_add(after_ms.unwrap_or(0).max(0));
        let next_ms = delivery.attempt_started_ms.saturating_add(pause_ms).max(earliest_ms);
        delivery.stage = Stage::BackingOff;
        delivery.last_error.clone_from(&failure.text);
        let attempt = delivery.attempt;
        self.timers.set(next_ms, Timer::Resume { delivery: id, attempt });
        let event = EventKind::Retried {
            delivery: id,
            attempt,
            reason: failure.reason,
            text: failure.text,
            next_ms,
        };
        self.tell_of_delivery(id, event, now_ms);
    }

    fn fail(&mut self, id: DeliveryId, failure: Failure, now_ms: i64) {
        let Some(delivery) = self.deliveries.get(&id) else {
            return;
        };
        let counters = self
            .metrics
            .integrations
            .entry(delivery.plan.kind.to_owned())
            .or_default();
        *counters.failed.entry(failure.reason).or_default() += 1;
        if let Some(notification) = delivery.notification.clone() {
            let event = EventKind::Failed {
                delivery: id,
                attempts: delivery.attempt,
                notification,
                reason: failure.reason,
                text: failure.text,
            };
            self.tell_of_delivery(id, event, now_ms);
        }
        self.finish(id, false, now_ms);
    }

    /// The time of a delivery is over. An attempt that is under way may still succeed: then the log
    /// learns of it, so that it is not told again.
    pub(in crate::machine) fn give_up(&mut self, id: DeliveryId, now_ms: i64) {
        let Some(delivery) = self.deliveries.get_mut(&id) else {
            return;
        };
        if delivery.stage == Stage::Sending {
            delivery.is_abandoned = true;
            let slot = delivery.slot;
            self.effects.push_back(Effect::Cancel { delivery: id });
            self.settle(slot, id, false, now_ms);
            return;
        }
        let failure = Failure {
            reason: FailureReason::ContextDeadlineExceeded,
            text: delivery.last_error.clone(),
        };
        self.fail(id, failure.at_deadline(), now_ms);
    }

    /// Leaves all deliveries to themselves, as their groups are made anew: attempts under way are
    /// awaited, the rest is dropped.
    pub(in crate::machine) fn abandon_deliveries(&mut self) {
        let busy = &mut self.busy;
        self.deliveries.retain(|_, delivery| {
            delivery.is_abandoned = true;
            let is_sending = delivery.stage == Stage::Sending;
            if delivery.stage == Stage::BackingOff {
                busy.remove(&delivery.key);
            }
            is_sending
        });
    }

    /// A delivery is done. Those that waited for it look into the log now.
    pub(super) fn finish(&mut self, id: DeliveryId, succeeded: bool, now_ms: i64) {
        let Some(delivery) = self.deliveries.remove(&id) else {
            return;
        };
        let waiting = match delivery.notification {
            Some(_) => self.busy.remove(&delivery.key).unwrap_or_default(),
            None => Vec::new(),
        };
        if !delivery.is_abandoned {
            self.settle(delivery.slot, id, succeeded, now_ms);
        }
        for next in waiting {
            self.start(next, now_ms);
        }
    }

    pub(super) fn write_log(&mut self, id: DeliveryId, receiver_data: Vec<(String, String)>, now_ms: i64) {
        let Some(delivery) = self.deliveries.get(&id) else {
            return;
        };
        let twice_ms = delivery.repeat_interval_ms.saturating_mul(2);
        let entry = LogEntry {
            timestamp_ms: now_ms,
            firing: delivery.batch.firing.clone(),
            resolved: delivery.batch.resolved.clone(),
            expires_at_ms: now_ms.saturating_add(twice_ms.min(self.options.retention_ms)),
            receiver_data,
        };
        let key = delivery.key.clone();
        self.log.put(key.clone(), entry.clone());
        self.changes.push(Change::PutLogEntry(StoredLogEntry { key, entry }));
    }
}
