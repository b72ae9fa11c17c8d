//! Chains that are whole, and chains that break at each link.

use skopos_alertmanager::{Config, LoadOptions, Notification};

use super::*;
use crate::prover::ProveOptions;

/// Shows the labels; fails where the alert's annotation says so, and for receivers whose name says
/// that their message of the end is faulty.
#[derive(Debug)]
struct Mirror;

impl Sandbox for Mirror {
    fn receive(&self, notification: &Notification) -> Result<Message, String> {
        let alert = &notification.alerts[0];
        if alert.annotations.iter().any(|(name, _)| name == "faulty") {
            return Err("template: no such function".to_owned());
        }
        if notification.receiver == "endless" && alert.is_resolved() {
            return Err("template: nil data".to_owned());
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
    follow_with(route, rest, Vec::new())
}

fn follow_with(route: &str, rest: &str, silences: Vec<Silence>) -> Report {
    let text = format!(
        "route: {route}\nreceivers:\n- {{name: a, webhook_configs: [{{url: 'http://localhost:1'}}]}}\n- {{name: b, webhook_configs: [{{url: 'http://localhost:2'}}]}}\n- {{name: nobody}}\n- {{name: endless, webhook_configs: [{{url: 'http://localhost:3'}}]}}\n- {{name: quiet, webhook_configs: [{{url: 'http://localhost:4', send_resolved: false}}]}}\n- {{name: pager, pagerduty_configs: [{{routing_key: k, send_resolved: false}}]}}\n{rest}"
    );
    let config = Config::parse(&text, &LoadOptions::for_path("am.yml")).expect("the configuration is valid");
    let file = skopos_rules::parse_rule_file(RULES, "r.yml").expect("the rules are valid");
    let prover = Prover::new(&[file], ProveOptions::default());
    let mut report = prover.prove(&mut |_| {});
    Chain::new(&config, &Mirror)
        .with_silences(silences, NOW_MS)
        .follow(&prover, &mut report);
    report
}

const NOW_MS: i64 = 1_767_571_200_000;

fn silence(name: &str, value: &str, ends_at_ms: i64) -> Silence {
    Silence {
        id: "7d8e".to_owned(),
        matchers: vec![Matcher::equal(name, value)],
        starts_at_ms: NOW_MS - 1000,
        ends_at_ms,
        updated_at_ms: NOW_MS - 1000,
        created_by: "ada".to_owned(),
        comment: "moving house".to_owned(),
        annotations: Vec::new(),
    }
}

fn broken(report: &Report) -> Vec<(&str, Link)> {
    let broken = report.rules.iter().filter(|rule| rule.verdict == Verdict::Broken);
    broken
        .filter_map(|rule| Some((rule.name.as_str(), rule.link?)))
        .collect()
}

/// Findings beside those on receivers that only some tests use.
fn told_of(report: &Report) -> Vec<&String> {
    let spare = |finding: &&String| ["endless", "quiet", "pager"].iter().any(|name| finding.ends_with(name));
    report.findings.iter().filter(|finding| !spare(finding)).collect()
}

const BOTH: &str = "{receiver: a, group_wait: 30s, routes: [{matchers: ['team=\"b\"'], receiver: b}]}";

#[test]
fn whole_chains_tell_receiver_and_message() {
    let report = follow(BOTH, "");
    assert_eq!(
        (report.counts.proven, told_of(&report).len()),
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

#[test]
fn times_at_which_a_route_is_mute_are_told() {
    let interval = "time_intervals: [{name: nights, time_intervals: [{times: [{start_time: '22:00', end_time: '24:00'}]}]},
      {name: christmas, time_intervals: [{days_of_month: ['24:26'], months: [december]}]}, {name: week, time_intervals: [{weekdays: ['monday:friday']}]}]";
    let noted = |mute: &str| -> Vec<String> {
        let route = format!("{{receiver: a, routes: [{{matchers: ['team=\"b\"'], receiver: b, {mute}}}]}}");
        let report = follow(&route, interval);
        assert!(broken(&report).is_empty());
        report.rules[2].notes.clone()
    };
    assert_eq!(
        noted("mute_time_intervals: [nights]"),
        ["b is not told at these times (UTC, by nights): every day 22:00 to 00:00"]
    );
    assert_eq!(
        noted("active_time_intervals: [week]"),
        ["b is not told at these times (UTC, by week): Sat 00:00 to Mon 00:00"]
    );
    assert_eq!(
        noted("mute_time_intervals: [christmas]"),
        ["b is not told at these times (UTC, by christmas): 2026-12-24 00:00 to 2026-12-27 00:00"]
    );
}

#[test]
fn silences_that_hold_back() {
    let day_ms = 86_400_000;
    let report = follow_with(BOTH, "", vec![silence("team", "b", NOW_MS + day_ms)]);
    assert_eq!(broken(&report), [("Slow", Link::Silence), ("Slower", Link::Silence)]);
    let why = report.rules[2].why.as_deref().unwrap_or_default();
    assert!(
        why.starts_with("the silence 7d8e of ada holds it back until 2026-01-06T00:00:00Z"),
        "{why}"
    );
    // One that is over, and one of an instance that the proof did not make up.
    let silences = vec![
        silence("team", "b", NOW_MS),
        silence("instance", "web-3", NOW_MS + day_ms),
    ];
    assert!(broken(&follow_with(BOTH, "", silences)).is_empty());
}

#[test]
fn the_end_is_told() {
    let report = follow(BOTH, "");
    let slow = &report.rules[2];
    assert_eq!(slow.resolved_receivers, ["b"]);
    assert!(slow.resolved_message.is_some() && slow.timeline.end_notified_ms > slow.timeline.resolved_ms);
    assert!(
        report.rules[0].resolved_receivers.is_empty(),
        "a dead man's switch has no end"
    );
}

#[test]
fn ends_that_are_not_told() {
    let to = |receiver: &str| {
        follow(
            &format!("{{receiver: a, routes: [{{matchers: ['team=\"b\"'], receiver: {receiver}}}]}}"),
            "",
        )
    };
    let report = to("quiet");
    assert!(broken(&report).is_empty());
    assert_eq!(
        report.rules[2].notes,
        ["quiet: webhook is not told when it ends (send_resolved: false)"]
    );
    assert_eq!(
        broken(&to("pager")),
        [("Slow", Link::Resolve), ("Slower", Link::Resolve)]
    );
    let report = to("endless");
    assert_eq!(broken(&report), [("Slow", Link::Template), ("Slower", Link::Template)]);
    let why = report.rules[2].why.as_deref();
    assert_eq!(why, Some("receiver endless, when it ends: template: nil data"));
}
