//! Receivers and routes as the page shows them.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};
use skopos_alertmanager::config::GroupBy;
use skopos_alertmanager::machine::Plan;
use skopos_alertmanager::route::{Route, RouteId};
use skopos_state::NotificationFilter;

use super::{Alerting, Answer, internal, labels_of};
use crate::node::alerting::history::Record;

/// Notifications that are looked back at for how receivers fare.
const LOOK_BACK: u32 = 1_000;

#[derive(Default)]
struct Fare {
    sent: u64,
    failed: u64,
    last: Option<Record>,
}

impl Alerting {
    /// The receivers, with how their last notifications went.
    pub(super) async fn receivers(&self) -> Answer {
        let filter = NotificationFilter {
            limit: LOOK_BACK,
            ..NotificationFilter::default()
        };
        let rows = self
            .state
            .notifications(&filter)
            .await
            .map_err(|error| internal(&error))?;
        let mut fares: HashMap<(String, String), Fare> = HashMap::new();
        for row in rows {
            let Ok(record) = serde_json::from_str::<Record>(&row.body) else {
                continue;
            };
            let key = (record.receiver.clone(), record.integration.clone());
            let fare = fares.entry(key).or_default();
            if record.error.is_none() {
                fare.sent += 1;
            } else {
                fare.failed += 1;
            }
            fare.last.get_or_insert(record);
        }
        let plan = self.handle.read(|machine, _| std::sync::Arc::clone(machine.plan()));
        let none = Fare::default();
        let receivers = plan.receivers.iter().map(|receiver| {
            let integrations = receiver.integrations.iter().map(|integration| {
                let name = format!("{}[{}]", integration.kind, integration.index);
                let fare = fares.get(&(receiver.name.to_string(), name.clone())).unwrap_or(&none);
                let last = fare.last.as_ref();
                json!({
                    "kind": integration.kind,
                    "integration": name,
                    "sendResolved": integration.send_resolved,
                    "sent": fare.sent,
                    "failed": fare.failed,
                    "lastAtMs": last.map(|record| record.at_ms),
                    "lastOutcome": last.map(|record| record.outcome.as_str()),
                    "lastError": last.and_then(|record| record.error.as_deref()),
                })
            });
            json!({
                "name": &*receiver.name,
                "labels": receiver.labels.iter().cloned().collect::<BTreeMap<_, _>>(),
                "integrations": integrations.collect::<Vec<_>>(),
            })
        });
        Ok(json!({ "receivers": receivers.collect::<Vec<_>>(), "outside": self.outside.urls() }))
    }

    /// The routing tree.
    pub(super) fn routes(&self) -> Value {
        let plan = self.handle.read(|machine, _| std::sync::Arc::clone(machine.plan()));
        json!({ "root": route_json(&plan, plan.tree.root().id) })
    }

    /// Where labels lead to.
    pub(super) fn test_route(&self, labels: &BTreeMap<String, String>) -> Value {
        json!({ "matches": self.matches(labels) })
    }

    /// The routes that labels reach.
    pub(super) fn matches(&self, labels: &BTreeMap<String, String>) -> Vec<Value> {
        let labels = labels_of(labels);
        let plan = self.handle.read(|machine, _| std::sync::Arc::clone(machine.plan()));
        let routes = plan.tree.matches(&labels);
        let shown = routes.into_iter().map(|id| {
            let route = plan.tree.route(id);
            let group_key = route.group_key(&route.group_labels(&labels));
            json!({ "id": route.unique_key, "receiver": route.receiver, "groupKey": group_key })
        });
        shown.collect()
    }
}

fn route_json(plan: &Plan, id: RouteId) -> Value {
    let route: &Route = plan.tree.route(id);
    let matchers: Vec<String> = route.matchers.iter().map(ToString::to_string).collect();
    let children: Vec<Value> = route.children.iter().map(|child| route_json(plan, *child)).collect();
    let group_by = match &route.group_by {
        GroupBy::All => vec!["...".to_owned()],
        GroupBy::Labels(labels) => labels.clone(),
    };
    json!({
        "id": route.unique_key,
        "receiver": route.receiver,
        "matchers": matchers,
        "continue": route.continue_matching,
        "groupBy": group_by,
        "groupWaitMs": route.group_wait_ms,
        "groupIntervalMs": route.group_interval_ms,
        "repeatIntervalMs": route.repeat_interval_ms,
        "muteTimeIntervals": route.mute_time_intervals,
        "activeTimeIntervals": route.active_time_intervals,
        "labels": route.labels.iter().cloned().collect::<BTreeMap<_, _>>(),
        "routes": children,
    })
}
