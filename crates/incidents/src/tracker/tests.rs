//! Tests of the tracker: an incident from its first bad sample to its end.

use std::path::Path;

use proptest::prelude::*;
use skopos_core::Labels;

use super::*;
use crate::incident::IncidentState;
use crate::stats::stats_of;

const MINUTE: i64 = 60_000;

fn change(at_ms: i64, fingerprint: u64, phase: AlertPhase) -> AlertChange {
    let name = format!("Alert{fingerprint}");
    let labels = [
        ("alertname", name.as_str()),
        ("service", "gateway"),
        ("severity", "warning"),
    ];
    AlertChange {
        at_ms,
        fingerprint,
        labels: Labels::from_pairs(labels),
        annotations: vec![("summary".to_owned(), "slow".to_owned())].into(),
        phase,
    }
}

fn group() -> GroupRef {
    GroupRef {
        key: "{}:{service=\"gateway\"}".into(),
        labels: Labels::from_pairs([("service", "gateway")]),
    }
}

fn firing(first_bad_ms: Option<i64>) -> AlertPhase {
    AlertPhase::Firing { first_bad_ms }
}

fn told(at_ms: i64, error: Option<&str>) -> Notified {
    Notified {
        at_ms,
        receiver: "mail".to_owned(),
        integration: "email[0]".to_owned(),
        error: error.map(str::to_owned),
        is_resolved: false,
        notification_id: Some(7),
    }
}

fn policy() -> Policy {
    let text = "
recovery_target: 10m
escalations:
- name: critical
  matchers: ['severity=~\"warning|critical\"']
  steps:
  - {after: 15m, receiver: lead}
  - {after: 5m, receiver: second}
";
    Policy::parse(text, Path::new("incidents.yml")).expect("valid")
}

#[test]
fn the_times_are_measured_from_the_first_bad_sample_to_the_end() {
    let mut tracker = IncidentTracker::new(policy());
    tracker.alert(
        &change(MINUTE, 1, AlertPhase::Pending { first_bad_ms: 30_000 }),
        &group(),
    );
    assert_eq!(tracker.incidents().count(), 0, "a pending alert is no incident");
    tracker.alert(&change(6 * MINUTE, 1, firing(None)), &group());
    tracker.notified(&group().key, &told(7 * MINUTE, Some("refused")));
    tracker.notified(&group().key, &told(8 * MINUTE, None));
    let id = tracker.of_group(&group().key).expect("open").id.clone();
    tracker.acknowledge(9 * MINUTE, &id, "ada", "on it").expect("known");
    tracker.alert(&change(20 * MINUTE, 1, AlertPhase::Resolved), &group());
    let incident = tracker.of_group(&group().key).expect("kept a while").clone();
    assert_eq!(incident.state(), IncidentState::Resolved);
    assert_eq!(incident.time_to_detect_ms(), Some(8 * MINUTE - 30_000));
    assert_eq!(incident.time_to_acknowledge_ms(), Some(3 * MINUTE));
    assert_eq!(incident.time_to_recover_ms(), Some(14 * MINUTE));
    let kinds: Vec<EntryKind> = incident.timeline.iter().map(|entry| entry.kind).collect();
    assert_eq!(
        kinds,
        [
            EntryKind::FirstBadSample,
            EntryKind::Pending,
            EntryKind::Firing,
            EntryKind::NotificationFailed,
            EntryKind::Notified,
            EntryKind::Acknowledged,
            EntryKind::Note,
            EntryKind::Resolved,
            EntryKind::Resolved,
        ]
    );
    let (total, services) = stats_of([&incident], 10 * MINUTE, 30 * MINUTE);
    assert_eq!((total.count, total.within_target, total.beyond_target), (1, 0, 1));
    assert_eq!(services[0].service, "gateway");
}

#[test]
fn a_group_that_fires_again_shortly_after_goes_on() {
    let mut tracker = IncidentTracker::new(Policy::default());
    tracker.alert(&change(0, 1, firing(None)), &group());
    tracker.alert(&change(MINUTE, 1, AlertPhase::Resolved), &group());
    tracker.take_changed(MINUTE, 10);
    tracker.alert(&change(2 * MINUTE, 1, firing(None)), &group());
    let incident = tracker.of_group(&group().key).expect("open");
    assert_eq!(
        (incident.started_ms, incident.resolved_ms, incident.members.len()),
        (0, None, 1)
    );
    tracker.alert(&change(3 * MINUTE, 1, AlertPhase::Resolved), &group());
    tracker.alert(&change(30 * MINUTE, 1, firing(None)), &group());
    let incident = tracker.of_group(&group().key).expect("open");
    assert_eq!(incident.started_ms, 30 * MINUTE, "too late to be the same");
}

#[test]
fn escalation_goes_step_by_step_until_somebody_acknowledges() {
    let mut tracker = IncidentTracker::new(policy());
    tracker.alert(&change(0, 1, firing(None)), &group());
    assert_eq!(tracker.next_due_ms(), Some(5 * MINUTE), "steps are in order of time");
    assert!(tracker.escalate(4 * MINUTE).is_empty());
    let due = tracker.escalate(5 * MINUTE);
    assert_eq!((due[0].receiver.as_str(), due[0].after_ms), ("second", 5 * MINUTE));
    assert!(tracker.escalate(6 * MINUTE).is_empty(), "each step once");
    let id = due[0].incident.id.clone();
    tracker.acknowledge(10 * MINUTE, &id, "ada", "").expect("known");
    assert_eq!(tracker.next_due_ms(), None);
    assert!(tracker.escalate(60 * MINUTE).is_empty());
}

#[test]
fn after_a_long_stop_only_the_latest_step_is_told() {
    let mut tracker = IncidentTracker::new(policy());
    tracker.alert(&change(0, 1, firing(None)), &group());
    let due = tracker.escalate(60 * MINUTE);
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].receiver, "lead");
    assert!(due[0].incident.steps.iter().all(|step| step.done_ms.is_some()));
}

#[test]
fn what_holds_alerts_back_is_told_once() {
    let mut tracker = IncidentTracker::new(policy());
    tracker.alert(&change(0, 1, firing(None)), &group());
    for minute in 1..4 {
        tracker.held_back(minute * MINUTE, &group().key, EntryKind::Silenced, "silence 1 by ada");
    }
    let incident = tracker.of_group(&group().key).expect("open");
    let silenced = incident
        .timeline
        .iter()
        .filter(|entry| entry.kind == EntryKind::Silenced);
    assert_eq!(silenced.count(), 1);
}

#[test]
fn an_incident_goes_through_storage_unchanged() {
    let mut tracker = IncidentTracker::new(policy());
    tracker.alert(&change(0, 1, firing(Some(-MINUTE))), &group());
    let stored: Vec<String> = tracker
        .take_changed(0, 10)
        .iter()
        .map(|incident| serde_json::to_string(incident).expect("plain data"))
        .collect();
    let mut again = IncidentTracker::new(policy());
    again.restore(stored.iter().map(|text| serde_json::from_str(text).expect("our own")));
    assert_eq!(again.of_group(&group().key), tracker.of_group(&group().key));
    assert!(tracker.take_changed(0, 10).is_empty(), "stored once");
}

#[test]
fn mistakes_in_a_policy_are_named() {
    for (text, wanted) in [
        ("recovery_target: soon", "recovery_target"),
        ("escalations: [{name: a, steps: []}]", "no steps"),
        (
            "escalations: [{name: a, matchers: ['=x'], steps: [{after: 1m, receiver: r}]}]",
            "escalation \"a\"",
        ),
        ("heartbeats: [{name: h, alert: W}]", "url or url_file"),
        ("heartbeats: [{name: h, alert: W, url: x, url_file: y}]", "exclude"),
        (
            "heartbeats: [{name: h, alert: W, url: x, interval: 0s}]",
            "longer than 0",
        ),
        ("surprise: 1", "surprise"),
    ] {
        let error = Policy::parse(text, Path::new("incidents.yml")).expect_err(text);
        assert!(error.to_string().contains(wanted), "{text}: {error}");
        assert!(error.to_string().starts_with("incidents.yml: "), "{error}");
    }
}

#[test]
fn what_fires_always_is_a_setting() {
    let read = |text: &str| Policy::parse(text, Path::new("incidents.yml")).expect("valid");
    let unset = read("heartbeats: [{name: h, alert: Beat, url: x}]");
    assert!(unset.fires_always("Watchdog") && unset.fires_always("Beat") && !unset.fires_always("Down"));
    let mut set = read("always_firing: [InfoInhibitor]");
    assert!(set.fires_always("InfoInhibitor") && !set.fires_always("Watchdog"));
    set.merge(unset);
    assert!(
        !set.fires_always("Watchdog"),
        "a file that says nothing changes nothing"
    );
    set.merge(read("always_firing: [Watchdog]"));
    assert!(set.fires_always("Watchdog") && set.fires_always("InfoInhibitor"));
    assert!(!read("always_firing: []").fires_always("Watchdog"));
}

proptest! {
    /// Whatever happens in whatever order: the timeline is in order, an incident is over exactly when
    /// nothing fires, and no time is negative.
    #[test]
    fn an_incident_is_sound(steps in prop::collection::vec((0_u64..4, 0_u8..5, 0_i64..10), 1..80)) {
        let mut tracker = IncidentTracker::new(policy());
        let mut now_ms = 0;
        for (fingerprint, what, minutes) in steps {
            now_ms += minutes * MINUTE;
            match what {
                0 => tracker.alert(&change(now_ms, fingerprint, AlertPhase::Pending { first_bad_ms: now_ms }), &group()),
                1 => tracker.alert(&change(now_ms, fingerprint, firing(None)), &group()),
                2 => tracker.alert(&change(now_ms, fingerprint, AlertPhase::Resolved), &group()),
                3 => tracker.notified(&group().key, &told(now_ms, None)),
                _ => drop(tracker.escalate(now_ms)),
            }
            for incident in tracker.incidents() {
                prop_assert!(incident.timeline.is_sorted_by_key(|entry| entry.at_ms));
                prop_assert_eq!(incident.resolved_ms.is_some(), incident.firing() == 0);
                prop_assert!(incident.time_to_recover_ms().is_none_or(|took| took >= 0));
                prop_assert!(incident.time_to_detect_ms().is_none_or(|took| took >= 0));
            }
        }
    }
}
