//! What a configuration means to the machine.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::{NamedIntervals, Receiver};
use crate::inhibit::InhibitRule;
use crate::{Config, RouteId, RouteTree};

/// The label of a receiver that holds its name.
const NAME: &str = "name";

/// A configuration, ready to be used.
#[derive(Debug)]
pub struct Plan {
    /// The routes.
    pub tree: RouteTree,
    /// The receivers in the order of the file.
    pub receivers: Vec<ReceiverPlan>,
    /// Position of each route's receiver.
    receiver_of_route: Vec<usize>,
    intervals: HashMap<String, NamedIntervals>,
    /// The inhibition rules.
    pub inhibit_rules: Vec<InhibitRule>,
    /// When an alert whose end was not said is taken for ended, milliseconds after it was posted.
    pub resolve_timeout_ms: i64,
}

/// A receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiverPlan {
    /// Its name.
    pub name: Arc<str>,
    /// Its labels, `name` among them, sorted by name.
    pub labels: Vec<(String, String)>,
    /// Its integrations in the order of the configuration.
    pub integrations: Vec<IntegrationPlan>,
}

/// An integration of a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegrationPlan {
    /// The kind, such as `webhook`.
    pub kind: &'static str,
    /// Its position among the receiver's integrations of that kind.
    pub index: usize,
    /// Whether it wants to know of ended alerts.
    pub send_resolved: bool,
}

impl Plan {
    /// Reads a configuration.
    pub fn new(config: &Config) -> Self {
        let tree = RouteTree::new(config);
        let receivers: Vec<ReceiverPlan> = config.receivers.iter().map(ReceiverPlan::new).collect();
        let position = |name: &str| receivers.iter().position(|receiver| &*receiver.name == name);
        let receiver_of_route = tree
            .routes()
            .iter()
            .map(|route| position(&route.receiver).expect("a loaded configuration names defined receivers only"));
        let rules = config.inhibit_rules.iter().map(|rule| InhibitRule {
            name: rule.name.clone(),
            source: rule.source().clone(),
            target: rule.target().clone(),
            equal: rule.equal.clone(),
        });
        let intervals = config.time_intervals.iter();
        Self {
            receiver_of_route: receiver_of_route.collect(),
            inhibit_rules: rules.collect(),
            intervals: intervals.map(|named| (named.name.clone(), named.clone())).collect(),
            resolve_timeout_ms: i64::try_from(config.global.resolve_timeout.as_millis()).unwrap_or(i64::MAX),
            tree,
            receivers,
        }
    }

    /// The receiver of a route.
    pub fn receiver_of(&self, route: RouteId) -> &ReceiverPlan {
        &self.receivers[self.receiver_of_route[route.index()]]
    }

    /// Whether a time lies in the intervals of that name.
    pub fn interval_contains(&self, name: &str, now_ms: i64) -> bool {
        self.intervals.get(name).is_some_and(|named| named.contains(now_ms))
    }
}

impl ReceiverPlan {
    fn new(receiver: &Receiver) -> Self {
        let mut labels = receiver.labels.clone();
        labels.insert(NAME.to_owned(), receiver.name.clone());
        let integrations = receiver.integrations.iter().map(|integration| IntegrationPlan {
            kind: integration.kind.name(),
            index: integration.index_in_kind,
            send_resolved: integration.send_resolved,
        });
        Self {
            name: receiver.name.as_str().into(),
            labels: labels.into_iter().collect(),
            integrations: integrations.collect(),
        }
    }
}
