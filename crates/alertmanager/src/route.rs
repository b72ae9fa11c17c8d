//! The routing tree: which groups an alert joins, and how they are notified.

mod shadow;
mod show;

use std::collections::BTreeMap;
use std::time::Duration;

use skopos_core::Labels;
use skopos_template::quote;

use crate::config::{Config, GroupBy, Position, RouteSpec};
use crate::matcher::Matchers;

/// A route of a tree, by its position in depth-first order; the root is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteId(usize);

impl RouteId {
    /// The position in depth-first order.
    pub fn index(self) -> usize {
        self.0
    }
}

/// A route with all that it inherits.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// Which one it is.
    pub id: RouteId,
    /// The route above; none for the root.
    pub parent: Option<RouteId>,
    /// The routes below, in their order.
    pub children: Vec<RouteId>,
    /// What an alert must match, besides what the parents ask.
    pub matchers: Matchers,
    /// Whether siblings that follow are asked too.
    pub continue_matching: bool,
    /// The receiver's name.
    pub receiver: String,
    /// By which labels alerts are grouped, sorted.
    pub group_by: GroupBy,
    /// How long a new group waits.
    pub group_wait_ms: i64,
    /// How long a group waits between notifications.
    pub group_interval_ms: i64,
    /// After how long an unchanged group is notified again.
    pub repeat_interval_ms: i64,
    /// Inside any of these nothing is sent. Not inherited.
    pub mute_time_intervals: Vec<String>,
    /// Outside all of these nothing is sent. Not inherited.
    pub active_time_intervals: Vec<String>,
    /// Labels, whose values are templates, sorted by name.
    pub labels: Vec<(String, String)>,
    /// The matchers from the root down, joined by `/`: what group keys begin with. Routes with the
    /// same matchers share it.
    pub key: String,
    /// The key with the route's position among its siblings, unique in the tree (`Route.ID`
    /// upstream).
    pub unique_key: String,
    /// Where it is written.
    pub position: Position,
}

impl Route {
    /// The labels by which a group of the alert is made.
    pub fn group_labels(&self, labels: &Labels) -> Labels {
        match &self.group_by {
            GroupBy::All => labels.clone(),
            GroupBy::Labels(names) => labels.only(names),
        }
    }

    /// The key of the group with these labels: `{}/{team="a"}:{alertname="x"}`.
    pub fn group_key(&self, group_labels: &Labels) -> String {
        let pairs: Vec<String> = group_labels
            .iter()
            .map(|(name, value)| format!("{name}={}", quote(value)))
            .collect();
        format!("{}:{{{}}}", self.key, pairs.join(", "))
    }
}

/// All routes of a configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteTree {
    routes: Vec<Route>,
}

const DEFAULT_GROUP_WAIT_MS: i64 = 30_000;
const DEFAULT_GROUP_INTERVAL_MS: i64 = 5 * 60_000;
const DEFAULT_REPEAT_INTERVAL_MS: i64 = 4 * 3_600_000;

impl RouteTree {
    /// Builds the tree of a configuration.
    pub fn new(config: &Config) -> Self {
        let mut tree = Self { routes: Vec::new() };
        tree.add(&config.route, None, 0);
        tree
    }

    /// The root, which every alert matches.
    pub fn root(&self) -> &Route {
        &self.routes[0]
    }

    /// The route of an id of this tree.
    ///
    /// # Panics
    ///
    /// Panics if the id is of a larger tree.
    pub fn route(&self, id: RouteId) -> &Route {
        &self.routes[id.0]
    }

    /// All routes, parents before their children.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The routes that the alert reaches, in their order; each gives a group of its own.
    pub fn matches(&self, labels: &Labels) -> Vec<RouteId> {
        let mut reached = Vec::new();
        self.walk(self.root(), labels, &mut reached);
        reached
    }

    /// Adds what the alert reaches at and below `route`, and says whether it matched.
    fn walk(&self, route: &Route, labels: &Labels, reached: &mut Vec<RouteId>) -> bool {
        if !route.matchers.matches(labels) {
            return false;
        }
        let before = reached.len();
        for child in &route.children {
            let child = self.route(*child);
            if self.walk(child, labels, reached) && !child.continue_matching {
                break;
            }
        }
        if reached.len() == before {
            reached.push(route.id);
        }
        true
    }

    fn add(&mut self, spec: &RouteSpec, parent: Option<RouteId>, position: usize) -> RouteId {
        let id = RouteId(self.routes.len());
        let route = inherit(spec, parent.map(|parent| self.route(parent)), id, position);
        self.routes.push(route);
        for (position, child) in spec.routes.iter().enumerate() {
            let child = self.add(child, Some(id), position);
            self.routes[id.0].children.push(child);
        }
        id
    }
}

fn inherit(spec: &RouteSpec, parent: Option<&Route>, id: RouteId, position: usize) -> Route {
    let ms = |own: Option<Duration>, inherited: Option<i64>, default: i64| {
        own.map(|own| i64::try_from(own.as_millis()).unwrap_or(i64::MAX))
            .or(inherited)
            .unwrap_or(default)
    };
    let receiver = match parent {
        Some(parent) if spec.receiver.is_empty() => parent.receiver.clone(),
        _ => spec.receiver.clone(),
    };
    let group_by = spec.group_by.clone().map(sorted);
    let group_by = group_by.or_else(|| parent.map(|parent| parent.group_by.clone()));
    let mut labels: BTreeMap<String, String> =
        parent.map_or_else(BTreeMap::new, |parent| parent.labels.iter().cloned().collect());
    labels.extend(spec.labels.clone());
    let matchers = spec.all_matchers().clone();
    let key = match parent {
        Some(parent) => format!("{}/{matchers}", parent.key),
        None => matchers.to_string(),
    };
    let unique_key = match parent {
        Some(parent) => format!("{}/{matchers}/{position}", parent.unique_key),
        None => key.clone(),
    };
    Route {
        id,
        parent: parent.map(|parent| parent.id),
        children: Vec::new(),
        matchers,
        continue_matching: spec.continue_matching,
        receiver,
        group_by: group_by.unwrap_or(GroupBy::Labels(Vec::new())),
        group_wait_ms: ms(
            spec.group_wait,
            parent.map(|parent| parent.group_wait_ms),
            DEFAULT_GROUP_WAIT_MS,
        ),
        group_interval_ms: ms(
            spec.group_interval,
            parent.map(|parent| parent.group_interval_ms),
            DEFAULT_GROUP_INTERVAL_MS,
        ),
        repeat_interval_ms: ms(
            spec.repeat_interval,
            parent.map(|parent| parent.repeat_interval_ms),
            DEFAULT_REPEAT_INTERVAL_MS,
        ),
        mute_time_intervals: spec.mute_time_intervals.clone(),
        active_time_intervals: spec.active_time_intervals.clone(),
        labels: labels.into_iter().collect(),
        key,
        unique_key,
        position: spec.position,
    }
}

fn sorted(group_by: GroupBy) -> GroupBy {
    match group_by {
        GroupBy::Labels(mut names) => {
            names.sort();
            GroupBy::Labels(names)
        }
        GroupBy::All => GroupBy::All,
    }
}

#[cfg(test)]
mod tests;
