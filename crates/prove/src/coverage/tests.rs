//! Services by failure mode over series in memory.

use skopos_rules::memory::MemoryStore;
use skopos_rules::parse_rule_file;

use super::*;

const NOW_MS: i64 = 1_700_000_000_000;

fn covered(rules: &str) -> CoverageReport {
    let store = MemoryStore::new();
    for (name, label, service) in [
        ("up", "job", "gateway"),
        ("up", "job", "worker"),
        ("up", "job", "lonely"),
        ("rpc_total", "service", "billing"),
        ("queue_depth", "job", "worker"),
    ] {
        store.put(&Labels::from_pairs([("__name__", name), (label, service)]), NOW_MS, 1.0);
    }
    let text = format!("groups:\n- name: g\n  rules:\n{rules}");
    let files = [parse_rule_file(&text, "r.yml").unwrap_or_else(|error| panic!("{error}"))];
    let receivers = |labels: &Labels| -> Vec<String> { vec![format!("team-{}", labels.get("service"))] };
    let verdict = |key: &RuleKey<'_>| (key.name == "Errors").then_some(Verdict::Proven);
    let input = CoverageInput {
        rules: &files,
        source: &store,
        now_ms: NOW_MS,
        receivers: &receivers,
        verdict: &verdict,
        syntax: ParseOptions::default(),
    };
    coverage(&input, &QueryBudget::unbounded()).expect("the store answers")
}

/// `service mode: rules`, of the cells that have rules.
fn cells(report: &CoverageReport) -> Vec<String> {
    let mut shown = Vec::new();
    for service in &report.services {
        for cell in service.cells.iter().filter(|cell| !cell.rules.is_empty()) {
            let rules: Vec<&str> = cell.rules.iter().map(|rule| rule.name.as_str()).collect();
            shown.push(format!(
                "{} {}: {}",
                service.service,
                cell.mode.as_str(),
                rules.join(" ")
            ));
        }
    }
    shown
}

#[test]
fn rules_are_placed_and_gaps_appear() {
    let report = covered(
        "  - {alert: Errors, expr: 'rate(http_errors_total[5m]) > 1', labels: {service: gateway}}
  - {alert: Down, expr: 'up{job=~\"gate.*|gone\"} == 0'}
  - {alert: Deep, expr: 'queue_depth > 10'}
  - {alert: Rpc, expr: 'rate(rpc_total{code=\"500\"}[5m]) or rate(rpc_total[5m]) > 1'}
  - {alert: Odd, expr: 'rate(rpc_total[5m]) > 1'}
  - {alert: Nowhere, expr: 'nothing_errors_total > 1'}
",
    );
    assert_eq!(
        cells(&report),
        [
            "billing errors: Rpc",
            "gateway down: Down",
            "gateway errors: Errors",
            "worker queue: Deep"
        ]
    );
    assert_eq!(report.unwatched, ["lonely"]);
    let unplaced: Vec<&str> = report.unplaced.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(unplaced, ["Odd", "Nowhere"]);
    assert!(report.unplaced[0].why.contains("failure_mode") && report.unplaced[1].why.contains("service"));
    assert!(
        report
            .services
            .iter()
            .all(|service| service.cells.len() == 8 && service.is_live)
    );
}

#[test]
fn why_and_to_whom_is_told() {
    let report = covered(
        "  - {alert: Errors, expr: 'rate(http_errors_total[5m]) > 1', labels: {service: checkout}}
  - {alert: AnyDown, expr: 'up == 0'}
",
    );
    let checkout = report.services.iter().find(|service| service.service == "checkout");
    let checkout = checkout.expect("a rule names it");
    assert!(!checkout.is_live);
    let rule = &checkout.cells[2].rules[0];
    assert_eq!(rule.receivers, ["team-checkout"]);
    assert_eq!(rule.verdict, Some(Verdict::Proven));
    assert_eq!(rule.service_why, "its label service=\"checkout\"");
    assert!(rule.mode_why.contains("\"errors\" in its name") && rule.mode_why.contains("http_errors_total"));
    // A rule without any condition is about every service that it sees.
    let down: Vec<&str> = report
        .services
        .iter()
        .filter(|service| !service.cells[0].rules.is_empty())
        .map(|service| service.service.as_str())
        .collect();
    assert_eq!(down, ["gateway", "lonely", "worker"]);
    let json = serde_json::to_value(&report).expect("plain data");
    assert_eq!(json["modes"][0], "down");
    assert_eq!(json["services"][1]["cells"][2]["rules"][0]["verdict"], "proven");
}
