//! Delivers a rule's alerts: first that they fire, then that they have ended.

use skopos_alertmanager::RouteId;
use skopos_alertmanager::machine::IntegrationPlan;

use super::postbox::{Postbox, Told};
use super::{Chain, End};
use crate::report::{Link, RuleReport};

/// Time that a flush is given.
const SPARE_MS: i64 = 60_000;
/// Kinds that keep something open until they are told of the end.
const KEEPS_OPEN: &[&str] = &["pagerduty", "opsgenie", "victorops", "jira", "incidentio"];

impl Chain<'_> {
    /// Delivers a rule's alerts to the sandbox; says where they end if they do not arrive.
    pub(super) fn deliver(&self, rule: &mut RuleReport) -> Option<End> {
        let mut routes = self.routes_of(rule);
        routes.retain(|route| self.sends(*route));
        rule.notes
            .extend(routes.iter().filter_map(|route| self.mute_times(*route)));
        let longest = |of: &dyn Fn(RouteId) -> i64| routes.iter().map(|route| of(*route)).max().unwrap_or(0);
        let wait_ms = longest(&|route| self.plan.tree.route(route).group_wait_ms) + SPARE_MS;
        let interval_ms = longest(&|route| self.plan.tree.route(route).group_interval_ms) + SPARE_MS;
        let told_all_along = self.awake_ms(&routes, &[0, wait_ms, wait_ms + interval_ms]);
        let Some(base_ms) = told_all_along.or_else(|| self.awake_ms(&routes, &[0])) else {
            return Some(End {
                link: Link::Mute,
                why: "its route is mute at every hour of the year".to_owned(),
            });
        };
        let mut postbox = Postbox::new(self.config, self.sandbox, base_ms);
        if let Err(why) = postbox.post(base_ms, &rule.alerts, false) {
            return Some(End {
                link: Link::Route,
                why: format!("the Alertmanager refuses the alert: {why}"),
            });
        }
        let over_ms = base_ms + wait_ms;
        let told = postbox.run(base_ms, over_ms - 1);
        if let Some(end) = show_firing(rule, &told, base_ms) {
            return Some(end);
        }
        // What never resolves, as a dead man's switch, has no end to be told.
        rule.resolved_by.as_ref()?;
        let ended = match postbox.post(over_ms, &rule.alerts, true) {
            Ok(()) => postbox.run(over_ms, over_ms + interval_ms),
            Err(_) => Vec::new(),
        };
        let is_awake = told_all_along.is_some();
        show_ended(rule, &ended, over_ms).or_else(|| self.untold(rule, &told, &ended, is_awake))
    }

    /// Integrations that learn that the alert fires, but not that it has ended.
    fn untold(&self, rule: &mut RuleReport, told: &[Told], ended: &[Told], is_awake: bool) -> Option<End> {
        for told in told {
            let (receiver, integration) = told.address();
            if ended.iter().any(|ended| ended.address() == told.address()) {
                continue;
            }
            let plan = self.integration(receiver, integration)?;
            let kind = plan.kind;
            let (link, why) = if plan.send_resolved && !is_awake {
                rule.notes.push(format!("{receiver}: {kind} may be mute when it ends"));
                continue;
            } else if plan.send_resolved {
                let why =
                    format!("receiver {receiver}: {kind} is not told that it has ended though send_resolved is true");
                (Link::Receiver, why)
            } else if KEEPS_OPEN.contains(&kind) {
                let why = format!(
                    "receiver {receiver}: {kind} keeps open what it was told until it learns that it has ended, but \
                     send_resolved is false"
                );
                (Link::Resolve, why)
            } else {
                let note = format!("{receiver}: {kind} is not told when it ends (send_resolved: false)");
                if !rule.notes.contains(&note) {
                    rule.notes.push(note);
                }
                continue;
            };
            return Some(End { link, why });
        }
        None
    }

    fn integration(&self, receiver: &str, position: usize) -> Option<&IntegrationPlan> {
        let receiver = self.plan.receivers.iter().find(|plan| &*plan.name == receiver)?;
        receiver.integrations.get(position)
    }
}

/// Writes down who is told that it fires.
fn show_firing(rule: &mut RuleReport, told: &[Told], base_ms: i64) -> Option<End> {
    let firing_ms = rule.timeline.firing_ms?;
    let mut end = None;
    for told in told {
        let receiver = told.notification.receiver.clone();
        match &told.message {
            Ok(message) => {
                rule.message.get_or_insert_with(|| message.clone());
                rule.timeline
                    .notified_ms
                    .get_or_insert(firing_ms + told.at_ms - base_ms);
                if !rule.receivers.contains(&receiver) {
                    rule.receivers.push(receiver);
                }
            }
            Err(why) => {
                end.get_or_insert_with(|| End {
                    link: Link::Template,
                    why: format!("receiver {receiver}: {why}"),
                });
            }
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

/// Writes down who is told that it has ended.
fn show_ended(rule: &mut RuleReport, ended: &[Told], over_ms: i64) -> Option<End> {
    for told in ended.iter().filter(|told| told.is_of_end()) {
        let receiver = told.notification.receiver.clone();
        match &told.message {
            Ok(message) => {
                rule.resolved_message.get_or_insert_with(|| message.clone());
                let resolved_ms = rule.timeline.resolved_ms;
                rule.timeline.end_notified_ms = rule
                    .timeline
                    .end_notified_ms
                    .or_else(|| Some(resolved_ms? + told.at_ms - over_ms));
                if !rule.resolved_receivers.contains(&receiver) {
                    rule.resolved_receivers.push(receiver);
                }
            }
            Err(why) => {
                return Some(End {
                    link: Link::Template,
                    why: format!("receiver {receiver}, when it ends: {why}"),
                });
            }
        }
    }
    None
}
