//! Runs the Alertmanager on a virtual clock until the alert's first notification is out.

use skopos_alertmanager::RouteId;
use skopos_alertmanager::alert::PostableAlert;
use skopos_alertmanager::machine::{Alertmanager, Effect, Options, Outcome};

use super::{Chain, End};
use crate::report::{Link, RuleReport};

const HOUR_MS: i64 = 3_600_000;
/// Monday, 5 January 2026, 00:00 UTC: hours that are not mute are looked for from here on.
const MONDAY_MS: i64 = 1_767_571_200_000;
/// Hours of a year.
const YEAR_HOURS: i64 = 366 * 24;
/// Alerts that say no end are taken for ended only long after the proof.
const DAY_MS: i64 = 24 * HOUR_MS;

impl Chain<'_> {
    /// Delivers a rule's alerts to the sandbox; says where they end if they do not arrive.
    pub(super) fn deliver(&self, rule: &mut RuleReport) -> Option<End> {
        let routes: Vec<RouteId> = self
            .routes_of(rule)
            .into_iter()
            .filter(|route| self.sends(*route))
            .collect();
        let Some(base_ms) = self.awake_ms(&routes) else {
            return Some(End {
                link: Link::Mute,
                why: "its route is mute at every hour of the year".to_owned(),
            });
        };
        if self.is_mute(&routes, MONDAY_MS) != self.is_mute(&routes, MONDAY_MS + 12 * HOUR_MS) {
            rule.notes.push("its route is mute at some hours".to_owned());
        }
        let firing_ms = rule.timeline.firing_ms?;
        let wait_ms = routes
            .iter()
            .map(|route| self.plan.tree.route(*route).group_wait_ms)
            .max()
            .unwrap_or(0);
        let mut machine = Alertmanager::new(self.config, Options::default(), base_ms);
        let posted = rule.alerts.iter().map(|alert| PostableAlert {
            labels: alert.labels.clone().into_iter().collect(),
            annotations: alert.annotations.clone().into_iter().collect(),
            starts_at_ms: Some(base_ms),
            ends_at_ms: Some(base_ms + wait_ms + DAY_MS),
            generator_url: String::new(),
        });
        let outcome = machine.post_alerts(base_ms, posted.collect());
        if let Some(why) = outcome.error_text() {
            return Some(End {
                link: Link::Route,
                why: format!("the Alertmanager refuses the alert: {why}"),
            });
        }
        let mut end = None;
        while let Some(due_ms) = machine
            .next_wakeup_ms()
            .filter(|due_ms| *due_ms <= base_ms + wait_ms + HOUR_MS)
        {
            let now_ms = due_ms.max(base_ms);
            for effect in machine.poll(now_ms) {
                let Effect::Notify {
                    delivery, notification, ..
                } = effect
                else {
                    continue;
                };
                match self.sandbox.receive(&notification) {
                    Ok(message) => {
                        rule.message.get_or_insert(message);
                        rule.timeline.notified_ms.get_or_insert(firing_ms + now_ms - base_ms);
                        if !rule.receivers.contains(&notification.receiver) {
                            rule.receivers.push(notification.receiver.clone());
                        }
                    }
                    Err(why) => {
                        end.get_or_insert_with(|| End {
                            link: Link::Template,
                            why: format!("receiver {}: {why}", notification.receiver),
                        });
                    }
                }
                let receiver_data = Vec::new();
                machine.complete(now_ms, delivery, Outcome::Delivered { receiver_data });
            }
        }
        if end.is_none() && rule.message.is_none() {
            return Some(End {
                link: Link::Receiver,
                why: "nothing is sent though a route leads to a receiver".to_owned(),
            });
        }
        end
    }

    /// An hour at which at least one of the routes is not mute.
    fn awake_ms(&self, routes: &[RouteId]) -> Option<i64> {
        let mut hours = (0..YEAR_HOURS).map(|hour| MONDAY_MS + hour * HOUR_MS);
        hours.find(|at_ms| !self.is_mute(routes, *at_ms))
    }

    fn is_mute(&self, routes: &[RouteId], at_ms: i64) -> bool {
        routes.iter().all(|route| {
            let route = self.plan.tree.route(*route);
            let within = |name: &String| self.plan.interval_contains(name, at_ms);
            let is_active = route.active_time_intervals.is_empty() || route.active_time_intervals.iter().any(within);
            !is_active || route.mute_time_intervals.iter().any(within)
        })
    }
}
