//! Tests of who holds back whom.

use super::*;
use crate::Matcher;
use crate::alert::{Annotations, fingerprint};
use crate::{MatchOp, Matchers};

fn alert(pairs: &[(&str, &str)], ends_at_ms: i64) -> Arc<Alert> {
    let labels = Labels::from_pairs(pairs.iter().copied());
    Arc::new(Alert {
        fingerprint: fingerprint(&labels),
        labels,
        annotations: Annotations::default(),
        starts_at_ms: 0,
        ends_at_ms,
        updated_at_ms: 0,
        is_timeout: false,
        generator_url: "".into(),
    })
}

fn rule(source: &str, target: &str) -> InhibitRule {
    let severity =
        |pattern: &str| Matchers::new(Matcher::new(MatchOp::Regex, "severity", pattern).into_iter().collect());
    InhibitRule {
        name: String::new(),
        source: severity(source),
        target: severity(target),
        equal: vec!["service".to_owned()],
    }
}

fn is_inhibited(inhibitor: &Inhibitor, alert: &Alert, now_ms: i64) -> bool {
    inhibitor.inhibition(&alert.labels, now_ms).is_some()
}

#[test]
fn a_longer_lived_both_sided_source_hides_no_other() {
    let mut inhibitor = Inhibitor::new(vec![rule("critical|warning", "warning")]);
    let target = alert(&[("severity", "warning"), ("service", "s"), ("i", "1")], 100);
    let second = alert(&[("severity", "warning"), ("service", "s"), ("i", "2")], 900);
    let source = alert(&[("severity", "critical"), ("service", "s")], 200);
    inhibitor.put(None, &target);
    inhibitor.put(None, &source);
    assert!(is_inhibited(&inhibitor, &target, 10));
    inhibitor.put(None, &second);
    assert!(is_inhibited(&inhibitor, &target, 10));
    assert!(is_inhibited(&inhibitor, &second, 10));
    assert!(!is_inhibited(&inhibitor, &source, 10));
    assert!(!is_inhibited(&inhibitor, &second, 200), "the source has ended");
}

#[test]
fn both_sided_alerts_hold_back_only_others() {
    let mut inhibitor = Inhibitor::new(vec![rule("critical|warning", "warning|info")]);
    let one = alert(&[("severity", "warning"), ("service", "s"), ("i", "1")], 100);
    let two = alert(&[("severity", "warning"), ("service", "s"), ("i", "2")], 100);
    let info = alert(&[("severity", "info"), ("service", "s")], 100);
    inhibitor.put(None, &one);
    inhibitor.put(None, &two);
    assert!(!is_inhibited(&inhibitor, &one, 10));
    assert!(!is_inhibited(&inhibitor, &two, 10));
    assert!(is_inhibited(&inhibitor, &info, 10));
}

#[test]
fn an_absent_label_equals_an_absent_one() {
    let mut inhibitor = Inhibitor::new(vec![rule("critical", "warning")]);
    inhibitor.put(None, &alert(&[("severity", "critical")], 100));
    assert!(is_inhibited(&inhibitor, &alert(&[("severity", "warning")], 100), 10));
    assert!(!is_inhibited(
        &inhibitor,
        &alert(&[("severity", "warning"), ("service", "s")], 100),
        10
    ));
}

#[test]
fn updates_and_removal_are_followed() {
    let mut inhibitor = Inhibitor::new(vec![rule("critical", "warning")]);
    let target = alert(&[("severity", "warning")], 1000);
    let old = alert(&[("severity", "critical")], 500);
    let new = alert(&[("severity", "critical")], 50);
    inhibitor.put(None, &old);
    inhibitor.put(Some(&old), &new);
    assert!(!is_inhibited(&inhibitor, &target, 100));
    assert!(is_inhibited(&inhibitor, &target, 49));
    inhibitor.remove(&new);
    assert!(!is_inhibited(&inhibitor, &target, 49));
    assert!(inhibitor.rules[0].sources.is_empty());
}

#[test]
fn an_empty_rule_holds_back_what_is_not_a_source() {
    let mut inhibitor = Inhibitor::new(vec![InhibitRule::default()]);
    let one = alert(&[("a", "1")], 100);
    inhibitor.put(None, &one);
    inhibitor.put(None, &alert(&[("a", "2")], 100));
    assert!(!is_inhibited(&inhibitor, &one, 10), "everything is both-sided");
}
