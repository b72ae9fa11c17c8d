//! What is kept of an alert that fires, and how its course is told.

use skopos_core::metric::MetricValue;
use skopos_rules::{RuleGroups, RuleOptions, Transition, TransitionKind, parse_rule_file};

use crate::memory::World;

const START_MS: i64 = 1_700_000_000_000;
const STEP_MS: i64 = 10_000;

const RULES: &str = "groups:
- name: g
  interval: 10s
  rules:
  - alert: Down
    expr: sum by (job) (up{env=\"p\"}) < 1
    for: 20s
";

fn series(job: &str) -> Vec<(&str, &str)> {
    vec![("__name__", "up"), ("env", "p"), ("job", job), ("instance", "i")]
}

/// Job `a` is down from 25 s to 65 s; samples come 3 s after each evaluation.
fn run(world: &World) -> (RuleGroups, Vec<Transition>) {
    let groups = RuleGroups::new();
    let options = RuleOptions {
        restores_state: false,
        config_version: "v7".into(),
        ..RuleOptions::default()
    };
    let file = parse_rule_file(RULES, "r.yml").expect("the file is valid");
    groups
        .load(vec![file], options, START_MS, &world.io())
        .expect("the world takes everything");
    let group = groups.handles().pop().expect("there is a group");
    let mut transitions = Vec::new();
    for step in 0..8 {
        let now_ms = START_MS + step * STEP_MS;
        let value = if (2..6).contains(&step) { 0.0 } else { 1.0 };
        transitions.extend(group.evaluate_at(now_ms, &world.io()).transitions);
        world.put(&series("a"), now_ms + 3000, value);
        world.put(&series("b"), now_ms + 3000, 1.0);
    }
    (groups, transitions)
}

#[test]
fn transitions_tell_the_course() {
    let (_, transitions) = run(&World::new());
    let course: Vec<(TransitionKind, i64)> = transitions
        .iter()
        .map(|transition| (transition.kind, transition.at_ms - START_MS))
        .collect();
    let expected = [
        (TransitionKind::Pending, 30_000),
        (TransitionKind::Firing, 50_000),
        (TransitionKind::Resolved, 70_000),
    ];
    assert_eq!(course, expected);
    for transition in &transitions {
        assert_eq!(transition.first_bad_ms - START_MS, 23_000, "{:?}", transition.kind);
        assert_eq!(transition.pending_ms - START_MS, 30_000);
        assert_eq!(transition.rule.to_string(), "r.yml:5");
    }
    assert!(transitions[0].evidence.is_none() && transitions[2].evidence.is_some());
}

#[test]
fn evidence_holds_what_decided() {
    let (_, transitions) = run(&World::new());
    let evidence = transitions[1].evidence.as_ref().expect("it fires");
    assert_eq!(&*evidence.config_version, "v7");
    assert_eq!(evidence.sample.value, MetricValue::Float(0.0));
    assert_eq!((evidence.result.len(), evidence.selectors.len()), (1, 1));
    assert_eq!(evidence.rule.expr, "sum by (job) (up{env=\"p\"}) < 1");
    let selector = &evidence.selectors[0];
    assert_eq!(selector.selector, "up{env=\"p\"}");
    assert_eq!(selector.series.len(), 1, "job b has nothing to do with it");
    let values: Vec<(i64, MetricValue)> = selector.series[0]
        .samples
        .iter()
        .map(|(time_ms, value)| (time_ms - START_MS, value.clone()))
        .collect();
    assert_eq!(values.last(), Some(&(43_000, MetricValue::Float(0.0))));
    assert_eq!(values.len(), 5);
}
