//! Alerts over time, on a clock that the test turns.

use super::*;
use crate::evidence::EndReason;
use crate::file::parse_rule_file;

const NOW_MS: i64 = 1_700_000_000_000;

fn rule(fields: &str) -> AlertingRule {
    let text = format!("groups: [{{name: g, rules: [{{alert: A, expr: up, {fields}}}]}}]");
    let file = parse_rule_file(&text, "r.yml").expect("the rule is valid");
    AlertingRule::new(&file.groups[0].rules[0], true)
}

fn origin() -> RuleOrigin {
    RuleOrigin {
        file: "r.yml".to_owned(),
        group: "g".to_owned(),
        name: "A".to_owned(),
        line: 1,
        expr: "up".to_owned(),
        for_ms: 0,
    }
}

fn samples(jobs: &[&str]) -> Vec<RuleSample> {
    let sample = |job: &&str| RuleSample {
        labels: Labels::from_pairs([("__name__", "up"), ("job", job)]),
        value: MetricValue::Float(2.0),
    };
    jobs.iter().map(sample).collect()
}

/// Evaluates at `at_s` seconds; gives the state of each live alert by job.
fn step(rule: &mut AlertingRule, jobs: &[&str], at_s: i64) -> Vec<(String, AlertState)> {
    let series = evaluate(rule, jobs, at_s, 0).expect("the evaluation works");
    let views = rule.views();
    assert_eq!(series.len(), 2 * views.len());
    let states = views.iter();
    states
        .map(|alert| (alert.labels.get("job").to_owned(), alert.state))
        .collect()
}

fn evaluate(rule: &mut AlertingRule, jobs: &[&str], at_s: i64, limit: usize) -> Result<Vec<SeriesBatch>, String> {
    let now_ms = NOW_MS + at_s * 1000;
    let times = EvaluationTimes {
        now_ms,
        sample_ms: now_ms,
        limit,
    };
    let context = ExpandContext {
        query: &|_| Ok(Vec::new()),
        now_ms,
        external_labels: &Labels::empty(),
        external_url: "",
    };
    let outcome = rule.evaluate(&samples(jobs), times, &context);
    let outcome = outcome.map_err(|refusal| refusal.to_string())?;
    Ok(outcome.series)
}

fn states(expect: &[(&str, AlertState)]) -> Vec<(String, AlertState)> {
    expect.iter().map(|(job, state)| ((*job).to_owned(), *state)).collect()
}

use AlertState::{Firing, Pending};

#[test]
fn pending_firing_resolved() {
    let mut rule = rule("for: 1m");
    assert_eq!(step(&mut rule, &["a"], 0), states(&[("a", Pending)]));
    assert_eq!(
        step(&mut rule, &["a", "b"], 30),
        states(&[("a", Pending), ("b", Pending)])
    );
    assert_eq!(step(&mut rule, &["a"], 60), states(&[("a", Firing)]));
    assert_eq!(step(&mut rule, &[], 90), states(&[]));
    assert_eq!(rule.active.len(), 1, "resolved alerts are kept to be sent again");
    assert_eq!(step(&mut rule, &["a"], 120), states(&[("a", Pending)]));
}

#[test]
fn resolved_alerts_are_forgotten_after_a_while() {
    let mut rule = rule("for: 0s");
    assert_eq!(step(&mut rule, &["a"], 0), states(&[("a", Firing)]));
    step(&mut rule, &[], 10);
    step(&mut rule, &[], 10 + 15 * 60);
    assert_eq!(rule.active.len(), 1);
    step(&mut rule, &[], 11 + 15 * 60);
    assert_eq!(rule.active.len(), 0);
}

#[test]
fn keep_firing_for_holds() {
    let mut rule = rule("keep_firing_for: 1m");
    step(&mut rule, &["a"], 0);
    assert_eq!(step(&mut rule, &[], 30), states(&[("a", Firing)]));
    assert_eq!(rule.views()[0].keep_firing_since_ms, Some(NOW_MS + 30_000));
    assert_eq!(step(&mut rule, &["a"], 60), states(&[("a", Firing)]));
    assert_eq!(rule.views()[0].keep_firing_since_ms, None);
    assert_eq!(step(&mut rule, &[], 70), states(&[("a", Firing)]));
    assert_eq!(step(&mut rule, &[], 129), states(&[("a", Firing)]));
    assert_eq!(step(&mut rule, &[], 130), states(&[]));
}

#[test]
fn labels_and_state_series() {
    let mut rule =
        rule("labels: {severity: '{{ $labels.job }}-{{ $value }}', job: x}, annotations: {s: 'v {{ $value }}'}");
    let series = evaluate(&mut rule, &["a"], 0, 0).expect("the evaluation works");
    let texts: Vec<String> = series.iter().map(|series| series.labels.to_string()).collect();
    assert_eq!(
        texts,
        [
            r#"{__name__="ALERTS", alertname="A", alertstate="firing", job="x", severity="a-2"}"#,
            r#"{__name__="ALERTS_FOR_STATE", alertname="A", job="x", severity="a-2"}"#,
        ]
    );
    assert_eq!(series[1].samples[0].value, MetricValue::Float((NOW_MS / 1000) as f64));
    assert_eq!(*rule.views()[0].annotations, [("s".to_owned(), "v 2".to_owned())]);
    assert_eq!(rule.views()[0].value_text(), "2e+00");
    let error = evaluate(&mut rule, &["a", "a"], 10, 0).expect_err("two alerts with one identity");
    assert!(error.contains("same labelset"), "{error}");
}

#[test]
fn limit_drops_all_alerts() {
    let mut rule = rule("for: 1m");
    let error = evaluate(&mut rule, &["a", "b"], 0, 1).expect_err("over the limit");
    assert_eq!(error, "exceeded limit of 1 with 2 alerts");
    let at = |at_s: i64| NOW_MS + at_s * 1000;
    let reason = EndReason::LimitExceeded;
    let told = rule.end_all(at(0), reason, &Arc::new(origin()));
    assert!(rule.active.is_empty());
    assert_eq!(told, [], "nobody was told of alerts that began with this evaluation");

    evaluate(&mut rule, &["a"], 10, 1).expect("within the limit");
    evaluate(&mut rule, &["a"], 70, 1).expect("within the limit");
    evaluate(&mut rule, &["b"], 80, 2).expect("within the limit");
    evaluate(&mut rule, &["a", "b"], 90, 1).expect_err("over the limit");
    let told = rule.end_all(at(90), reason, &Arc::new(origin()));
    let told: Vec<_> = told
        .iter()
        .map(|ended| (ended.labels.get("job"), ended.kind, ended.end))
        .collect();
    assert_eq!(told, [("b", TransitionKind::Cancelled, Some(reason))]);
}

#[test]
fn notices_are_sent_and_sent_again() {
    let mut rule = rule("for: 0s");
    let sent = |rule: &mut AlertingRule, jobs: &[&str], at_s: i64| {
        step(rule, jobs, at_s);
        let notices = rule.notices(NOW_MS + at_s * 1000, 60_000, 15_000, &Arc::new(origin()));
        notices
            .iter()
            .map(|notice| (notice.is_resolved, (notice.ends_at_ms - NOW_MS) / 1000))
            .collect::<Vec<_>>()
    };
    assert_eq!(sent(&mut rule, &["a"], 0), [(false, 240)]);
    assert_eq!(sent(&mut rule, &["a"], 15), []);
    assert_eq!(sent(&mut rule, &["a"], 75), [(false, 315)]);
    assert_eq!(sent(&mut rule, &[], 90), [(true, 90)]);
    assert_eq!(sent(&mut rule, &[], 105), []);
}

#[test]
fn restoration_follows_the_time_left() {
    let hour_ms = 3_600_000;
    for (pending_before_ms, down_ms, expect_active_ms) in [
        // It was firing: it keeps its start.
        (2 * hour_ms, 60_000, -2 * hour_ms - 60_000),
        // Less than the grace period was left: the grace period is waited.
        (hour_ms - 60_000, 60_000, 600_000 - hour_ms),
        // More was left: the time down does not count.
        (600_000, 300_000, -600_000),
    ] {
        let mut rule = rule("for: 1h");
        rule.is_restored = false;
        assert!(
            evaluate(&mut rule, &["a"], 0, 0)
                .expect("the evaluation works")
                .is_empty()
        );
        assert!(rule.wants_restoration(600_000));
        let down_at_ms = NOW_MS - down_ms;
        let mut series = Series {
            labels: Labels::from_pairs([("__name__", "ALERTS_FOR_STATE"), ("alertname", "A"), ("job", "a")]),
            timestamps_ms: vec![down_at_ms],
            values: vec![((down_at_ms - pending_before_ms) / 1000) as f64],
            ..Series::default()
        };
        let times = RestoreTimes {
            now_ms: NOW_MS,
            grace_period_ms: 600_000,
        };
        rule.restore(std::slice::from_ref(&series), times);
        assert_eq!(rule.views()[0].active_at_ms - NOW_MS, expect_active_ms);
        series.values = vec![skopos_core::sample::STALE_NAN];
        rule.restore(&[series], times);
        assert_eq!(
            rule.views()[0].active_at_ms - NOW_MS,
            expect_active_ms,
            "an ended alert restores nothing"
        );
    }
}

use skopos_core::metric::Series;
