//! What a configuration may say but hardly means: routes and receivers that nothing reaches, inhibition that holds back
//! too much or nothing, time intervals that nobody names.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use skopos_alertmanager::config::{InhibitRuleSpec, Position};
use skopos_alertmanager::route::Route;
use skopos_alertmanager::{Config, RouteTree};

/// Something that looks wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// Where in the file.
    pub(super) position: Option<Position>,
    /// The check that found it.
    pub(super) lint: &'static str,
    /// What looks wrong, and how to mend it.
    pub(super) message: String,
}

impl Finding {
    /// The finding with its place.
    pub(super) fn line(&self, path: &Path) -> String {
        let place = self
            .position
            .map(|Position { line, column }| format!(":{line}:{column}"))
            .unwrap_or_default();
        format!("{}{place}: {} [{}]", path.display(), self.message, self.lint)
    }

    /// The same as JSON.
    pub(super) fn json(&self, path: &Path) -> Value {
        json!({
            "lint": self.lint,
            "file": path.display().to_string(),
            "line": self.position.map(|position| position.line),
            "column": self.position.map(|position| position.column),
            "message": self.message,
        })
    }
}

/// All findings of a configuration.
pub(super) fn of(config: &Config) -> Vec<Finding> {
    let tree = RouteTree::new(config);
    let mut findings: Vec<Finding> = config
        .warnings
        .iter()
        .map(|warning| Finding {
            position: warning.position,
            lint: "configuration",
            message: warning.message.clone(),
        })
        .collect();
    findings.extend(tree.routes().iter().filter_map(|route| unreachable(&tree, route)));
    findings.extend(unreached_receivers(config, &tree));
    findings.extend(config.inhibit_rules.iter().filter_map(inhibition));
    findings.extend(unused_intervals(config, &tree));
    findings
}

fn unreachable(tree: &RouteTree, route: &Route) -> Option<Finding> {
    let why = if let Some(before) = tree.shadow_of(route) {
        format!(
            "the route at line {} before it takes them all; put this one first, or let that one continue",
            before.position.line
        )
    } else {
        let (one, other) = tree.contradiction_of(route)?;
        format!("no alert has {one} and {other}, which this route and those above it ask for together")
    };
    Some(Finding {
        position: Some(route.position),
        lint: "unreachable-route",
        message: format!("the route to {:?} never gets an alert: {why}", route.receiver),
    })
}

/// Whether alerts can come to a route.
fn is_reachable(tree: &RouteTree, route: &Route) -> bool {
    unreachable(tree, route).is_none() && route.parent.is_none_or(|parent| is_reachable(tree, tree.route(parent)))
}

/// Receivers that routes name but no alert comes to. Those that no route names are warnings of the configuration.
fn unreached_receivers(config: &Config, tree: &RouteTree) -> Vec<Finding> {
    let named: BTreeSet<&str> = tree.routes().iter().map(|route| route.receiver.as_str()).collect();
    let notifying = tree
        .routes()
        .iter()
        .filter(|route| is_reachable(tree, route) && tree.cover_of(route).is_none());
    let reached: BTreeSet<&str> = notifying.map(|route| route.receiver.as_str()).collect();
    let unreached = config
        .receivers
        .iter()
        .filter(|receiver| named.contains(receiver.name.as_str()) && !reached.contains(receiver.name.as_str()));
    unreached
        .map(|receiver| Finding {
            position: Some(receiver.position),
            lint: "unreached-receiver",
            message: format!(
                "no alert comes to the receiver {:?}: its routes get none, or those below them take all",
                receiver.name
            ),
        })
        .collect()
}

fn inhibition(rule: &InhibitRuleSpec) -> Option<Finding> {
    let (lint, message) = if rule.source() == rule.target() {
        let why = "alerts that match both sides never hold back each other";
        (
            "inhibits-nothing",
            format!(
                "this inhibition holds back nothing: both sides are {}, and {why}",
                rule.source()
            ),
        )
    } else if rule.equal.is_empty() {
        let message = format!(
            "one alert with {} holds back all alerts with {}, whatever they are about; name labels under equal that \
             both have in common",
            rule.source(),
            rule.target()
        );
        ("inhibits-without-equal", message)
    } else {
        return None;
    };
    Some(Finding {
        position: Some(rule.position),
        lint,
        message,
    })
}

fn unused_intervals(config: &Config, tree: &RouteTree) -> Vec<Finding> {
    let used: BTreeSet<&str> = tree
        .routes()
        .iter()
        .flat_map(|route| route.mute_time_intervals.iter().chain(&route.active_time_intervals))
        .map(String::as_str)
        .collect();
    let unused = config
        .time_intervals
        .iter()
        .filter(|intervals| !used.contains(intervals.name.as_str()));
    unused
        .map(|intervals| Finding {
            position: Some(intervals.position),
            lint: "unused-time-interval",
            message: format!("no route names the time interval {:?}", intervals.name),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use skopos_alertmanager::LoadOptions;

    use super::*;

    const RECEIVERS: &str = "receivers: [{name: a}, {name: b}]\n";

    /// The lints that find something, with the line.
    fn found(text: &str) -> Vec<(&'static str, usize)> {
        let text = format!("{RECEIVERS}{text}");
        let config = Config::parse(&text, &LoadOptions::default()).expect("a configuration");
        let findings = of(&config);
        findings
            .iter()
            .map(|finding| (finding.lint, finding.position.map_or(0, |position| position.line)))
            .collect()
    }

    #[test]
    fn routes_and_receivers_that_nothing_reaches() {
        let fine = "route:\n  receiver: a\n  routes:\n  - {matchers: [x=1], receiver: b}\n";
        assert_eq!(found(fine), []);
        let shadowed = format!("{fine}  - {{matchers: [x=1, y=2], receiver: b}}\n");
        assert_eq!(found(&shadowed), [("unreachable-route", 6)]);
        let covered = "route:\n  receiver: a\n  routes:\n  - {receiver: b}\n";
        assert_eq!(found(covered), [("unreached-receiver", 1)]);
        let torn = "route:\n  receiver: a\n  routes:\n  - matchers: [x=1]\n    routes:\n    - {matchers: [x=2], receiver: b}\n";
        assert_eq!(found(torn), [("unreachable-route", 7), ("unreached-receiver", 1)]);
        assert_eq!(found("route: {receiver: a}\n"), [("configuration", 1)]);
    }

    #[test]
    fn inhibition_and_intervals() {
        let text = "route: {receiver: a, routes: [{matchers: [x=1], receiver: b, mute_time_intervals: [n]}]}
inhibit_rules:
- {source_matchers: [s=c], target_matchers: [s=w]}
- {source_matchers: [s=c], target_matchers: [s=c], equal: [j]}
- {source_matchers: [s=c], target_matchers: [s=w], equal: [j]}
time_intervals:
- {name: n, time_intervals: [{weekdays: [sunday]}]}
- {name: m, time_intervals: [{weekdays: [sunday]}]}
";
        assert_eq!(
            found(text),
            [
                ("inhibits-without-equal", 4),
                ("inhibits-nothing", 5),
                ("unused-time-interval", 9)
            ]
        );
    }

    #[test]
    fn a_finding_names_its_place() {
        let finding = Finding {
            position: Some(Position { line: 3, column: 5 }),
            lint: "unused-time-interval",
            message: "odd".to_owned(),
        };
        let path = Path::new("am.yml");
        assert_eq!(finding.line(path), "am.yml:3:5: odd [unused-time-interval]");
        assert_eq!(finding.json(path)["line"], 3);
    }
}
