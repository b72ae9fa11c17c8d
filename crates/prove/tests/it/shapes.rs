//! Shapes of expressions that few packs have: each with the verdict that it deserves, and its
//! witness run as a unit test.

use skopos_prove::{Link, ProveOptions, Prover, RuleReport, Verdict, witness_as_promtool_test};
use skopos_rules::unittest::{Style, TestOptions, parse_test_file, render, run_tests};
use skopos_rules::{UnknownFields, parse_rule_file};

fn report(rule: &str) -> RuleReport {
    let text = format!("groups: [{{name: g, rules: [{{alert: A, {rule}}}]}}]");
    let file = parse_rule_file(&text, "r.yml").unwrap_or_else(|error| panic!("{rule}: {error}"));
    let mut report = Prover::new(&[file], ProveOptions::default()).prove(&mut |_| {});
    report.rules.remove(0)
}

/// What a unit test with the witness says against it. Ours, since older versions of promtool read no
/// histograms; it stands beside promtool in other tests.
fn refused(report: &RuleReport) -> Option<String> {
    let test = witness_as_promtool_test(report, "rules.yml")?;
    let rules = parse_rule_file(&test.rules, "rules.yml").expect("the rules are valid");
    let file = parse_test_file(&test.test, "test.yml", UnknownFields::Refused).expect("the test is valid");
    let result = run_tests(&file, &Ok(vec![rules]), &TestOptions::default());
    (!result.is_success()).then(|| format!("{}\n{}", report.expr, render(&result, Style::default())))
}

fn verdicts(rules: &[&str], expected: Verdict) {
    let mut wrong = Vec::new();
    for rule in rules {
        let report = report(rule);
        if report.verdict != expected {
            let why = report.why.as_deref().unwrap_or_default();
            wrong.push(format!("{rule}\n    {:?} {:?} {why}", report.verdict, report.link));
        }
        wrong.extend(refused(&report));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn native_histograms() {
    verdicts(
        &[
            "expr: 'histogram_quantile(0.99, rate(x_seconds[5m])) > 1'",
            "expr: 'histogram_quantile(0.99, sum by (job) (rate(x_seconds[5m]))) > 0.5', for: 10m",
            "expr: 'histogram_quantile(0.5, sum(rate(x_seconds{job=\"a\"}[5m]))) < 0.001'",
            "expr: 'histogram_avg(rate(x_seconds[5m])) > 2'",
            "expr: 'histogram_sum(rate(x_seconds[5m])) / histogram_count(rate(x_seconds[5m])) > 2'",
            "expr: 'histogram_count(rate(x_seconds[5m])) > 100'",
            "expr: 'histogram_count(sum by (job) (increase(x_seconds[10m]))) == 0'",
            "expr: 'histogram_sum(x_seconds) > 5000'",
            "expr: 'histogram_fraction(0, 0.2, rate(x_seconds[5m])) < 0.95'",
            "expr: '1 - histogram_fraction(0, 0.2, sum by (job) (rate(x_seconds[5m]))) > 0.05'",
            "expr: 'histogram_fraction(0.1, 0.5, rate(x_seconds[5m])) > 0.2 < 0.8'",
            "expr: 'histogram_stddev(rate(x_seconds[5m])) > 10'",
            "expr: 'histogram_stdvar(rate(x_seconds[5m])) > 10'",
            "expr: 'histogram_quantile(0.9, rate(x_seconds[5m])) > 1 and histogram_count(rate(x_seconds[5m])) > 5'",
            "expr: 'histogram_quantile(0.9, sum(instance:x_seconds:rate5m)) > 1'",
        ],
        Verdict::Proven,
    );
}

#[test]
fn ages_and_own_alerts() {
    verdicts(
        &[
            "expr: 'time() - timestamp(x) > 60'",
            "expr: 'time() - timestamp(x) > 60', for: 2m",
            "expr: 'time() - timestamp(x) >= 120'",
            "expr: 'timestamp(x) < time() - 120'",
            "expr: 'time() - max by (job) (timestamp(x{job=\"a\"})) > 200'",
            "expr: 'time() - timestamp(x offset 5m) > 400'",
            "expr: 'count(ALERTS{alertstate=\"firing\"}) > 3'",
            "expr: 'count by (alertname) (ALERTS{alertstate=\"firing\"}) > 10'",
            "expr: 'sum(ALERTS{alertname!=\"A\",alertstate=\"firing\"}) > 2'",
            "expr: 'label_replace(count by (__name__) ({__name__=~\".+\"}), \"name\", \"$1\", \"__name__\", \"(.+)\") > 10000'",
            "expr: 'ALERTS{alertname=\"Other\",alertstate=\"firing\"} == 1', for: 5m",
            "expr: 'count({__name__=~\".+\"}) > 5'",
            "expr: 'count by (job) (ALERTS{severity=\"critical\"} == 1) >= 2', labels: {severity: critical}",
        ],
        Verdict::Proven,
    );
}

/// What the verdict says of a broken rule.
fn why(rule: &str) -> (Option<Link>, String) {
    let report = report(rule);
    assert_eq!(report.verdict, Verdict::Broken, "{rule}: {:?}", report.why);
    (report.link, report.why.unwrap_or_default())
}

#[test]
fn ages_that_no_sample_reaches() {
    for rule in [
        "expr: 'time() - timestamp(x) > 600'",
        "expr: 'time() - max by (job) (timestamp(x)) >= 300'",
        "expr: 'time() - timestamp(x offset 5m) > 900'",
    ] {
        let (link, why) = why(rule);
        assert_eq!(link, Some(Link::Expression), "{rule}: {why}");
    }
    // It holds for four minutes, not for five.
    let (link, why) = why("expr: 'time() - timestamp(x) > 60', for: 5m");
    assert_eq!(link, Some(Link::For), "{why}");
}

#[test]
fn rules_that_keep_themselves_firing() {
    for rule in [
        "expr: 'count(ALERTS) > 0'",
        "expr: 'ALERTS{alertname=\"A\"} == 1 or x > 5'",
    ] {
        let (link, why) = why(rule);
        assert_eq!(link, Some(Link::Resolve), "{rule}: {why}");
        assert!(why.contains("reads the series of its own alert"), "{why}");
    }
}
