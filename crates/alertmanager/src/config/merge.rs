//! Several configurations under one root: each keeps its own tree, receivers, intervals and
//! inhibition, for the alerts that bear its labels.

use std::collections::BTreeMap;

use super::{Config, LoadOptions, Receiver, RouteSpec};
use crate::matcher::Matcher;

/// The receiver of alerts that belong to none of the configurations. It notifies nobody.
const UNROUTED: &str = "unrouted";

/// One of the configurations.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its name, which comes before the names of its receivers and intervals.
    pub name: String,
    /// The labels that tell its alerts from those of the others. Without any it takes all that none
    /// before it has taken.
    pub labels: BTreeMap<String, String>,
    /// The configuration.
    pub config: Config,
}

impl Config {
    /// A configuration without receivers that notify: alerts are shown, and nobody is told.
    pub fn silent() -> Self {
        let text = format!("route: {{receiver: {UNROUTED}}}\nreceivers: [{{name: {UNROUTED}}}]\n");
        let parsed = Self::parse(&text, &LoadOptions::for_path("alertmanager.yml"));
        parsed.expect("the smallest configuration is valid")
    }

    /// One configuration of several. The name of a part and `/` come before the names of its receivers
    /// and intervals; its root becomes a child of a root that notifies nobody.
    pub fn merge(parts: Vec<Part>) -> Self {
        let mut merged = Self::silent();
        for part in parts {
            let matchers = part.labels.iter().map(|(name, value)| Matcher::equal(name, value));
            let matchers: Vec<Matcher> = matchers.collect();
            let Config {
                global,
                mut route,
                inhibit_rules,
                receivers,
                templates,
                time_intervals,
                warnings,
                ..
            } = part.config;
            merged.global.resolve_timeout = merged.global.resolve_timeout.max(global.resolve_timeout);
            route.rename(&part.name);
            route.narrow(&matchers);
            merged.route.routes.push(route);
            for mut rule in inhibit_rules {
                rule.narrow(&matchers);
                merged.inhibit_rules.push(rule);
            }
            merged.receivers.extend(receivers.into_iter().map(|receiver| Receiver {
                name: named(&part.name, &receiver.name),
                ..receiver
            }));
            for mut intervals in time_intervals {
                intervals.name = named(&part.name, &intervals.name);
                merged.time_intervals.push(intervals);
            }
            merged.templates.extend(templates);
            merged.warnings.extend(warnings);
        }
        merged
    }
}

fn named(part: &str, name: &str) -> String {
    format!("{part}/{name}")
}

impl RouteSpec {
    fn rename(&mut self, part: &str) {
        if !self.receiver.is_empty() {
            self.receiver = named(part, &self.receiver);
        }
        for name in self
            .mute_time_intervals
            .iter_mut()
            .chain(&mut self.active_time_intervals)
        {
            *name = named(part, name);
        }
        self.routes.iter_mut().for_each(|route| route.rename(part));
    }
}

#[cfg(test)]
mod tests;
