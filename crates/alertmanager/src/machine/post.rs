//! Alerts come in.

use std::sync::Arc;

use super::{Alertmanager, Change, Event, EventKind};
use crate::RouteId;
use crate::alert::{Alert, PostableAlert, PostableAlertError, Put};
use crate::dispatch::{Group, GroupId, Member, Timer};

/// What came of posting alerts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostOutcome {
    /// Alerts that are kept.
    pub stored: usize,
    /// Alerts that were dropped, as there are too many of their name.
    pub limited: usize,
    /// Why alerts were refused, one text each.
    pub errors: Vec<PostableAlertError>,
}

impl PostOutcome {
    /// All refusals in one text, `None` if there are none.
    pub fn error_text(&self) -> Option<String> {
        let texts: Vec<String> = self.errors.iter().map(ToString::to_string).collect();
        (!texts.is_empty()).then(|| texts.join("; "))
    }
}

/// Why an alert is put into groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// It was posted.
    Posted,
    /// The groups are made anew.
    Rebuilt,
}

impl Alertmanager {
    /// Takes alerts. The valid ones are kept even if others are refused.
    pub fn post_alerts(&mut self, now_ms: i64, alerts: Vec<PostableAlert>) -> PostOutcome {
        let mut outcome = PostOutcome::default();
        let resolve_timeout_ms = self.plan.resolve_timeout_ms;
        for alert in alerts {
            let ends_at_ms = alert.ends_at_ms.unwrap_or(i64::MAX);
            if ends_at_ms > now_ms {
                self.metrics.received_firing += 1;
            } else {
                self.metrics.received_resolved += 1;
            }
            match alert.into_alert(now_ms, resolve_timeout_ms, self.options.parser_mode) {
                Ok(alert) => self.put_alert(now_ms, alert, &mut outcome),
                Err(error) => {
                    self.metrics.invalid += 1;
                    outcome.errors.push(error);
                }
            }
        }
        outcome
    }

    fn put_alert(&mut self, now_ms: i64, alert: Alert, outcome: &mut PostOutcome) {
        match self.alerts.put(alert, now_ms) {
            Put::Limited => {
                self.metrics.limited += 1;
                outcome.limited += 1;
            }
            Put::Stored { old, new } => {
                outcome.stored += 1;
                self.inhibitor.put(old.as_ref(), &new);
                self.changes.push(Change::PutAlert(Arc::clone(&new)));
                let plan = Arc::clone(&self.plan);
                for route in plan.tree.matches(&new.labels) {
                    self.put_into_group(now_ms, route, &new, Origin::Posted);
                }
            }
        }
    }

    /// Puts an alert into its group of a route, which is made where there is none.
    pub(super) fn put_into_group(&mut self, now_ms: i64, route_id: RouteId, alert: &Arc<Alert>, origin: Origin) {
        let plan = Arc::clone(&self.plan);
        let route = plan.tree.route(route_id);
        let labels = route.group_labels(&alert.labels);
        let make = |labels| Group {
            route: route_id,
            key: route.group_key(&labels).into(),
            labels,
            members: std::collections::HashMap::new(),
            next_tick_ms: i64::MAX,
            has_flushed: false,
            flush: None,
            has_late_tick: false,
            muted_by: Vec::new(),
        };
        let (id, is_new) = self.groups.get_or_insert(route_id, labels, make);
        let Some(group) = self.groups.get_mut(id) else {
            return;
        };
        let is_resolved = origin == Origin::Posted && alert.is_resolved(now_ms);
        let old = group.members.remove(&alert.fingerprint);
        let was_firing = old.as_ref().is_some_and(|old| !old.is_resolved);
        let member = Member {
            alert: Arc::clone(alert),
            is_resolved,
            suppression: old.and_then(|old| old.suppression),
        };
        group.members.insert(alert.fingerprint, member);
        let first_tick_ms = if alert.starts_at_ms.saturating_add(route.group_wait_ms) < now_ms {
            now_ms
        } else {
            now_ms.saturating_add(route.group_wait_ms)
        };
        let first_tick_ms = first_tick_ms.max(self.started_ms.saturating_add(self.options.start_delay_ms));
        if is_new || (!group.has_flushed && first_tick_ms < group.next_tick_ms) {
            group.next_tick_ms = first_tick_ms;
            self.timers.set(first_tick_ms, Timer::Tick(id));
        }
        if origin == Origin::Posted && was_firing == is_resolved {
            let kind = if is_resolved {
                EventKind::Resolved(Arc::clone(alert))
            } else {
                EventKind::Firing(Arc::clone(alert))
            };
            self.tell(now_ms, id, kind);
        }
    }

    /// Records what happened in a group.
    pub(super) fn tell(&mut self, at_ms: i64, id: GroupId, kind: EventKind) {
        if let Some(group) = self.groups.get(id) {
            self.events.push(Event {
                at_ms,
                group_key: Arc::clone(&group.key),
                group_labels: group.labels.clone(),
                receiver: Arc::clone(&self.plan.receiver_of(group.route).name),
                kind,
            });
        }
    }
}
