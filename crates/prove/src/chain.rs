//! Follows proven alerts on their way to a person: routes, grouping, silences, inhibition, time
//! intervals, and a sandbox that takes the notifications in place of the receiver, that of the end
//! included.

mod deliver;
mod inhibition;
mod mute;
mod postbox;
mod shadow;
mod silence;

use std::collections::BTreeSet;
use std::fmt;

use skopos_alertmanager::machine::Plan;
use skopos_alertmanager::silence::{Silence, SilenceState};
use skopos_alertmanager::{Config, MatchOp, Matcher, Notification, RouteId};
use skopos_core::Labels;

use crate::dead::nearest;
use crate::prover::Prover;
use crate::report::{Link, Message, Report, RuleReport, Verdict};

/// What stands in for receivers: it renders a notification as the receiver would get it.
pub trait Sandbox: fmt::Debug + Sync {
    /// The message, or why it cannot be made, such as a template that fails.
    fn receive(&self, notification: &Notification) -> Result<Message, String>;
}

/// An Alertmanager configuration with a sandbox behind it.
#[derive(Debug)]
pub struct Chain<'a> {
    config: &'a Config,
    plan: Plan,
    sandbox: &'a dyn Sandbox,
    /// The silences that hold alerts back now.
    silences: Vec<Silence>,
}

/// Where one rule's alerts end.
#[derive(Debug, Clone, PartialEq, Eq)]
struct End {
    link: Link,
    why: String,
}

impl<'a> Chain<'a> {
    /// The chain of a configuration.
    pub fn new(config: &'a Config, sandbox: &'a dyn Sandbox) -> Self {
        Self {
            plan: Plan::new(config),
            config,
            sandbox,
            silences: Vec::new(),
        }
    }

    /// With the silences of an Alertmanager, as they stand at `at_ms`, Unix milliseconds: an alert
    /// that those active then would hold back is broken at [`Link::Silence`].
    #[must_use]
    pub fn with_silences(mut self, silences: Vec<Silence>, at_ms: i64) -> Self {
        self.silences = silences;
        self.silences
            .retain(|silence| silence.state(at_ms) == SilenceState::Active);
        self
    }

    /// Follows the alerts of every proven rule; `prover` is the one that gave the report. Rules
    /// whose alerts do not arrive become broken; what is wrong with the configuration itself is
    /// added to the findings.
    pub fn follow(&self, prover: &Prover, report: &mut Report) {
        self.follow_those(prover, report, &|_| true);
    }

    /// As [`Chain::follow`] for the rules that `is_meant` chooses, such as those of one pack.
    pub fn follow_those(&self, prover: &Prover, report: &mut Report, is_meant: &dyn Fn(&RuleReport) -> bool) {
        let proven = |rule: &RuleReport| rule.verdict == Verdict::Proven && is_meant(rule);
        let ends: Vec<Option<End>> = (0..report.rules.len())
            .map(|index| {
                let rule = &report.rules[index];
                if !proven(rule) {
                    return None;
                }
                let swallowed = || self.swallowed(prover, &report.rules, index);
                self.no_receiver(rule)
                    .or_else(|| self.shadowed(rule))
                    .or_else(|| self.silenced(rule))
                    .or_else(swallowed)
            })
            .collect();
        let mut reached = BTreeSet::new();
        let mut alerts = 0;
        for (rule, end) in report.rules.iter_mut().zip(ends) {
            if !proven(rule) {
                continue;
            }
            alerts += 1;
            reached.extend(self.receivers_of(rule));
            let end = end.or_else(|| self.deliver(rule));
            if let Some(end) = end {
                rule.verdict = Verdict::Broken;
                rule.link = Some(end.link);
                rule.why = Some(end.why);
            }
        }
        if alerts > 0 {
            let findings = self.unreached(&report.rules, &reached);
            report.findings.extend(findings);
        }
        report.count();
    }

    /// The routes that a rule's alerts reach.
    fn routes_of(&self, rule: &RuleReport) -> Vec<RouteId> {
        let mut routes = Vec::new();
        for alert in &rule.alerts {
            for route in self.plan.tree.matches(&Labels::from_pairs(&alert.labels)) {
                if !routes.contains(&route) {
                    routes.push(route);
                }
            }
        }
        routes
    }

    fn receivers_of(&self, rule: &RuleReport) -> Vec<String> {
        let routes = self.routes_of(rule).into_iter();
        routes
            .map(|route| self.plan.receiver_of(route).name.to_string())
            .collect()
    }

    /// Whether the receiver of a route sends anything.
    fn sends(&self, route: RouteId) -> bool {
        !self.plan.receiver_of(route).integrations.is_empty()
    }

    fn no_receiver(&self, rule: &RuleReport) -> Option<End> {
        let routes = self.routes_of(rule);
        if routes.iter().any(|route| self.sends(*route)) {
            return None;
        }
        let receivers = self.receivers_of(rule).join(", ");
        Some(End {
            link: Link::Route,
            why: format!("no route leads to a receiver that sends anything: the alert ends at {receivers}"),
        })
    }

    /// Receivers that no alert reaches because no route names them, or because the route asks for
    /// a value that no alert has but that looks like one that alerts have. Others may wait for
    /// alerts that are yet to be written.
    fn unreached(&self, rules: &[RuleReport], reached: &BTreeSet<String>) -> Vec<String> {
        let receivers = self.config.receivers.iter();
        let unreached =
            receivers.filter(|receiver| !receiver.integrations.is_empty() && !reached.contains(&receiver.name));
        let mut findings = Vec::new();
        for receiver in unreached {
            let place = format!("{}:{}", self.config.path.display(), receiver.position.line);
            let mut routes = self
                .plan
                .tree
                .routes()
                .iter()
                .filter(|route| route.receiver == receiver.name)
                .peekable();
            if routes.peek().is_none() {
                findings.push(format!("{place}: no route names the receiver {}", receiver.name));
            }
            let slips = routes
                .flat_map(|route| route.matchers.iter())
                .filter_map(|matcher| slip(matcher, rules));
            findings
                .extend(slips.map(|slip| format!("{place}: no alert reaches the receiver {}: {slip}", receiver.name)));
        }
        findings
    }
}

/// Says what a matcher may have meant that no alert satisfies.
fn slip(matcher: &Matcher, rules: &[RuleReport]) -> Option<String> {
    let alerts = rules.iter().flat_map(|rule| &rule.alerts);
    let values: BTreeSet<&String> = alerts
        .clone()
        .filter_map(|alert| alert.labels.get(matcher.name()))
        .collect();
    if matcher.op() != MatchOp::Equal || values.iter().any(|value| matcher.matches(value)) {
        return None;
    }
    if values.is_empty() {
        let names: BTreeSet<&String> = alerts.flat_map(|alert| alert.labels.keys()).collect();
        let names: Vec<String> = names.into_iter().cloned().collect();
        let meant = nearest(&[matcher.name().to_owned()], &names, 1).pop()?;
        return Some(format!(
            "no alert carries the label of {matcher}; did you mean {meant}?"
        ));
    }
    let values: Vec<String> = values.into_iter().cloned().collect();
    let meant = nearest(&[matcher.value().to_owned()], &values, 1).pop()?;
    Some(format!("no alert satisfies {matcher}; did you mean {meant:?}?"))
}

#[cfg(test)]
mod tests;
