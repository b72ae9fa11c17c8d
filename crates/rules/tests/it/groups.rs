//! Groups over time: order inside a group, staleness, reloads, restarts.

use skopos_rules::{
    AlertState, EndReason, Evaluation, Health, RuleFile, RuleGroups, RuleOptions, RuleViewKind, TransitionKind,
    parse_rule_file,
};

use crate::memory::World;

const START_MS: i64 = 1_700_000_000_000;

fn file(rules: &str) -> Vec<RuleFile> {
    let text = format!("groups:\n- name: g\n  interval: 10s\n  rules:\n{rules}");
    vec![parse_rule_file(&text, "r.yml").expect("the file is valid")]
}

fn load(groups: &RuleGroups, rules: &str, now_ms: i64, world: &World) -> Evaluation {
    groups
        .load(file(rules), RuleOptions::default(), now_ms, &world.io())
        .expect("the world takes everything")
}

/// Evaluates the group at its next due time; gives that time.
fn turn(groups: &RuleGroups, world: &World) -> i64 {
    let due_ms = groups.next_due_ms().expect("there is a group");
    groups.evaluate_due(due_ms, &world.io());
    due_ms
}

const CHAIN: &str = "  - {record: 'job:up:sum', expr: sum by (job)(up)}\n  - {record: double, expr: 'job:up:sum * 2', labels: {x: y}}\n";

#[test]
fn later_rules_see_earlier_ones() {
    let (world, groups) = (World::new(), RuleGroups::new());
    load(&groups, CHAIN, START_MS, &world);
    world.put(&[("__name__", "up"), ("job", "a"), ("i", "1")], START_MS, 1.0);
    world.put(&[("__name__", "up"), ("job", "a"), ("i", "2")], START_MS, 1.0);
    let at_ms = turn(&groups, &world);
    let double = [("__name__", "double"), ("job", "a"), ("x", "y")];
    assert_eq!(world.samples(&double), [(at_ms, Some(4.0))]);
    let view = &groups.views()[0];
    assert_eq!(
        (view.interval_seconds, view.iterations, view.last_evaluation_ms),
        (10.0, 1, Some(at_ms))
    );
    assert!(view.rules.iter().all(|rule| rule.health == Health::Good));
}

#[test]
fn vanished_series_are_marked() {
    let (world, groups) = (World::new(), RuleGroups::new());
    load(&groups, CHAIN, START_MS, &world);
    world.put(&[("__name__", "up"), ("job", "a")], START_MS, 1.0);
    let first_ms = turn(&groups, &world);
    world.put(
        &[("__name__", "up"), ("job", "a")],
        first_ms + 1,
        skopos_core::sample::STALE_NAN,
    );
    let second_ms = turn(&groups, &world);
    turn(&groups, &world);
    let sum = [("__name__", "job:up:sum"), ("job", "a")];
    assert_eq!(world.samples(&sum), [(first_ms, Some(1.0)), (second_ms, None)]);
}

#[test]
fn reload_keeps_state_and_ends_what_is_gone() {
    let (world, groups) = (World::new(), RuleGroups::new());
    let alert = "  - {alert: Down, expr: up == 0, for: 1m}\n";
    world.put(&[("__name__", "up"), ("job", "a")], START_MS, 0.0);
    load(&groups, &format!("{CHAIN}{alert}"), START_MS, &world);
    let first_ms = turn(&groups, &world);
    load(&groups, alert, first_ms + 1, &world);
    let second_ms = turn(&groups, &world);
    assert_eq!(groups.alerts()[0].active_at_ms, first_ms);
    let sum = [("__name__", "job:up:sum"), ("job", "a")];
    assert_eq!(world.samples(&sum), [(first_ms, Some(0.0)), (second_ms, None)]);
    groups
        .load(Vec::new(), RuleOptions::default(), second_ms + 5, &world.io())
        .expect("the world takes everything");
    assert!(groups.views().is_empty());
}

/// How an alert ended, and why.
type End = (TransitionKind, Option<EndReason>);
/// Whether a notice tells the end, and until when the alert holds.
type Notice = (bool, i64);

fn ends(evaluation: &Evaluation) -> (Vec<End>, Vec<Notice>) {
    let transitions = evaluation.transitions.iter();
    let notices = evaluation.notices.iter();
    (
        transitions.map(|ended| (ended.kind, ended.end)).collect(),
        notices.map(|notice| (notice.is_resolved, notice.ends_at_ms)).collect(),
    )
}

#[test]
fn alerts_of_a_rule_that_goes_end() {
    let (world, groups) = (World::new(), RuleGroups::new());
    let alert = "  - {alert: Down, expr: up == 0}\n";
    world.put(&[("__name__", "up"), ("job", "a")], START_MS, 0.0);
    load(&groups, &format!("{CHAIN}{alert}"), START_MS, &world);
    let first_ms = turn(&groups, &world);
    let same = load(&groups, alert, first_ms + 1, &world);
    assert_eq!(same, Evaluation::default(), "the alert stays");
    let handle = groups.handles().pop().expect("there is a group");
    let gone = load(&groups, CHAIN, first_ms + 2, &world);
    let removed = (TransitionKind::Resolved, Some(EndReason::RuleRemoved));
    assert_eq!(ends(&gone), (vec![removed], vec![(true, first_ms + 2)]));
    assert_eq!(gone.transitions[0].labels, gone.notices[0].labels);
    let late = handle.evaluate_at(first_ms + 3, &world.io());
    assert_eq!(late, Evaluation::default(), "a thread that comes late tells nothing");
}

#[test]
fn an_alert_whose_rule_moves_goes_on() {
    let (world, groups) = (World::new(), RuleGroups::new());
    let alert = "  - {alert: Down, expr: up == 0}\n";
    world.put(&[("__name__", "up"), ("job", "a")], START_MS, 0.0);
    load(&groups, alert, START_MS, &world);
    turn(&groups, &world);
    let text = format!("groups:\n- name: other\n  interval: 10s\n  rules:\n{alert}");
    let files = vec![parse_rule_file(&text, "other.yml").expect("the file is valid")];
    let moved = groups.load(files, RuleOptions::default(), START_MS + 20_000, &world.io());
    let moved = moved.expect("the world takes everything");
    assert_eq!(moved, Evaluation::default(), "nobody is told of an end and a start");
}

#[test]
fn alerts_over_the_limit_end_and_say_why() {
    let (world, groups) = (World::new(), RuleGroups::new());
    world.put(&[("__name__", "up"), ("job", "a")], START_MS, 0.0);
    let text = "groups: [{name: g, interval: 10s, limit: 1, rules: [{alert: Down, expr: up == 0}]}]";
    let files = vec![parse_rule_file(text, "r.yml").expect("the file is valid")];
    groups
        .load(files, RuleOptions::default(), START_MS, &world.io())
        .expect("the world takes everything");
    let first_ms = turn(&groups, &world);
    world.put(&[("__name__", "up"), ("job", "b")], first_ms + 1, 0.0);
    let due_ms = groups.next_due_ms().expect("there is a group");
    let over = groups.evaluate_due(due_ms, &world.io());
    let dropped = (TransitionKind::Resolved, Some(EndReason::LimitExceeded));
    // As in Prometheus nothing is sent: below the limit again the alert goes on.
    assert_eq!(ends(&over), (vec![dropped], vec![]));
    assert_eq!(groups.views()[0].rules[0].health, Health::Bad);
}

#[test]
fn failing_rules_tell_and_keep_their_series() {
    let (world, groups) = (World::new(), RuleGroups::new());
    world.put(&[("__name__", "a"), ("x", "1")], START_MS, 1.0);
    world.put(&[("__name__", "b"), ("x", "1"), ("y", "1")], START_MS, 1.0);
    world.put(&[("__name__", "b"), ("x", "1"), ("y", "2")], START_MS, 1.0);
    load(&groups, "  - {record: r, expr: a * on(x) b}\n", START_MS, &world);
    turn(&groups, &world);
    let rule = &groups.views()[0].rules[0];
    assert_eq!(rule.health, Health::Bad);
    assert!(rule.last_error.contains("many-to-many"), "{}", rule.last_error);
}

#[test]
fn pending_time_survives_a_restart() {
    let rules = "  - {alert: Down, expr: up == 0, for: 30m}\n";
    let world = World::new();
    let mut now_ms = START_MS;
    let before = RuleGroups::new();
    load(&before, rules, now_ms, &world);
    for _ in 0..60 {
        world.put(&[("__name__", "up"), ("job", "a")], now_ms, 0.0);
        now_ms = turn(&before, &world);
    }
    let active_at_ms = before.alerts()[0].active_at_ms;
    let after = RuleGroups::new();
    load(&after, rules, now_ms + 60_000, &world);
    world.put(&[("__name__", "up"), ("job", "a")], now_ms + 60_000, 0.0);
    let mut restored_ms = now_ms;
    for _ in 0..3 {
        restored_ms = turn(&after, &world);
    }
    let alert = &after.alerts()[0];
    assert_eq!(alert.state, AlertState::Pending);
    let down_ms = restored_ms - 10_000 - before_last(&world, now_ms);
    assert_eq!(alert.active_at_ms, active_at_ms / 1000 * 1000 + down_ms);
    assert!(
        matches!(&after.views()[0].rules[0].kind, RuleViewKind::Alerting { hold_seconds, .. } if *hold_seconds == 1800.0)
    );
}

/// The last time the state was written before the restart.
fn before_last(world: &World, now_ms: i64) -> i64 {
    let state = [("__name__", "ALERTS_FOR_STATE"), ("alertname", "Down"), ("job", "a")];
    let samples = world.samples(&state);
    let before = samples.iter().filter(|(timestamp_ms, _)| *timestamp_ms <= now_ms);
    before
        .map(|(timestamp_ms, _)| *timestamp_ms)
        .max()
        .expect("the state was written")
}

#[test]
fn late_groups_count_what_they_miss() {
    let (world, groups) = (World::new(), RuleGroups::new());
    load(&groups, CHAIN, START_MS, &world);
    let due_ms = groups.next_due_ms().expect("there is a group");
    groups.evaluate_due(due_ms + 25_000, &world.io());
    let view = &groups.views()[0];
    assert_eq!(
        (view.missed_iterations, view.last_evaluation_ms),
        (2, Some(due_ms + 20_000))
    );
}
