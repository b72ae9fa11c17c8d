//! Tests of merging: each alert goes where its own configuration sends it.

use skopos_core::Labels;

use super::*;
use crate::RouteTree;

fn part(name: &str, text: &str) -> Part {
    let config = Config::parse(text, &LoadOptions::for_path("alertmanager.yml")).expect("valid");
    Part {
        name: name.to_owned(),
        labels: BTreeMap::from([("system".to_owned(), name.to_owned())]),
        config,
    }
}

fn config() -> Config {
    let one = "
route:
  receiver: mail
  routes:
  - {matchers: [severity=critical], receiver: page, mute_time_intervals: [nights]}
inhibit_rules: [{source_matchers: [severity=critical], target_matchers: [severity=warning]}]
receivers: [{name: mail}, {name: page}]
time_intervals: [{name: nights, time_intervals: [{times: [{start_time: '00:00', end_time: '06:00'}]}]}]
";
    let two = "
global: {resolve_timeout: 9m}
route: {receiver: mail}
receivers: [{name: mail}]
";
    Config::merge(vec![part("one", one), part("two", two)])
}

#[test]
fn each_alert_goes_where_its_own_configuration_sends_it() {
    let config = config();
    let tree = RouteTree::new(&config);
    for (system, severity, wanted) in [
        ("one", "critical", "one/page"),
        ("one", "warning", "one/mail"),
        ("two", "critical", "two/mail"),
        ("three", "critical", "unrouted"),
    ] {
        let labels = Labels::from_pairs([("system", system), ("severity", severity)]);
        let routes = tree.matches(&labels);
        let receivers: Vec<&str> = routes.iter().map(|id| tree.route(*id).receiver.as_str()).collect();
        assert_eq!(receivers, [wanted], "{system} {severity}");
    }
    assert_eq!(config.global.resolve_timeout.as_secs(), 540);
}

#[test]
fn inhibition_stays_within_its_configuration() {
    let config = config();
    let rule = &config.inhibit_rules[0];
    let of = |system, severity| Labels::from_pairs([("system", system), ("severity", severity)]);
    assert!(rule.source().matches(&of("one", "critical")));
    assert!(!rule.source().matches(&of("two", "critical")));
    assert!(!rule.target().matches(&of("two", "warning")));
}

#[test]
fn what_is_merged_can_be_shown_and_read_again() {
    let config = config();
    let again = Config::parse(&config.to_yaml(), &LoadOptions::for_path("alertmanager.yml")).expect("valid");
    assert_eq!(
        RouteTree::new(&again).routes().len(),
        RouteTree::new(&config).routes().len()
    );
    assert!(again.intervals("one/nights").is_some());
}
