//! A group's tick: what is held back, and what goes on to the integrations.

use std::sync::Arc;

use super::deliver::{Batch, FlushSlot};
use super::{Alertmanager, DeliveryId, EventKind};
use crate::alert::{Alert, by_job_and_instance};
use crate::dispatch::{Flush, GroupId, Suppression, Timer};

/// Shortest time that a flush has, however short the group interval is.
const MIN_FLUSH_MS: i64 = 10_000;

/// The alerts of a flush that are not held back, and how many are.
struct Sifted {
    passed: Vec<Arc<Alert>>,
    suppressed: usize,
}

impl Alertmanager {
    /// A group's timer fired. While a flush is under way the tick waits for its end.
    pub(super) fn tick(&mut self, id: GroupId, now_ms: i64) {
        let Some(group) = self.groups.get_mut(id) else {
            return;
        };
        if group.next_tick_ms > now_ms {
            return;
        }
        if group.flush.is_some() {
            group.has_late_tick = true;
            group.next_tick_ms = i64::MAX;
            return;
        }
        let interval_ms = self.plan.tree.route(group.route).group_interval_ms;
        group.next_tick_ms = now_ms.saturating_add(interval_ms);
        group.has_flushed = true;
        self.timers.set(group.next_tick_ms, Timer::Tick(id));
        self.flush(id, now_ms, interval_ms);
    }

    fn flush(&mut self, id: GroupId, now_ms: i64, interval_ms: i64) {
        let Some(alerts) = self.sorted_members(id) else {
            return;
        };
        self.tell_resolved(id, &alerts, now_ms);
        let resolved: Vec<Arc<Alert>> = alerts
            .iter()
            .filter(|alert| alert.is_resolved(now_ms))
            .cloned()
            .collect();
        let (total, n_resolved) = (alerts.len(), resolved.len());
        let sifted = self.sift(id, alerts, now_ms);
        self.tell(
            now_ms,
            id,
            EventKind::Flushed {
                firing: total - n_resolved,
                resolved: n_resolved,
                suppressed: sifted.suppressed,
            },
        );
        let number = self.take_number();
        let wait_ms = self.options.peer_wait_ms();
        let deadline_ms = now_ms
            .saturating_add(interval_ms.max(MIN_FLUSH_MS))
            .saturating_add(wait_ms);
        let Some(group) = self.groups.get(id) else {
            return;
        };
        let plan = Arc::clone(&self.plan);
        let receiver = plan.receiver_of(group.route);
        let n_deliveries = if sifted.passed.is_empty() {
            0
        } else {
            receiver.integrations.len()
        };
        let batch = Arc::new(Batch::new(sifted.passed, now_ms));
        let slot = FlushSlot {
            group: id,
            number,
            deadline_ms,
        };
        let deliveries: Vec<DeliveryId> = (0..n_deliveries)
            .filter_map(|integration| self.add_delivery(slot, integration, &batch))
            .collect();
        if let Some(group) = self.groups.get_mut(id) {
            group.flush = Some(Flush {
                number,
                deadline_ms,
                resolved,
                pending: deliveries.clone(),
                has_failed: false,
            });
        }
        if deliveries.is_empty() {
            self.finish_flush(id, now_ms);
            return;
        }
        self.timers.set(
            deadline_ms,
            Timer::Deadline {
                group: id,
                flush: number,
            },
        );
        for delivery in deliveries {
            if wait_ms > 0 {
                let timer = Timer::Resume { delivery, attempt: 0 };
                self.timers.set(now_ms.saturating_add(wait_ms), timer);
            } else {
                self.start(delivery, now_ms);
            }
        }
    }

    fn sorted_members(&self, id: GroupId) -> Option<Vec<Arc<Alert>>> {
        let members = self.groups.get(id)?.members.values();
        let mut alerts: Vec<Arc<Alert>> = members.map(|member| Arc::clone(&member.alert)).collect();
        alerts.sort_by(|left, right| by_job_and_instance(&left.labels, &right.labels));
        Some(alerts)
    }

    /// Records the end of alerts that was not seen before: nobody posted it, its time came.
    fn tell_resolved(&mut self, id: GroupId, alerts: &[Arc<Alert>], now_ms: i64) {
        for alert in alerts.iter().filter(|alert| alert.is_resolved(now_ms)) {
            let Some(group) = self.groups.get_mut(id) else {
                return;
            };
            if let Some(member) = group.members.get_mut(&alert.fingerprint)
                && !member.is_resolved
            {
                member.is_resolved = true;
                self.tell(now_ms, id, EventKind::Resolved(Arc::clone(alert)));
            }
        }
    }

    /// Takes out the alerts that are held back: by other alerts, by time intervals, by silences.
    fn sift(&mut self, id: GroupId, alerts: Vec<Arc<Alert>>, now_ms: i64) -> Sifted {
        let muted = self.time_suppression(id, now_ms);
        if let Some(group) = self.groups.get_mut(id) {
            group.muted_by = match &muted {
                Some(Suppression::Muted { intervals } | Suppression::Inactive { intervals }) => intervals.clone(),
                _ => Vec::new(),
            };
        }
        let mut sifted = Sifted {
            passed: Vec::with_capacity(alerts.len()),
            suppressed: 0,
        };
        for alert in alerts {
            let suppression = self.suppression(&alert, muted.as_ref(), now_ms);
            if let Some(suppression) = &suppression {
                *self.metrics.suppressed.entry(suppression.reason()).or_default() += 1;
                sifted.suppressed += 1;
            } else {
                sifted.passed.push(Arc::clone(&alert));
            }
            self.remember_suppression(id, alert, suppression, now_ms);
        }
        sifted
    }

    fn suppression(&self, alert: &Alert, muted: Option<&Suppression>, now_ms: i64) -> Option<Suppression> {
        if let Some(inhibition) = self.inhibitor.inhibition(&alert.labels, now_ms) {
            return Some(Suppression::Inhibited {
                source: inhibition.source,
            });
        }
        if muted.is_some() {
            return muted.cloned();
        }
        let silences = self.silences.silencing(&alert.labels, now_ms);
        (!silences.is_empty()).then_some(Suppression::Silenced { silences })
    }

    /// Whether the route of a group is mute at this time.
    fn time_suppression(&self, id: GroupId, now_ms: i64) -> Option<Suppression> {
        let route = self.plan.tree.route(self.groups.get(id)?.route);
        let containing = |names: &[String]| -> Vec<String> {
            let names = names.iter().filter(|name| self.plan.interval_contains(name, now_ms));
            names.cloned().collect()
        };
        if !route.active_time_intervals.is_empty() && containing(&route.active_time_intervals).is_empty() {
            return Some(Suppression::Inactive {
                intervals: route.active_time_intervals.clone(),
            });
        }
        let intervals = containing(&route.mute_time_intervals);
        (!intervals.is_empty()).then_some(Suppression::Muted { intervals })
    }

    fn remember_suppression(&mut self, id: GroupId, alert: Arc<Alert>, suppression: Option<Suppression>, now_ms: i64) {
        let member = self
            .groups
            .get_mut(id)
            .and_then(|group| group.members.get_mut(&alert.fingerprint));
        let Some(member) = member else {
            return;
        };
        if member.suppression == suppression {
            return;
        }
        member.suppression.clone_from(&suppression);
        let kind = match suppression {
            Some(by) => EventKind::Suppressed { alert, by },
            None => EventKind::Released(alert),
        };
        self.tell(now_ms, id, kind);
    }

    /// The deadline of a flush came: what is not delivered has failed.
    pub(super) fn end_flush(&mut self, id: GroupId, number: u64, now_ms: i64) {
        let flush = self.groups.get(id).and_then(|group| group.flush.as_ref());
        let Some(flush) = flush.filter(|flush| flush.number == number) else {
            return;
        };
        for delivery in flush.pending.clone() {
            self.give_up(delivery, now_ms);
        }
    }

    /// One delivery of a flush is done.
    pub(super) fn settle(&mut self, slot: FlushSlot, delivery: DeliveryId, succeeded: bool, now_ms: i64) {
        let Some(flush) = self.groups.get_mut(slot.group).and_then(|group| group.flush.as_mut()) else {
            return;
        };
        if flush.number != slot.number {
            return;
        }
        flush.pending.retain(|pending| *pending != delivery);
        flush.has_failed |= !succeeded;
        if flush.pending.is_empty() {
            self.finish_flush(slot.group, now_ms);
        }
    }

    /// All deliveries are done. After a full success alerts whose end was told leave the group; an
    /// empty group ends.
    fn finish_flush(&mut self, id: GroupId, now_ms: i64) {
        let Some(group) = self.groups.get_mut(id) else {
            return;
        };
        if let Some(flush) = group.flush.take()
            && !flush.has_failed
        {
            group.remove_told(&flush.resolved);
        }
        if group.members.is_empty() {
            self.groups.remove(id);
        } else if std::mem::take(&mut group.has_late_tick) {
            group.next_tick_ms = now_ms;
            self.timers.set(now_ms, Timer::Tick(id));
        }
    }
}
