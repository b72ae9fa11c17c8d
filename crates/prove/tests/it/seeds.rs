//! Faults that are put into a pack, one at a time: each is caught at the alert it is about.

use std::path::{Path, PathBuf};

use skopos_alertmanager::silence::Silence;
use skopos_alertmanager::{Config, LoadOptions, MatchOp, Matcher, Notification, NotifiedAlert};
use skopos_prove::{Chain, Link, Message, ProveOptions, Prover, Report, Sandbox, Verdict};
use skopos_rules::parse_rule_file;

use crate::packs::Mailbox;
use crate::real::read;

/// What a fault leads to.
#[derive(Debug, Clone, Copy)]
enum Caught {
    /// The alert is broken at a link.
    At(&'static str, Link),
    /// The configuration as a whole is told to be wrong.
    Finding(&'static str),
}

use Caught::{At, Finding};

/// A text of the pack and what stands there instead.
type Seed = (&'static str, &'static str, Caught);

const RULE_SEEDS: &[Seed] = &[
    // A ratio in percent, compared with a fraction.
    (
        "[5m])) > 0.01",
        "[5m])) > 10",
        At("HighGatewayErrorRate", Link::Expression),
    ),
    // A typo in a threshold of something that is 0 or 1.
    (
        r#"up{job="redis"} == 0"#,
        r#"up{job="redis"} == 2"#,
        At("RedisDown", Link::Expression),
    ),
    (
        r#"up{job="redis"} == 0"#,
        r#"up{job="redis"} < 0"#,
        At("RedisDown", Link::Expression),
    ),
    // A count is never zero.
    (
        r#"up{job="postgres"} == 0"#,
        r#"count(up{job="postgres"}) == 0"#,
        At("PostgresDown", Link::Expression),
    ),
    // The sum of zeros.
    (
        r#"up{job="postgres"} == 0"#,
        r#"sum(up{job="postgres"} == 0) > 0"#,
        At("PostgresDown", Link::Expression),
    ),
    // A comparison the wrong way round.
    (
        "(increase(budget_limit_reached_total[5m])) > 10",
        "(increase(budget_limit_reached_total[5m])) < 0",
        At("TenantBudgetExhausted", Link::Expression),
    ),
    // Thresholds that exclude each other.
    (
        "[.].+\"}) > 1000",
        "[.].+\"}) > 1000 < 100",
        At("HighKafkaConsumerLag", Link::Expression),
    ),
    (
        r#"up{job="kafka"} == 0"#,
        r#"up{job="kafka"} == 0 and up{job="kafka"} == 1"#,
        At("KafkaDown", Link::Expression),
    ),
    // An exclusion that takes everything.
    (
        r#"up{job="kafka"} == 0"#,
        r#"up{job="kafka"} == 0 unless up{job="kafka"} < 1"#,
        At("KafkaDown", Link::Expression),
    ),
    // Conditions on a label that exclude each other.
    (
        r#"up{job="kafka"} == 0"#,
        r#"up{job="kafka",job!="kafka"} == 0"#,
        At("KafkaDown", Link::Expression),
    ),
    // Absence of what cannot be there.
    (
        r#"up{job="kafka"} == 0"#,
        r#"absent(up{job="kafka",job="broker"})"#,
        At("KafkaDown", Link::Expression),
    ),
    // A quantile in percent, and one whose buckets are merged.
    (
        "histogram_quantile(0.95, sum by (job, instance, le) (rate(http_request",
        "histogram_quantile(95, sum by (job, instance, le) (rate(http_request",
        At("HighGatewayLatency", Link::Expression),
    ),
    (
        "sum by (job, instance, le) (rate(http_request",
        "sum by (job, instance) (rate(http_request",
        At("HighGatewayLatency", Link::Expression),
    ),
    // Sides of a division that carry different labels.
    (
        "/ sum by (job, instance) (rate(tool_execution_total",
        "/ sum by (job) (rate(tool_execution_total",
        At("HighToolExecutionFailures", Link::Join),
    ),
    (
        "/ sum by (job, instance) (rate(tool_execution_total",
        "/ on (host) sum by (job, instance) (rate(tool_execution_total",
        At("HighToolExecutionFailures", Link::Join),
    ),
    (
        "(rate(conversation_errors_total[5m]))\n",
        "(rate(conversation_errors_total[5m])) / sum by (jobs) (rate(x[5m]))\n",
        At("HighConversationFailureRate", Link::Join),
    ),
    // A template that fails.
    (
        "summary: The gateway fails requests",
        "summary: '{{ template \"nothing\" }}'",
        At("HighGatewayErrorRate", Link::Template),
    ),
    // A condition that is over before the alert may fire.
    (
        "expr: sum by (tenant) (increase(budget_limit_reached_total[5m])) > 10\n        for: 1m",
        "expr: group by (tenant) (budget_limit_reached_total offset 5m) unless group by (tenant) (budget_limit_reached_total)\n        for: 30m",
        At("TenantBudgetExhausted", Link::For),
    ),
    // Looking back further than samples are kept.
    (
        "policy_blocked_total[5m]",
        "policy_blocked_total[90d]",
        At("HighPolicyBlockRate", Link::For),
    ),
];

const ROUTE_SEEDS: &[Seed] = &[
    // A receiver without integrations.
    (
        "      receiver: oncall\n",
        "      receiver: nobody\n",
        At("RedisDown", Link::Route),
    ),
    // A route that shadows the others.
    (
        "  routes:\n",
        "  routes:\n    - matchers: [service=~\".*\"]\n      receiver: platform\n",
        At("RedisDown", Link::Route),
    ),
    // An inhibition by the dead man's switch, and one of an alert by its like.
    (
        "inhibit_rules:\n",
        "inhibit_rules:\n  - source_matchers: [alertname=\"Watchdog\"]\n    target_matchers: [severity=\"critical\"]\n",
        At("RedisDown", Link::Inhibition),
    ),
    // A time interval that is always.
    (
        "      receiver: agents\n",
        "      receiver: agents\n      mute_time_intervals: [always]\n",
        At("SlowConversationProcessing", Link::Mute),
    ),
    // A receiver that waits for the end, and is not told.
    (
        "      - routing_key_file: secrets/pagerduty_key\n        send_resolved: true\n",
        "      - routing_key_file: secrets/pagerduty_key\n        send_resolved: false\n",
        At("RedisDown", Link::Resolve),
    ),
    // A route that is never active.
    (
        "      receiver: security\n",
        "      receiver: security\n      active_time_intervals: [never]\n",
        At("HighPolicyBlockRate", Link::Mute),
    ),
    // Slips in the values and names of labels.
    (
        "[severity=\"critical\"]\n      receiver: oncall",
        "[severity=\"critcal\"]\n      receiver: oncall",
        Finding("did you mean \"critical\""),
    ),
    (
        "[service=\"policy\"]",
        "[servcie=\"policy\"]",
        Finding("did you mean service"),
    ),
    // A receiver that no route names.
    (
        "receivers:\n",
        "receivers:\n  - name: spare\n    webhook_configs: [{url: 'http://127.0.0.1:9099/spare'}]\n",
        Finding("no route names the receiver spare"),
    ),
];

fn pack() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/somaagent01")
}

fn replaced(text: &str, seed: &Seed) -> String {
    assert!(text.contains(seed.0), "the pack has changed: {:?} is gone", seed.0);
    text.replacen(seed.0, seed.1, 1)
}

fn prove(rules: &str, routes: &str, sandbox: &dyn Sandbox) -> Report {
    prove_with(rules, routes, sandbox, &[])
}

fn prove_with(rules: &str, routes: &str, sandbox: &dyn Sandbox, silences: &[Silence]) -> Report {
    let recorded = parse_rule_file(&read(&pack().join("recording_rules.yml")), "recording_rules.yml");
    let alerts = parse_rule_file(rules, "alerts.yml").unwrap_or_else(|error| panic!("{error}"));
    let options = ProveOptions {
        retention_ms: Some(30 * 24 * 3_600_000),
        ..ProveOptions::default()
    };
    let prover = Prover::new(&[recorded.expect("the rules are valid"), alerts], options);
    let mut report = prover.prove(&mut |_| {});
    let config = Config::parse(routes, &LoadOptions::for_path("alertmanager.yml"));
    let config = config.unwrap_or_else(|error| panic!("{error}"));
    Chain::new(&config, sandbox)
        .with_silences(silences.to_vec(), NOW_MS)
        .follow(&prover, &mut report);
    report
}

/// What is said instead of what should be.
fn missed(report: &Report, seed: &Seed) -> Option<String> {
    match seed.2 {
        Finding(part) => {
            let is_found = report.findings.iter().any(|finding| finding.contains(part));
            (!is_found).then(|| format!("{:?}: {:?}", seed.1, report.findings))
        }
        At(name, link) => {
            let rule = report.rules.iter().find(|rule| rule.name == name)?;
            let is_found = rule.verdict == Verdict::Broken && rule.link == Some(link);
            (!is_found).then(|| format!("{:?}: {:?} {:?} {:?}", seed.1, rule.verdict, rule.link, rule.why))
        }
    }
}

#[test]
fn faults_of_rules_are_caught() {
    let (rules, routes) = (read(&pack().join("alerts.yml")), read(&pack().join("alertmanager.yml")));
    let report = |seed: &Seed| prove(&replaced(&rules, seed), &routes, &Mailbox);
    let missed: Vec<String> = RULE_SEEDS
        .iter()
        .filter_map(|seed| missed(&report(seed), seed))
        .collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn faults_on_the_way_are_caught() {
    let rules = read(&pack().join("alerts.yml"));
    let mut routes = read(&pack().join("alertmanager.yml"));
    routes = routes.replacen("receivers:\n", "receivers:\n  - name: nobody\n", 1);
    routes = routes.replacen("time_intervals:\n", "time_intervals:\n  - name: always\n    time_intervals: [{times: [{start_time: '00:00', end_time: '24:00'}]}]\n  - name: never\n    time_intervals: [{years: ['1999']}]\n", 1);
    assert!(prove(&rules, &routes, &Mailbox).is_clean());
    let report = |seed: &Seed| prove(&rules, &replaced(&routes, seed), &Mailbox);
    let missed: Vec<String> = ROUTE_SEEDS
        .iter()
        .filter_map(|seed| missed(&report(seed), seed))
        .collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// When silences are looked at.
const NOW_MS: i64 = 1_767_571_200_000;

/// Silences, and the alert that each of them swallows.
const SILENCE_SEEDS: &[(&str, &str, MatchOp, &str)] = &[
    // Left behind by somebody.
    ("alertname", "RedisDown", MatchOp::Equal, "RedisDown"),
    // Meant for one team's night, written for all.
    ("severity", "critical|warning", MatchOp::Regex, "HighGatewayLatency"),
    // Meant to keep one service loud.
    ("service", "gateway", MatchOp::NotEqual, "HighPolicyBlockRate"),
];

#[test]
fn silences_that_swallow_are_caught() {
    let (rules, routes) = (read(&pack().join("alerts.yml")), read(&pack().join("alertmanager.yml")));
    for (name, value, op, swallowed) in SILENCE_SEEDS {
        let mut silence = Silence {
            id: "a".to_owned(),
            matchers: vec![Matcher::new(*op, *name, *value).expect("the pattern is valid")],
            starts_at_ms: NOW_MS - 1,
            ends_at_ms: NOW_MS + 1,
            updated_at_ms: NOW_MS - 1,
            created_by: "somebody".to_owned(),
            comment: String::new(),
            annotations: Vec::new(),
        };
        let report = prove_with(&rules, &routes, &Mailbox, std::slice::from_ref(&silence));
        let rule = report.rules.iter().find(|rule| rule.name == *swallowed);
        let link = rule.and_then(|rule| rule.link);
        assert_eq!(link, Some(Link::Silence), "{name} {value}");
        let others = report.rules.iter().filter(|rule| rule.verdict == Verdict::Broken);
        assert!(
            others.clone().all(|rule| rule.link == Some(Link::Silence)),
            "{name} {value}"
        );
        // The same silence holds nothing back once it is over.
        silence.ends_at_ms = NOW_MS;
        assert!(prove_with(&rules, &routes, &Mailbox, &[silence]).is_clean());
    }
}

/// A receiver whose template fails.
#[derive(Debug)]
struct Faulty;

/// A receiver whose template fails only when the alert has ended.
#[derive(Debug)]
struct FaultyAtTheEnd;

impl Sandbox for FaultyAtTheEnd {
    fn receive(&self, notification: &Notification) -> Result<Message, String> {
        let is_over = notification.alerts.iter().all(NotifiedAlert::is_resolved);
        if is_over && notification.receiver == "oncall" {
            return Err("slack[0].text: index out of range".to_owned());
        }
        Mailbox.receive(notification)
    }
}

impl Sandbox for Faulty {
    fn receive(&self, notification: &Notification) -> Result<Message, String> {
        if notification.receiver == "oncall" {
            return Err("slack[0].text: template \"gone\" not defined".to_owned());
        }
        Mailbox.receive(notification)
    }
}

#[test]
fn templates_of_receivers_that_fail_are_caught() {
    let (rules, routes) = (read(&pack().join("alerts.yml")), read(&pack().join("alertmanager.yml")));
    for sandbox in [&Faulty as &dyn Sandbox, &FaultyAtTheEnd] {
        let report = prove(&rules, &routes, sandbox);
        let broken: Vec<_> = report
            .rules
            .iter()
            .filter(|rule| rule.verdict == Verdict::Broken)
            .collect();
        assert!(!broken.is_empty() && broken.iter().all(|rule| rule.link == Some(Link::Template)));
        assert!(broken.iter().any(|rule| rule.name == "RedisDown"));
    }
}
