//! Chains that are whole, and chains that break at each link.

use skopos_alertmanager::{Config, LoadOptions, Notification};

use super::*;
use crate::prover::ProveOptions;

/// Shows the labels; fails where the alert's annotation says so.
#[derive(Debug)]
struct Mirror;

impl Sandbox for Mirror {
    fn receive(&self, notification: &Notification) -> Result<Message, String> {
        let alert = &notification.alerts[0];
        if alert.annotations.iter().any(|(name, _)| name == "faulty") {
            return Err("template: no such function".to_owned());
        }
        Ok(Message {
            title: alert.labels.get("alertname").to_owned(),
            text: notification.group_key.clone(),
            payload: String::new(),
        })
    }
}

const RULES: &str = "groups: [{name: g, rules: [
  {alert: Watchdog, expr: vector(1), labels: {severity: none}},
  {alert: Down, expr: up == 0, labels: {severity: critical, team: a}},
  {alert: Slow, expr: latency > 5, labels: {severity: warning, team: b}},
  {alert: Slower, expr: latency > 5 and latency > 2, labels: {severity: critical, team: b}}]}]";

fn follow(route: &str, rest: &str) -> Report {
    let text = format!(
        "route: {route}\nreceivers:\n- {{name: a, webhook_configs: [{{url: 'http://localhost:1'}}]}}\n- {{name: b, webhook_configs: [{{url: 'http://localhost:2'}}]}}\n- {{name: nobody}}\n{rest}"
    );
    let config = Config::parse(&text, &LoadOptions::for_path("am.yml")).expect("the configuration is valid");
    let file = skopos_rules::parse_rule_file(RULES, "r.yml").expect("the rules are valid");
    let prover = Prover::new(&[file], ProveOptions::default());
    let mut report = prover.prove(&mut |_| {});
    Chain::new(&config, &Mirror).follow(&prover, &mut report);
    report
}

fn broken(report: &Report) -> Vec<(&str, Link)> {
    let broken = report.rules.iter().filter(|rule| rule.verdict == Verdict::Broken);
    broken
        .filter_map(|rule| Some((rule.name.as_str(), rule.link?)))
        .collect()
}

const BOTH: &str = "{receiver: a, group_wait: 30s, routes: [{matchers: ['team=\"b\"'], receiver: b}]}";

#[test]
fn whole_chains_tell_receiver_and_message() {
    let report = follow(BOTH, "");
    assert_eq!(
        (report.counts.proven, report.findings.len()),
        (4, 0),
        "{:?}",
        broken(&report)
    );
    let slow = &report.rules[2];
    assert_eq!(slow.receivers, ["b"]);
    let fired_ms = slow.timeline.firing_ms.unwrap_or_default();
    assert_eq!(slow.timeline.notified_ms, Some(fired_ms + 30_000));
    assert_eq!(
        slow.message.as_ref().map(|message| message.title.as_str()),
        Some("Slow")
    );
}

#[test]
fn alerts_that_no_receiver_sends() {
    let report = follow(
        "{receiver: nobody, routes: [{matchers: ['team=\"b\"'], receiver: b}]}",
        "",
    );
    assert_eq!(broken(&report), [("Watchdog", Link::Route), ("Down", Link::Route)]);
    let findings = &report.findings;
    assert!(
        findings
            .iter()
            .any(|finding| finding.contains("no route names the receiver a")),
        "{findings:?}"
    );
}

#[test]
fn values_that_are_slips() {
    let report = follow(
        "{receiver: a, routes: [{matchers: ['severity=\"critcal\"'], receiver: b}]}",
        "",
    );
    assert!(
        report
            .findings
            .iter()
            .any(|finding| finding.contains("did you mean \"critical\"")),
        "{:?}",
        report.findings
    );
    assert!(!report.is_clean());
}

#[test]
fn routes_that_are_shadowed() {
    let routes =
        "{receiver: a, routes: [{matchers: ['team=~\"a|b\"'], receiver: a}, {matchers: ['team=\"b\"'], receiver: b}]}";
    let report = follow(routes, "");
    assert_eq!(broken(&report), [("Slow", Link::Route), ("Slower", Link::Route)]);
}

#[test]
fn inhibitions_that_swallow() {
    let rule = "inhibit_rules: [{source_matchers: ['severity=\"critical\"'], target_matchers: ['severity=\"warning\"'], equal: [team]}]";
    let report = follow(BOTH, rule);
    assert_eq!(broken(&report), [("Slow", Link::Inhibition)]);
    let rule = "inhibit_rules: [{source_matchers: ['severity=\"none\"'], target_matchers: ['team=\"a\"']}]";
    assert_eq!(broken(&follow(BOTH, rule)), [("Down", Link::Inhibition)]);
    let rule = "inhibit_rules: [{source_matchers: ['team=\"a\"'], target_matchers: ['team=\"b\"']}]";
    assert!(broken(&follow(BOTH, rule)).is_empty());
}

#[test]
fn routes_that_are_always_mute() {
    let interval =
        "time_intervals: [{name: always, time_intervals: [{times: [{start_time: '00:00', end_time: '24:00'}]}]}]";
    let routes = "{receiver: a, routes: [{matchers: ['team=\"b\"'], receiver: b, mute_time_intervals: [always]}]}";
    let report = follow(routes, interval);
    assert_eq!(broken(&report), [("Slow", Link::Mute), ("Slower", Link::Mute)]);
}
