//! Rules whose words tell how a service fails.

use skopos_rules::parse_rule_file;

use super::*;

fn modes(name: &str, expr: &str, more: &str) -> Vec<ModeOfRule> {
    let text = format!("groups: [{{name: g, rules: [{{alert: {name}, expr: {expr:?}{more}}}]}}]");
    let file = parse_rule_file(&text, "r.yml").expect("the file is valid");
    let rule = &file.groups[0].rules[0];
    of_rule(rule, &skopos_promql::parse(&rule.expr).expect("it parses"))
}

#[track_caller]
fn check(name: &str, expr: &str, expect: &str) {
    let found = modes(name, expr, "");
    let shown = found.first().map_or("none", |found| found.mode.as_str());
    assert_eq!(shown, expect, "{name}: {expr}: {found:?}");
}

#[test]
fn words_tell_the_mode() {
    check("A", "up{job=\"a\"} == 0", "down");
    check("A", "redis_up == 0", "down");
    check("A", "absent(heartbeat{job=\"a\"})", "down");
    check("GatewayDown", "sum(rate(requests_total[5m])) == 0", "down");
    check(
        "A",
        "histogram_quantile(0.9, sum by (le) (rate(x_seconds_bucket[5m]))) > 1",
        "slow",
    );
    check(
        "A",
        "rate(request_duration_seconds_sum[5m]) / rate(request_duration_seconds_count[5m]) > 1",
        "slow",
    );
    check(
        "A",
        "rate(http_requests_total{status=~\"5..\"}[5m]) / rate(http_requests_total[5m]) > 0.1",
        "errors",
    );
    check("A", "rate(http_requests_total{code!~\"2..\"}[5m]) > 1", "errors");
    check("A", "rate(x_total{status!=\"success\"}[5m]) > 1", "errors");
    check("A", "rate(x_total{code!=\"404\"}[5m]) > 1", "none");
    check("A", "rate(jobs_total{result=\"failure\"}[5m]) > 1", "errors");
    check("HighFailureRate", "rate(x_total[5m]) > 1", "errors");
    check(
        "HighCPUUsage",
        "rate(process_cpu_seconds_total[5m]) > 0.9",
        "saturation",
    );
    check(
        "A",
        "pg_stat_activity_connections / pg_settings_max_connections > 0.8",
        "saturation",
    );
    check(
        "A",
        "node_filesystem_avail_bytes / node_filesystem_size_bytes < 0.1",
        "disk",
    );
    check("A", "kafka_consumer_lag > 1000", "queue");
    check("DLQGrows", "increase(x_total[5m]) > 0", "queue");
    check("A", "increase(budget_limit_reached_total[5m]) > 10", "budget");
    check("A", "sum(rate(llm_tokens_total[1h])) > 5", "budget");
    check("A", "increase(rate_limit_hits_total[5m]) > 10", "budget");
    check("A", "probe_ssl_earliest_cert_expiry - time() < 86400", "certificate");
    check("A", "x509_cert_not_after - time() < 86400", "certificate");
    check("A", "a > 1", "none");
    // A status that may be fine says nothing.
    check("A", "rate(x_total{status=~\".*\"}[5m]) > 1", "none");
}

#[test]
fn what_decided_is_told_and_the_rule_may_say_itself() {
    assert_eq!(modes("A", "up == 0", "")[0].why, "the metric up");
    let found = modes("A", "up == 0", ", labels: {failure_mode: 'disk, queue'}");
    assert_eq!(
        found.iter().map(|found| found.mode).collect::<Vec<_>>(),
        [FailureMode::Disk, FailureMode::Queue]
    );
    assert_eq!(found[0].why, "its label failure_mode=\"disk, queue\"");
    let found = modes("A", "up == 0", ", annotations: {failure_mode: budget}");
    assert_eq!(found[0].mode, FailureMode::Budget);
}
