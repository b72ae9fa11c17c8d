//! Routes that never get an alert because one before them takes all that they ask for.

use skopos_alertmanager::route::Route;
use skopos_core::Labels;

use super::{Chain, End};
use crate::report::{Link, RuleReport};

impl Chain<'_> {
    /// Says which route was meant for a rule's alerts but never gets any.
    pub(super) fn shadowed(&self, rule: &RuleReport) -> Option<End> {
        let tree = &self.plan.tree;
        for route in tree.routes() {
            let Some(parent) = route.parent else { continue };
            let Some(before) = tree.shadow_of(route) else { continue };
            let is_meant = rule.alerts.iter().any(|alert| {
                let labels = Labels::from_pairs(&alert.labels);
                self.passes(tree.route(parent), &labels) && route.matchers.matches(&labels)
            });
            if is_meant && before.receiver != route.receiver {
                return Some(End {
                    link: Link::Route,
                    why: format!(
                        "the route to {} at {}:{} never gets an alert: the route to {} before it takes all of them",
                        route.receiver,
                        self.config.path.display(),
                        route.position.line,
                        before.receiver
                    ),
                });
            }
        }
        None
    }

    /// Whether labels match a route and all above it.
    fn passes(&self, route: &Route, labels: &Labels) -> bool {
        route.matchers.matches(labels)
            && route
                .parent
                .is_none_or(|parent| self.passes(self.plan.tree.route(parent), labels))
    }
}
