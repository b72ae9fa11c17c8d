//! Whom the alerts of a proof are sent to, by the routes of the Alertmanager configuration.

use skopos_alertmanager::{Config, RouteTree};
use skopos_core::Labels;
use skopos_prove::{Report, RuleReport};

/// Adds the receivers to rules that fire and do not name them yet.
pub(super) fn fill(report: &mut Report, config: &Config) {
    let tree = RouteTree::new(config);
    for rule in report.rules.iter_mut().filter(|rule| rule.receivers.is_empty()) {
        fill_rule(rule, config, &tree);
    }
}

fn fill_rule(rule: &mut RuleReport, config: &Config, tree: &RouteTree) {
    for alert in &rule.alerts {
        for route in tree.matches(&Labels::from_pairs(&alert.labels)) {
            let name = &tree.route(route).receiver;
            let sends = config
                .receiver(name)
                .is_some_and(|receiver| !receiver.integrations.is_empty());
            if sends && !rule.receivers.contains(name) {
                rule.receivers.push(name.clone());
            }
        }
    }
    if !rule.alerts.is_empty() && rule.receivers.is_empty() {
        rule.notes
            .push("no route leads to a receiver that sends anything".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use skopos_alertmanager::LoadOptions;
    use skopos_prove::{ProveOptions, Prover};

    use super::*;

    #[test]
    fn receivers_of_routes() {
        let text = "route: {receiver: all, routes: [{matchers: ['team=\"a\"'], receiver: a}, \
                    {matchers: ['team=\"b\"'], receiver: silent}]}\n\
                    receivers: [{name: all, webhook_configs: [{url: 'http://localhost:1'}]}, \
                    {name: a, webhook_configs: [{url: 'http://localhost:2'}]}, {name: silent}]\n";
        let config = Config::parse(text, &LoadOptions::default()).expect("the configuration is valid");
        let rules = "groups: [{name: g, rules: [{alert: A, expr: up == 0, labels: {team: a}}, {alert: B, expr: up == 0, \
                     labels: {team: b}}, {alert: C, expr: up == 0}]}]";
        let file = skopos_rules::parse_rule_file(rules, "alerts.yml").expect("the rules are valid");
        let mut report = Prover::new(&[file], ProveOptions::default()).prove(&mut |_| {});
        fill(&mut report, &config);
        let receivers: Vec<String> = report.rules.iter().map(|rule| rule.receivers.join(",")).collect();
        assert_eq!(receivers, ["a", "", "all"]);
        assert!(report.rules[1].notes.iter().any(|note| note.contains("no route")));
    }
}
